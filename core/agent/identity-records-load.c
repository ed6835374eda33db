/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-records-private.h"

#include "brevet-error.h"
#include "generation-check.h"

/* More than any identity has. */
#define LIST_LIMIT 1000

void
brevet_stored_identity_free (BrevetStoredIdentity *self)
{
  g_return_if_fail (self != NULL);

  g_clear_pointer (&self->current, brevet_generation_unref);
  g_clear_pointer (&self->previous, brevet_generation_unref);
  g_clear_pointer (&self->staged, brevet_generation_unref);
  g_clear_pointer (&self->memory, brevet_identity_memory_free);
  g_clear_pointer (&self->problems, g_ptr_array_unref);
  g_free (self);
}

typedef struct {
  BrevetPlace           place; /* that is being read */
  guint                 next;  /* of its records, where they are read one by one */
  guint                 unreadable;
  GHashTable           *records[BREVET_N_PLACES];
  BrevetStoredIdentity *stored;
  gboolean              needs_repair;
} Load;

static void
load_free (gpointer data)
{
  Load *load = data;

  for (guint i = 0; i < BREVET_N_PLACES; i++)
    g_clear_pointer (&load->records[i], g_hash_table_unref);
  g_clear_pointer (&load->stored, brevet_stored_identity_free);
  g_free (load);
}

static void G_GNUC_PRINTF (2, 3)
add_problem (Load *load, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_ptr_array_add (load->stored->problems, g_strdup_vprintf (format, arguments));
  va_end (arguments);
}

static const char *
title_of (BrevetPlace place)
{
  static const char *const titles[BREVET_N_PLACES] = {
    "The identity in use", "The previous identity", "The identity that is being asked for",
  };

  return titles[place];
}

/* One of the three, with what is wrong with it; %FALSE if reading must end. */
static gboolean
read_generation (BrevetIdentityRecords *self, Load *load, BrevetPlace place, BrevetGeneration **generation, GError **error)
{
  g_autofree char *trust_bundle_name = NULL;
  g_autofree char *problem = NULL;
  g_autoptr(BrevetGeneration) found = NULL;
  g_autoptr(GError) local_error = NULL;

  found = brevet_generation_read (load->records[place], &trust_bundle_name, &problem, &local_error);
  if (g_error_matches (local_error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "%s cannot be used: %s", title_of (place), local_error->message);
      return FALSE;
    }
  if (found != NULL && place != BREVET_PLACE_STAGED && !brevet_generation_check_stored (found, &local_error))
    g_clear_pointer (&found, brevet_generation_unref);
  if (local_error != NULL)
    add_problem (load, "%s cannot be read back: %s", title_of (place), local_error->message);
  if (problem != NULL)
    add_problem (load, "%s is without its trust bundle, which cannot be read back: %s", title_of (place), problem);
  if (place == BREVET_PLACE_CURRENT)
    load->needs_repair = load->needs_repair || found == NULL || problem != NULL
                         || (trust_bundle_name != NULL && !g_str_equal (trust_bundle_name, self->trust_bundle_name));
  *generation = g_steal_pointer (&found);
  return TRUE;
}

static gboolean
read_memory (BrevetIdentityRecords *self, Load *load, GError **error)
{
  BrevetRecord *record = g_hash_table_lookup (load->records[BREVET_PLACE_CURRENT], BREVET_IDENTITY_MEMORY_NAME);
  g_autoptr(GError) local_error = NULL;

  if (record != NULL)
    load->stored->memory = brevet_identity_memory_parse (brevet_record_get_body (record), &local_error);
  if (load->stored->memory == NULL)
    load->stored->memory = brevet_identity_memory_new ();
  if (g_error_matches (local_error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "What the identity remembers cannot be used: %s",
                   local_error->message);
      return FALSE;
    }
  if (local_error != NULL)
    add_problem (load, "What the identity remembers of its attempts cannot be read back: %s", local_error->message);
  return TRUE;
}

static gboolean
read_tokens (BrevetIdentityRecords *self, Load *load, GError **error)
{
  BrevetRecord *record = g_hash_table_lookup (load->records[BREVET_PLACE_CURRENT], BREVET_IDENTITY_TOKENS_NAME);
  g_autoptr(GError) local_error = NULL;

  if (brevet_identity_records_read_tokens (self, record, load->stored, &local_error))
    return TRUE;
  if (g_error_matches (local_error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "What is known of tokens cannot be used: %s", local_error->message);
      return FALSE;
    }
  add_problem (load, "What is known of tokens cannot be read back: %s", local_error->message);
  return TRUE;
}

/* The previous generation is kept for this. */
static void
fall_back (Load *load)
{
  BrevetStoredIdentity *stored = load->stored;

  if (stored->current != NULL || stored->previous == NULL)
    return;
  stored->current = g_steal_pointer (&stored->previous);
  add_problem (load, "The previous identity is used again");
}

static gboolean
assemble (BrevetIdentityRecords *self, Load *load, GError **error)
{
  BrevetStoredIdentity *stored = load->stored;

  g_clear_error (&self->untouchable);
  if (!read_generation (self, load, BREVET_PLACE_CURRENT, &stored->current, error)
      || !read_generation (self, load, BREVET_PLACE_PREVIOUS, &stored->previous, error)
      || !read_generation (self, load, BREVET_PLACE_STAGED, &stored->staged, error) || !read_memory (self, load, error)
      || !read_tokens (self, load, error))
    {
      self->untouchable = g_error_copy (*error);
      return FALSE;
    }
  fall_back (load);

  g_clear_pointer (&self->current, brevet_generation_unref);
  self->current = stored->current != NULL ? brevet_generation_ref (stored->current) : NULL;
  self->needs_repair = stored->current != NULL && load->needs_repair;
  return TRUE;
}

static void read_place (GTask *task);

static void
end_place (GTask *task)
{
  BrevetIdentityRecords *self = g_task_get_source_object (task);
  Load *load = g_task_get_task_data (task);
  GError *error = NULL;

  load->place++;
  if (load->place < BREVET_N_PLACES)
    {
      read_place (task);
      return;
    }
  if (assemble (self, load, &error))
    g_task_return_pointer (task, g_steal_pointer (&load->stored), (GDestroyNotify) brevet_stored_identity_free);
  else
    g_task_return_error (task, error);
  g_object_unref (task);
}

static void
add_record (BrevetIdentityRecords *self, Load *load, BrevetRecord *record)
{
  const char *name = brevet_record_get_key (record);

  g_hash_table_replace (load->records[load->place], (gpointer) name, brevet_record_ref (record));
  g_hash_table_add (self->names[load->place], g_strdup (name));
}

static void get_next (GTask *task);

static void
on_got (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = G_TASK (user_data);
  BrevetIdentityRecords *self = g_task_get_source_object (task);
  Load *load = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (self->store, result, &error);
  gboolean damaged = g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);

  load->next++;
  load->unreadable += damaged ? 1 : 0;
  if (record != NULL)
    add_record (self, load, record);
  else if (damaged && load->unreadable < BREVET_N_RECORD_NAMES)
    add_problem (load, "%s", error->message);
  else if (damaged || !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      g_object_unref (task);
      return;
    }
  get_next (task);
}

static void
get_next (GTask *task)
{
  BrevetIdentityRecords *self = g_task_get_source_object (task);
  Load *load = g_task_get_task_data (task);
  const char *names[BREVET_N_RECORD_NAMES];

  brevet_identity_records_list_names (self, names);
  if (load->next < BREVET_N_RECORD_NAMES)
    brevet_store_get_async (self->store, self->collections[load->place], names[load->next], g_task_get_cancellable (task), on_got,
                            task);
  else
    end_place (task);
}

/* One damaged record must not cost the others, the key least of all. Where nothing at all can be read, the store is at fault. */
static void
read_one_by_one (GTask *task)
{
  Load *load = g_task_get_task_data (task);

  load->next = 0;
  load->unreadable = 0;
  load->needs_repair = load->needs_repair || load->place == BREVET_PLACE_CURRENT;
  get_next (task);
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = G_TASK (user_data);
  BrevetIdentityRecords *self = g_task_get_source_object (task);
  Load *load = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list_finish (self->store, result, &error);

  if (records == NULL && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CORRUPT))
    {
      read_one_by_one (task);
      return;
    }
  if (records == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      g_object_unref (task);
      return;
    }
  for (guint i = 0; i < records->len; i++)
    add_record (self, load, g_ptr_array_index (records, i));
  end_place (task);
}

static void
read_place (GTask *task)
{
  BrevetIdentityRecords *self = g_task_get_source_object (task);
  Load *load = g_task_get_task_data (task);

  load->records[load->place] = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) brevet_record_unref);
  g_hash_table_remove_all (self->names[load->place]);
  brevet_store_list_async (self->store, self->collections[load->place], NULL, NULL, LIST_LIMIT, g_task_get_cancellable (task),
                           on_listed, task);
}

static Load *
load_new (void)
{
  Load *load = g_new0 (Load, 1);

  load->stored = g_new0 (BrevetStoredIdentity, 1);
  load->stored->problems = g_ptr_array_new_with_free_func (g_free);
  return load;
}

void
brevet_identity_records_load_async (BrevetIdentityRecords *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data)
{
  GTask *task = NULL;

  g_return_if_fail (BREVET_IS_IDENTITY_RECORDS (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, brevet_identity_records_load_async);
  g_task_set_task_data (task, load_new (), load_free);
  read_place (task);
}

BrevetStoredIdentity *
brevet_identity_records_load_finish (BrevetIdentityRecords *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
