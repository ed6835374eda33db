/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-versions.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "record-damage.h"
#include "record-walk.h"

#define MAXIMUM_ATTEMPTS 5

typedef struct {
  GPtrArray *versions; /* found so far */
  GPtrArray *damaged;  /* BrevetRecord */
} List;

static List *
list_new (void)
{
  List *list = g_new0 (List, 1);

  list->versions = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_ca_version_free);
  list->damaged = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_record_unref);
  return list;
}

static void
list_free (List *list)
{
  g_ptr_array_unref (list->versions);
  g_ptr_array_unref (list->damaged);
  g_free (list);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (List, list_free)

static void
take_record (BrevetRecord *record, gpointer data)
{
  List *list = data;
  g_autoptr(GError) error = NULL;
  BrevetCaVersion *version = brevet_records_read_ca_version (record, &error);

  if (version != NULL)
    {
      g_ptr_array_add (list->versions, version);
      return;
    }
  brevet_record_damage_report (record, error, "trust bundles keep what they have of this certificate authority");
  g_ptr_array_add (list->damaged, brevet_record_ref (record));
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  List *list = g_task_get_task_data (task);
  GError *error = NULL;

  if (brevet_record_walk_finish (result, &error))
    g_task_return_pointer (task, g_ptr_array_ref (list->versions), (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

void
brevet_authority_versions_list_async (BrevetStore *store, const char *name, GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (store, cancellable, callback, user_data);
  List *list = list_new ();
  g_autofree char *parent = name != NULL ? brevet_identifier_fold (name) : NULL;

  g_task_set_source_tag (task, brevet_authority_versions_list_async);
  g_task_set_task_data (task, list, (GDestroyNotify) list_free);
  brevet_record_walk_async (store, BREVET_COLLECTION_CA_VERSIONS, parent, take_record, list, cancellable, on_read,
                            g_object_ref (task));
}

GPtrArray *
brevet_authority_versions_list_finish (GAsyncResult *result, GPtrArray **damaged, GError **error)
{
  List *list = g_task_get_task_data (G_TASK (result));

  if (damaged != NULL)
    *damaged = g_ptr_array_ref (list->damaged);
  return g_task_propagate_pointer (G_TASK (result), error);
}

GPtrArray *
brevet_authority_versions_list (BrevetStore *store, const char *name, GError **error)
{
  g_autofree char *parent = name != NULL ? brevet_identifier_fold (name) : NULL;
  g_autoptr(GPtrArray) records = brevet_records_list_all (store, BREVET_COLLECTION_CA_VERSIONS, parent, error);
  g_autoptr(List) list = list_new ();

  if (records == NULL)
    return NULL;
  for (guint i = 0; i < records->len; i++)
    take_record (g_ptr_array_index (records, i), list);
  return g_ptr_array_ref (list->versions);
}

/* What is to become of a name's versions. */
typedef struct {
  BrevetSecretSeal *seal;
  const BrevetCaVersion *version; /* the caller's */
  guint attempt;
} Note;

static void
note_free (gpointer data)
{
  Note *note = data;

  brevet_secret_seal_unref (note->seal);
  g_free (note);
}

/* Each sealing yields another text, so it is the settings themselves that are compared. */
static gboolean
has_same_settings (const BrevetCaVersion *one, const BrevetCaVersion *other, BrevetSecretSeal *seal)
{
  g_autoptr(BrevetSettings) mine = NULL, theirs = NULL;

  if (!g_str_equal (one->module, other->module) || g_strcmp0 (one->base_directory, other->base_directory) != 0)
    return FALSE;
  mine = brevet_authority_version_open (one, seal, NULL);
  theirs = mine != NULL ? brevet_authority_version_open (other, seal, NULL) : NULL;
  return theirs != NULL && brevet_settings_equal (mine, theirs);
}

/* The version of a damaged record of the CA that is noted; NULL if there is none. */
static const char *
find_damaged (const Note *note, GPtrArray *damaged)
{
  g_autofree char *key = brevet_records_ca_version_key (note->version->name, note->version->identity);

  for (guint i = 0; i < damaged->len; i++)
    if (g_str_equal (brevet_record_get_key (g_ptr_array_index (damaged, i)), key))
      return brevet_record_get_etag (g_ptr_array_index (damaged, i));
  return NULL;
}

/* A damaged record is written anew: what the CA is configured with is known, and it says again what is to be trusted. */
static void
put_current (BrevetBatch *batch, const Note *note, const BrevetCaVersion *known, GPtrArray *damaged)
{
  BrevetCaVersion current = *note->version;
  const char *etag = find_damaged (note, damaged);

  if (known == NULL)
    {
      brevet_records_put_ca_version (batch, &current, etag != NULL ? etag : BREVET_IF_ABSENT);
      return;
    }
  if (known->until == 0 && has_same_settings (known, note->version, note->seal))
    return;
  current.since = known->until == 0 ? known->since : current.since;
  current.trust = known->trust;
  current.trust_time = known->trust_time;
  brevet_records_put_ca_version (batch, &current, known->etag);
}

static BrevetBatch *
compare (const Note *note, GPtrArray *versions, GPtrArray *damaged)
{
  BrevetBatch *batch = brevet_batch_new ();
  const BrevetCaVersion *known = NULL;

  for (guint i = 0; i < versions->len; i++)
    {
      BrevetCaVersion *version = g_ptr_array_index (versions, i);

      if (g_str_equal (version->identity, note->version->identity))
        known = version;
      else if (version->until == 0)
        {
          version->until = MAX (note->version->since, 1);
          brevet_records_put_ca_version (batch, version, version->etag);
        }
    }
  put_current (batch, note, known, damaged);
  return batch;
}

static void read_to_note (GTask *task);

static void
on_noted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Note *note = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT) && note->attempt < MAXIMUM_ATTEMPTS)
    read_to_note (task);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
on_read_to_note (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Note *note = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) damaged = NULL;
  g_autoptr(GPtrArray) versions = brevet_authority_versions_list_finish (result, &damaged, &error);
  g_autoptr(BrevetBatch) batch = versions != NULL ? compare (note, versions, damaged) : NULL;

  if (batch == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else if (brevet_batch_get_changes (batch)->len == 0)
    g_task_return_boolean (task, TRUE);
  else
    brevet_store_commit_async (BREVET_STORE (source), batch, NULL, on_noted, g_object_ref (task));
}

static void
read_to_note (GTask *task)
{
  Note *note = g_task_get_task_data (task);

  note->attempt++;
  brevet_authority_versions_list_async (g_task_get_source_object (task), note->version->name, g_task_get_cancellable (task),
                                        on_read_to_note, g_object_ref (task));
}

void
brevet_authority_versions_note_async (BrevetStore *store, BrevetSecretSeal *seal, const BrevetCaVersion *version,
                                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (store, cancellable, callback, user_data);
  Note *note = g_new0 (Note, 1);

  g_task_set_source_tag (task, brevet_authority_versions_note_async);
  note->seal = brevet_secret_seal_ref (seal);
  note->version = version;
  g_task_set_task_data (task, note, note_free);
  read_to_note (task);
}

gboolean
brevet_authority_versions_note_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* What a CA says is to be trusted, on its way into the record. */
typedef struct {
  char *key;
  BrevetTrustBundle *trust;
  guint attempt;
} TrustNote;

static void
trust_note_free (gpointer data)
{
  TrustNote *note = data;

  g_free (note->key);
  brevet_trust_bundle_unref (note->trust);
  g_free (note);
}

static void read_to_note_trust (GTask *task);

static void
on_trust_noted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  TrustNote *note = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT) && note->attempt < MAXIMUM_ATTEMPTS)
    read_to_note_trust (task);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
on_read_to_note_trust (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  TrustNote *note = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetCaVersion) version = record != NULL ? brevet_records_read_ca_version (record, &error) : NULL;
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  if (version == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  g_clear_pointer (&version->trust, brevet_trust_bundle_unref);
  version->trust = brevet_trust_bundle_ref (note->trust);
  version->trust_time = brevet_clock_now_seconds ();
  brevet_records_put_ca_version (batch, version, version->etag);
  brevet_store_commit_async (BREVET_STORE (source), batch, NULL, on_trust_noted, g_object_ref (task));
}

static void
read_to_note_trust (GTask *task)
{
  TrustNote *note = g_task_get_task_data (task);

  note->attempt++;
  brevet_store_get_async (g_task_get_source_object (task), BREVET_COLLECTION_CA_VERSIONS, note->key, g_task_get_cancellable (task),
                          on_read_to_note_trust, g_object_ref (task));
}

void
brevet_authority_versions_note_trust_async (BrevetStore *store, const char *name, const char *identity, BrevetTrustBundle *trust,
                                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (store, cancellable, callback, user_data);
  TrustNote *note = g_new0 (TrustNote, 1);

  g_task_set_source_tag (task, brevet_authority_versions_note_trust_async);
  note->key = brevet_records_ca_version_key (name, identity);
  note->trust = brevet_trust_bundle_ref (trust);
  g_task_set_task_data (task, note, trust_note_free);
  read_to_note_trust (task);
}

gboolean
brevet_authority_versions_note_trust_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
