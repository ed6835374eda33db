/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-records-private.h"

G_DEFINE_FINAL_TYPE (BrevetIdentityRecords, brevet_identity_records, G_TYPE_OBJECT)

static void
brevet_identity_records_finalize (GObject *object)
{
  BrevetIdentityRecords *self = BREVET_IDENTITY_RECORDS (object);

  g_clear_object (&self->store);
  g_free (self->trust_bundle_name);
  for (guint i = 0; i < BREVET_N_PLACES; i++)
    {
      g_free (self->collections[i]);
      g_hash_table_unref (self->names[i]);
    }
  g_clear_pointer (&self->current, brevet_generation_unref);
  g_clear_error (&self->untouchable);
  g_free (self->name);
  g_free (self->installation);
  g_ptr_array_unref (self->tokens);
  G_OBJECT_CLASS (brevet_identity_records_parent_class)->finalize (object);
}

static void
brevet_identity_records_class_init (BrevetIdentityRecordsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = brevet_identity_records_finalize;
}

static GHashTable *
new_names (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static void
brevet_identity_records_init (BrevetIdentityRecords *self)
{
  for (guint i = 0; i < BREVET_N_PLACES; i++)
    self->names[i] = new_names ();
  self->tokens = g_ptr_array_new_with_free_func (g_free);
}

BrevetIdentityRecords *
brevet_identity_records_new (BrevetStore *store, const char *name, const char *trust_bundle_name)
{
  BrevetIdentityRecords *self = NULL;

  g_return_val_if_fail (BREVET_IS_STORE (store) && name != NULL && trust_bundle_name != NULL, NULL);

  self = g_object_new (BREVET_TYPE_IDENTITY_RECORDS, NULL);
  self->store = g_object_ref (store);
  self->name = g_strdup (name);
  self->trust_bundle_name = g_strdup (trust_bundle_name);
  self->collections[BREVET_PLACE_CURRENT] = g_strconcat ("identity-", name, NULL);
  self->collections[BREVET_PLACE_PREVIOUS] = g_strconcat ("identity-", name, "-previous", NULL);
  self->collections[BREVET_PLACE_STAGED] = g_strconcat ("identity-", name, "-staged", NULL);
  return self;
}

void
brevet_identity_records_list_names (BrevetIdentityRecords *self, const char *names[BREVET_N_RECORD_NAMES])
{
  guint count = 0;

  names[count++] = BREVET_IDENTITY_GENERATION_NAME;
  names[count++] = BREVET_IDENTITY_KEY_NAME;
  names[count++] = BREVET_IDENTITY_CSR_NAME;
  names[count++] = BREVET_IDENTITY_CERTIFICATE_NAME;
  names[count++] = self->trust_bundle_name;
  names[count++] = BREVET_IDENTITY_MEMORY_NAME;
  names[count++] = BREVET_IDENTITY_TOKENS_NAME;
}

/* A batch, and what is true once it is committed. */
typedef struct {
  BrevetBatch      *batch;
  GHashTable       *names[BREVET_N_PLACES]; /* NULL where nothing changes */
  BrevetGeneration *current;         /* NULL if it stays */
  gboolean          tokens;
} Change;

static Change *
change_new (void)
{
  Change *change = g_new0 (Change, 1);

  change->batch = brevet_batch_new ();
  return change;
}

static void
change_free (Change *change)
{
  brevet_batch_unref (change->batch);
  for (guint i = 0; i < BREVET_N_PLACES; i++)
    g_clear_pointer (&change->names[i], g_hash_table_unref);
  g_clear_pointer (&change->current, brevet_generation_unref);
  g_free (change);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Change, change_free)

/* What is beside the generations, and stays. */
static gboolean
is_beside (BrevetPlace place, const char *name)
{
  return place == BREVET_PLACE_CURRENT
         && (g_str_equal (name, BREVET_IDENTITY_MEMORY_NAME) || g_str_equal (name, BREVET_IDENTITY_TOKENS_NAME));
}

/* Whatever was there before and is not there any more. The names that everybody knows go in any case: deleting what is not there is
 * no error, and what a commit that failed has left behind is not known here. */
static void
delete_rest (Change *change, BrevetIdentityRecords *self, BrevetPlace place)
{
  g_autoptr(GHashTable) gone = g_hash_table_new (g_str_hash, g_str_equal);
  const char *usual[BREVET_N_RECORD_NAMES];
  GHashTableIter iter;
  gpointer name = NULL;

  brevet_identity_records_list_names (self, usual);
  for (guint i = 0; i < BREVET_N_RECORD_NAMES; i++)
    g_hash_table_add (gone, (gpointer) usual[i]);
  g_hash_table_iter_init (&iter, self->names[place]);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_hash_table_add (gone, name);

  g_hash_table_iter_init (&iter, gone);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (!g_hash_table_contains (change->names[place], name) && !is_beside (place, name))
      brevet_batch_delete (change->batch, self->collections[place], name, NULL);
}

static gboolean
put_place (Change *change, BrevetIdentityRecords *self, BrevetPlace place, BrevetGeneration *generation, gboolean whole,
           GError **error)
{
  change->names[place] = new_names ();
  if (generation != NULL
      && !brevet_generation_put (generation, change->batch, self->collections[place], self->trust_bundle_name, whole,
                                 change->names[place], error))
    return FALSE;
  delete_rest (change, self, place);
  return TRUE;
}

static gboolean
put_current (Change *change, BrevetIdentityRecords *self, BrevetGeneration *current, gboolean whole, GError **error)
{
  change->current = brevet_generation_ref (current);
  return put_place (change, self, BREVET_PLACE_CURRENT, current, whole, error);
}

static void
put_memory (Change *change, BrevetIdentityRecords *self, const BrevetIdentityMemory *memory)
{
  g_autoptr(GBytes) body = brevet_identity_memory_print (memory);

  brevet_batch_put (change->batch, self->collections[BREVET_PLACE_CURRENT], BREVET_IDENTITY_MEMORY_NAME, NULL, body, NULL);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityRecords *self = g_task_get_source_object (task);
  Change *change = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (!brevet_store_commit_finish (self->store, result, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  for (guint i = 0; i < BREVET_N_PLACES; i++)
    if (change->names[i] != NULL)
      {
        g_hash_table_unref (self->names[i]);
        self->names[i] = g_steal_pointer (&change->names[i]);
      }
  if (change->tokens)
    self->tokens_changed = FALSE;
  if (change->current != NULL)
    {
      g_clear_pointer (&self->current, brevet_generation_unref);
      self->current = g_steal_pointer (&change->current);
      self->needs_repair = FALSE;
    }
  g_task_return_boolean (task, TRUE);
}

/* Takes @change, or the error why there is none. */
static void
commit (GTask *task, Change *change, GError *problem)
{
  BrevetIdentityRecords *self = g_task_get_source_object (task);

  if (problem == NULL && self->untouchable != NULL)
    problem = g_error_copy (self->untouchable);
  if (problem != NULL)
    {
      g_clear_pointer (&change, change_free);
      g_task_return_error (task, problem);
      g_object_unref (task);
      return;
    }
  g_task_set_task_data (task, change, (GDestroyNotify) change_free);
  change->tokens = self->tokens_changed && self->installation != NULL;
  if (change->tokens)
    brevet_identity_records_put_tokens (self, change->batch);
  if (brevet_batch_get_changes (change->batch)->len == 0)
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }
  brevet_store_commit_async (self->store, change->batch, g_task_get_cancellable (task), on_committed, task);
}

void
brevet_identity_records_stage_async (BrevetIdentityRecords *self, BrevetGeneration *staged, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(Change) change = NULL;
  GError *error = NULL;
  GTask *task = NULL;

  g_return_if_fail (BREVET_IS_IDENTITY_RECORDS (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, brevet_identity_records_stage_async);
  change = change_new ();
  if (put_place (change, self, BREVET_PLACE_STAGED, staged, TRUE, &error) && self->needs_repair)
    put_current (change, self, self->current, TRUE, &error);
  commit (task, g_steal_pointer (&change), error);
}

gboolean
brevet_identity_records_stage_finish (BrevetIdentityRecords *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
brevet_identity_records_switch_async (BrevetIdentityRecords *self, BrevetGeneration *current, BrevetGeneration *previous,
                                      const BrevetIdentityMemory *memory, GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data)
{
  g_autoptr(Change) change = NULL;
  GError *error = NULL;
  GTask *task = NULL;

  g_return_if_fail (BREVET_IS_IDENTITY_RECORDS (self) && current != NULL && memory != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, brevet_identity_records_switch_async);
  change = change_new ();
  if (put_current (change, self, current, TRUE, &error) && put_place (change, self, BREVET_PLACE_PREVIOUS, previous, TRUE, &error)
      && put_place (change, self, BREVET_PLACE_STAGED, NULL, TRUE, &error))
    put_memory (change, self, memory);
  commit (task, g_steal_pointer (&change), error);
}

gboolean
brevet_identity_records_switch_finish (BrevetIdentityRecords *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Whether key and certificate of @current are stored as they are, so that they need not be written again. */
static gboolean
has_credential_of (BrevetIdentityRecords *self, BrevetGeneration *current)
{
  return !self->needs_repair && self->current != NULL && self->current->key == current->key && self->current->csr == current->csr
         && self->current->chain == current->chain;
}

void
brevet_identity_records_update_async (BrevetIdentityRecords *self, BrevetGeneration *current, const BrevetIdentityMemory *memory,
                                      gboolean drop_previous, GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data)
{
  g_autoptr(Change) change = NULL;
  GError *error = NULL;
  GTask *task = NULL;

  g_return_if_fail (BREVET_IS_IDENTITY_RECORDS (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, brevet_identity_records_update_async);
  change = change_new ();
  if (current != NULL)
    put_current (change, self, current, !has_credential_of (self, current), &error);
  else if (self->needs_repair)
    put_current (change, self, self->current, TRUE, &error);
  if (memory != NULL)
    put_memory (change, self, memory);
  if (drop_previous)
    put_place (change, self, BREVET_PLACE_PREVIOUS, NULL, TRUE, NULL);
  commit (task, g_steal_pointer (&change), error);
}

gboolean
brevet_identity_records_update_finish (BrevetIdentityRecords *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
brevet_identity_records_needs_repair (BrevetIdentityRecords *self)
{
  g_return_val_if_fail (BREVET_IS_IDENTITY_RECORDS (self), FALSE);
  return self->needs_repair;
}

char *
brevet_identity_records_locate (BrevetIdentityRecords *self, const char *record)
{
  g_return_val_if_fail (BREVET_IS_IDENTITY_RECORDS (self) && record != NULL, NULL);

  if (g_str_equal (record, BREVET_IDENTITY_TRUST_BUNDLE_NAME))
    record = self->trust_bundle_name;
  return brevet_store_locate (self->store, self->collections[BREVET_PLACE_CURRENT], record);
}
