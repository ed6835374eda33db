/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-chore.h"

#include "authority-pool-private.h"
#include "brevet-clock.h"
#include "brevet-identifier.h"
#include "census.h"
#include "record-damage.h"
#include "record-walk.h"

#define INTERVAL 3600
#define DELAY    5

/* Seconds after which nobody who asked for a CA before its end still writes down that he asks it. */
#define GRACE 600

typedef struct {
  BrevetServiceContext *context;
  GPtrArray *names;          /* of all certificate authorities */
  guint next;                /* the one to look at */
  GHashTable *current;       /* key of the version → name: what the names stand for now */
  GPtrArray *versions;
  GHashTable *unused;        /* key of the version → BrevetCaVersion in @versions */
  BrevetCensusResult *usage;
  guint collection;          /* of those that name versions, the one to be gone through */
} Run;

static void
run_free (gpointer data)
{
  Run *run = data;

  brevet_service_context_unref (run->context);
  g_clear_pointer (&run->names, g_ptr_array_unref);
  g_hash_table_unref (run->current);
  g_clear_pointer (&run->unused, g_hash_table_unref);
  g_clear_pointer (&run->versions, g_ptr_array_unref);
  g_clear_pointer (&run->usage, brevet_census_result_unref);
  g_free (run);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
commit (GTask *task, BrevetBatch *batch)
{
  Run *run = g_task_get_task_data (task);

  if (brevet_batch_get_changes (batch)->len == 0)
    g_task_return_boolean (task, TRUE);
  else
    brevet_store_commit_async (run->context->store, batch, g_task_get_cancellable (task), on_committed, g_object_ref (task));
}

static void
delete_unused (GTask *task)
{
  Run *run = g_task_get_task_data (task);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  GHashTableIter iter;
  gpointer key, version;

  g_hash_table_iter_init (&iter, run->unused);
  while (g_hash_table_iter_next (&iter, &key, &version))
    brevet_batch_delete (batch, BREVET_COLLECTION_CA_VERSIONS, key, ((BrevetCaVersion *) version)->etag);
  commit (task, batch);
}

static void
keep (Run *run, const char *name, const char *identity)
{
  g_autofree char *key = name != NULL && identity != NULL ? brevet_records_ca_version_key (name, identity) : NULL;

  if (key != NULL)
    g_hash_table_remove (run->unused, key);
}

/* What cannot be read may name any of them. */
static void
keep_all (Run *run, BrevetRecord *record, const GError *error)
{
  brevet_record_damage_report (record, error, "as long as it is there, no CA that a name stood for earlier is forgotten");
  g_hash_table_remove_all (run->unused);
}

static void
keep_what_record_names (BrevetRecord *record, gpointer data)
{
  Run *run = data;
  g_autoptr(BrevetPendingRevocation) revocation = NULL;
  g_autoptr(BrevetIntent) intent = NULL;
  g_autoptr(GError) error = NULL;

  if (g_str_equal (brevet_record_get_collection (record), BREVET_COLLECTION_REVOCATIONS))
    revocation = brevet_records_read_pending_revocation (record, &error);
  else
    intent = brevet_records_read_intent (record, &error);
  if (revocation != NULL)
    keep (run, revocation->authority, revocation->identity);
  else if (intent != NULL)
    keep (run, intent->authority, intent->identity);
  else
    keep_all (run, record, error);
}

static void read_next_collection (GTask *task);

static void
on_collection_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;

  if (brevet_record_walk_finish (result, &error))
    read_next_collection (task);
  else
    g_task_return_error (task, error);
}

/* An attempt moves from the journal to the orphans, a certificate from there to the revocations: never the other way. */
static void
read_next_collection (GTask *task)
{
  static const char *const collections[] = {
    BREVET_COLLECTION_JOURNAL, BREVET_COLLECTION_ORPHANS, BREVET_COLLECTION_REVOCATIONS,
  };
  Run *run = g_task_get_task_data (task);

  if (run->collection < G_N_ELEMENTS (collections))
    brevet_record_walk_async (run->context->store, collections[run->collection++], NULL, keep_what_record_names, run,
                              g_task_get_cancellable (task), on_collection_read, g_object_ref (task));
  else
    delete_unused (task);
}

static void
on_census_taken (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Run *run = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  GHashTableIter iter;
  gpointer version;

  run->usage = brevet_census_take_finish (result, &error);
  if (run->usage == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  g_hash_table_iter_init (&iter, run->unused);
  while (g_hash_table_iter_next (&iter, NULL, &version))
    if (brevet_census_result_uses (run->usage, ((BrevetCaVersion *) version)->name, ((BrevetCaVersion *) version)->identity))
      g_hash_table_iter_remove (&iter);
  read_next_collection (task);
}

static void
look_for_unused (GTask *task)
{
  Run *run = g_task_get_task_data (task);
  gint64 now = brevet_clock_now_seconds ();
  gint64 latest = 0;

  run->unused = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < run->versions->len; i++)
    {
      BrevetCaVersion *version = g_ptr_array_index (run->versions, i);
      g_autofree char *key = brevet_records_ca_version_key (version->name, version->identity);

      if (version->until == 0 || version->until > now - GRACE || g_hash_table_contains (run->current, key))
        continue;
      latest = MAX (latest, version->until);
      g_hash_table_insert (run->unused, g_steal_pointer (&key), version);
    }
  if (g_hash_table_size (run->unused) == 0)
    g_task_return_boolean (task, TRUE);
  else
    brevet_census_take_async (run->context->census, (latest + GRACE) * G_USEC_PER_SEC, g_task_get_cancellable (task),
                              on_census_taken, g_object_ref (task));
}

static void
on_ended (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    look_for_unused (task);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/* A request that was under way during a reload may have noted last what its name stood for before. Whoever asks for the name next
 * puts that right. */
static void
forget_what_is_not_noted (Run *run)
{
  GHashTableIter iter;
  gpointer name;

  for (guint i = 0; i < run->versions->len; i++)
    {
      BrevetCaVersion *version = g_ptr_array_index (run->versions, i);
      g_autofree char *key = brevet_records_ca_version_key (version->name, version->identity);

      if (version->until == 0)
        g_hash_table_remove (run->current, key);
    }
  g_hash_table_iter_init (&iter, run->current);
  while (g_hash_table_iter_next (&iter, NULL, &name))
    brevet_authority_pool_forget_noted (run->context->authorities, name);
}

/* Of a name that is gone, nothing is current any more. */
static void
end_versions (GTask *task)
{
  Run *run = g_task_get_task_data (task);
  g_autoptr(GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  gint64 now = brevet_clock_now_seconds ();

  for (guint i = 0; i < run->names->len; i++)
    g_hash_table_add (known, brevet_identifier_fold (g_ptr_array_index (run->names, i)));
  for (guint i = 0; i < run->versions->len; i++)
    {
      BrevetCaVersion *version = g_ptr_array_index (run->versions, i);
      g_autofree char *name = brevet_identifier_fold (version->name);

      if (version->until != 0 || g_hash_table_contains (known, name))
        continue;
      brevet_authority_pool_forget_noted (run->context->authorities, version->name);
      version->until = now;
      brevet_records_put_ca_version (batch, version, version->etag);
    }
  if (brevet_batch_get_changes (batch)->len == 0)
    look_for_unused (task);
  else
    brevet_store_commit_async (run->context->store, batch, g_task_get_cancellable (task), on_ended, g_object_ref (task));
}

static void
on_versions_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Run *run = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  run->versions = brevet_authority_versions_list_finish (result, NULL, &error);
  if (run->versions == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  forget_what_is_not_noted (run);
  end_versions (task);
}

static void resolve_next (GTask *task);

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Run *run = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority =
    brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &error);

  if (authority == NULL)
    g_debug ("It is not noted which CA a name stands for: %s", error->message);
  else
    g_hash_table_insert (run->current, brevet_records_ca_version_key (authority->name, authority->identity),
                         g_strdup (authority->name));
  resolve_next (task);
}

/* To resolve a name is to note what it stands for. */
static void
resolve_next (GTask *task)
{
  Run *run = g_task_get_task_data (task);

  if (g_task_return_error_if_cancelled (task))
    return;
  if (run->next < run->names->len)
    brevet_authority_pool_resolve_async (run->context->authorities, g_ptr_array_index (run->names, run->next++), NULL,
                                         g_task_get_cancellable (task), on_resolved, g_object_ref (task));
  else
    brevet_authority_versions_list_async (run->context->store, NULL, g_task_get_cancellable (task), on_versions_listed,
                                          g_object_ref (task));
}

static void
on_names_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Run *run = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  run->names = brevet_authority_pool_list_finish (BREVET_AUTHORITY_POOL (source), result, &error);
  if (run->names != NULL)
    resolve_next (task);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
run_async (gpointer data, BrevetServiceContext *context, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Run *run = g_new0 (Run, 1);

  g_task_set_source_tag (task, run_async);
  run->context = brevet_service_context_ref (context);
  run->current = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_task_set_task_data (task, run, run_free);
  brevet_authority_pool_list_async (context->authorities, cancellable, on_names_listed, g_object_ref (task));
}

static gboolean
run_finish (gpointer data, GAsyncResult *result, guint *pause, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
brevet_authority_chore_add (BrevetServiceChores *chores)
{
  static const BrevetChore chore = {
    .name = BREVET_CHORE_CA_VERSIONS, .interval = INTERVAL, .delay = DELAY, .run_async = run_async, .run_finish = run_finish,
  };

  brevet_service_chores_add (chores, &chore, NULL, NULL);
}
