/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-change.h"

#include "brevet-error.h"

static gboolean
is_any (const char *condition)
{
  return g_str_equal (condition, BREVET_IF_PRESENT);
}

static gboolean
check_condition (const BrevetChange *change, const BrevetFileEntry *old, GError **error)
{
  if (change->condition == NULL)
    return TRUE;
  if (g_str_equal (change->condition, BREVET_IF_ABSENT))
    {
      if (old == NULL)
        return TRUE;
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "There is a record “%s” in “%s” already", change->key,
                   change->collection);
    }
  else if (is_any (change->condition))
    {
      if (old != NULL)
        return TRUE;
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "There is no record “%s” in “%s”", change->key, change->collection);
    }
  else
    {
      if (old != NULL && g_str_equal (old->etag, change->condition))
        return TRUE;
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "The record “%s” in “%s” is not there in version “%s” any more",
                   change->key, change->collection, change->condition);
    }
  return FALSE;
}

/* What was there before a change. */
typedef struct {
  const BrevetChange *change;
  BrevetFileEntry *old; /* nullable */
} Step;

static void
step_clear (gpointer data)
{
  Step *step = data;

  g_clear_pointer (&step->old, brevet_file_entry_unref);
}

static gboolean
apply (BrevetFileIndex *index, const BrevetChange *change, GArray *steps, GError **error)
{
  BrevetFileEntry *old = brevet_file_index_lookup (index, change->collection, change->key);
  Step step = { change, NULL };

  if (!check_condition (change, old, error))
    return FALSE;
  if (change->kind == BREVET_CHANGE_DELETE && old == NULL)
    return TRUE;
  step.old = old != NULL ? brevet_file_entry_ref (old) : NULL;
  g_array_append_val (steps, step);
  if (change->kind == BREVET_CHANGE_PUT)
    brevet_file_index_put (index, brevet_file_entry_new_from_change (change, old));
  else
    brevet_file_index_remove (index, change->collection, change->key);
  return TRUE;
}

static void
undo (BrevetFileIndex *index, GArray *steps)
{
  for (guint i = steps->len; i > 0; i--)
    {
      Step *step = &g_array_index (steps, Step, i - 1);

      if (step->old != NULL)
        brevet_file_index_put (index, g_steal_pointer (&step->old));
      else
        brevet_file_index_remove (index, step->change->collection, step->change->key);
    }
}

gboolean
brevet_file_change_apply_batch (BrevetFileIndex *index, BrevetBatch *batch, gboolean *changed, GError **error)
{
  GPtrArray *changes = brevet_batch_get_changes (batch);
  g_autoptr(GArray) steps = g_array_new (FALSE, FALSE, sizeof (Step));

  g_array_set_clear_func (steps, step_clear);
  for (guint i = 0; i < changes->len; i++)
    if (!apply (index, g_ptr_array_index (changes, i), steps, error))
      {
        undo (index, steps);
        return FALSE;
      }
  *changed = *changed || steps->len > 0;
  return TRUE;
}
