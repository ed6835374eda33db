/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-versions.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"

#define PER_PAGE         1000
#define MAXIMUM_ATTEMPTS 5

typedef struct {
  char *parent;        /* NULL for all */
  GPtrArray *versions; /* found so far */
} List;

static void
list_free (gpointer data)
{
  List *list = data;

  g_free (list->parent);
  g_ptr_array_unref (list->versions);
  g_free (list);
}

static void
take_page (GPtrArray *versions, GPtrArray *records)
{
  for (guint i = 0; i < records->len; i++)
    {
      g_autoptr(GError) error = NULL;
      BrevetCaVersion *version = brevet_records_read_ca_version (g_ptr_array_index (records, i), &error);

      if (version != NULL)
        g_ptr_array_add (versions, version);
      else
        g_warning ("What is kept of a certificate authority is left out: %s", error->message);
    }
}

static void
on_page_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  List *list = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list_finish (BREVET_STORE (source), result, &error);

  if (records == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  take_page (list->versions, records);
  if (records->len < PER_PAGE)
    g_task_return_pointer (task, g_ptr_array_ref (list->versions), (GDestroyNotify) g_ptr_array_unref);
  else
    brevet_store_list_async (BREVET_STORE (source), BREVET_COLLECTION_CA_VERSIONS, list->parent,
                             brevet_record_get_key (g_ptr_array_index (records, PER_PAGE - 1)), PER_PAGE,
                             g_task_get_cancellable (task), on_page_read, g_object_ref (task));
}

void
brevet_authority_versions_list_async (BrevetStore *store, const char *name, GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (store, cancellable, callback, user_data);
  List *list = g_new0 (List, 1);

  g_task_set_source_tag (task, brevet_authority_versions_list_async);
  list->parent = name != NULL ? brevet_identifier_fold (name) : NULL;
  list->versions = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_ca_version_free);
  g_task_set_task_data (task, list, list_free);
  brevet_store_list_async (store, BREVET_COLLECTION_CA_VERSIONS, list->parent, NULL, PER_PAGE, cancellable, on_page_read,
                           g_object_ref (task));
}

GPtrArray *
brevet_authority_versions_list_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

GPtrArray *
brevet_authority_versions_list (BrevetStore *store, const char *name, GError **error)
{
  g_autofree char *parent = name != NULL ? brevet_identifier_fold (name) : NULL;
  g_autoptr(GPtrArray) records = brevet_records_list_all (store, BREVET_COLLECTION_CA_VERSIONS, parent, error);
  g_autoptr(GPtrArray) versions = NULL;

  if (records == NULL)
    return NULL;
  versions = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_ca_version_free);
  take_page (versions, records);
  return g_steal_pointer (&versions);
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

static void
put_current (BrevetBatch *batch, const Note *note, const BrevetCaVersion *known)
{
  BrevetCaVersion current = *note->version;

  if (known == NULL)
    {
      brevet_records_put_ca_version (batch, &current, BREVET_IF_ABSENT);
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
compare (const Note *note, GPtrArray *versions)
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
  put_current (batch, note, known);
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
  g_autoptr(GPtrArray) versions = brevet_authority_versions_list_finish (result, &error);
  g_autoptr(BrevetBatch) batch = versions != NULL ? compare (note, versions) : NULL;

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
