/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names of all certificate authorities. */

#include "authority-pool-private.h"

#include "brevet-identifier.h"
#include "record-damage.h"
#include "record-walk.h"
#include "records.h"

typedef struct {
  GPtrArray *names;
  GHashTable *known; /* folded names */
} List;

static void
list_free (gpointer data)
{
  List *list = data;

  g_ptr_array_unref (list->names);
  g_hash_table_unref (list->known);
  g_free (list);
}

static void
add_name (List *list, const char *name)
{
  if (g_hash_table_add (list->known, brevet_identifier_fold (name)))
    g_ptr_array_add (list->names, g_strdup (name));
}

/* A damaged one has a name all the same: who asks for it gets to know what is wrong with it. */
static void
add_record (BrevetRecord *record, gpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthorityDocument) document = brevet_records_read_authority (record, &error);

  if (document == NULL)
    brevet_record_damage_report (record, error, "nothing is issued under this name");
  add_name (data, document != NULL ? document->name : brevet_record_get_key (record));
}

static void
on_records_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  List *list = g_task_get_task_data (task);
  GError *error = NULL;

  if (!brevet_record_walk_finish (result, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  for (guint i = 0; g_ptr_array_index (self->names, i) != NULL; i++)
    add_name (list, g_ptr_array_index (self->names, i));
  g_task_return_pointer (task, g_ptr_array_ref (list->names), (GDestroyNotify) g_ptr_array_unref);
}

void
brevet_authority_pool_list_async (BrevetAuthorityPool *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                  gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  List *list = g_new0 (List, 1);

  g_task_set_source_tag (task, brevet_authority_pool_list_async);
  list->names = g_ptr_array_new_with_free_func (g_free);
  list->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_task_set_task_data (task, list, list_free);
  brevet_record_walk_async (self->store, BREVET_COLLECTION_AUTHORITIES, NULL, add_record, list, cancellable, on_records_read,
                            g_object_ref (task));
}

GPtrArray *
brevet_authority_pool_list_finish (BrevetAuthorityPool *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
