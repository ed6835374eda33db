/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust-bundle-follow.h"

#include "authority-versions.h"
#include "brevet-clock.h"
#include "brevet-identifier.h"

/* What is known of one certificate authority that the bundle names. */
typedef struct {
  const char *name;
  GPtrArray *versions; /* BrevetCaVersion */
  gboolean is_damaged; /* there are versions that nobody can read */
} Source;

typedef struct {
  BrevetStore *store;
  BrevetCensus *census;
  BrevetTrustBundleDocument *document;
  gint64 not_before; /* of the census, if one is needed */
  gboolean has_earlier;
  GHashTable *answers;
  GArray *sources;
  BrevetCensusResult *counted;
} Follow;

/* The list that is being made. */
typedef struct {
  const BrevetTrustBundleDocument *document;
  gint64 now;
  GPtrArray *certificates;
  GPtrArray *names;
} Collection;

static void
source_clear (gpointer data)
{
  Source *source = data;

  g_ptr_array_unref (source->versions);
}

static void
follow_free (gpointer data)
{
  Follow *follow = data;

  g_object_unref (follow->store);
  brevet_census_unref (follow->census);
  g_array_unref (follow->sources);
  g_clear_pointer (&follow->answers, g_hash_table_unref);
  g_clear_pointer (&follow->counted, brevet_census_result_unref);
  g_free (follow);
}

static void
on_counted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Follow *follow = g_task_get_task_data (task);
  GError *error = NULL;

  follow->counted = brevet_census_take_finish (result, &error);
  if (follow->counted == NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void look_up_next (GTask *task);

static void
on_versions_listed (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Follow *follow = g_task_get_task_data (task);
  Source source = { .name = follow->document->authorities[follow->sources->len] };
  g_autoptr(GPtrArray) damaged = NULL;
  GError *error = NULL;

  source.versions = brevet_authority_versions_list_finish (result, &damaged, &error);
  source.is_damaged = damaged->len > 0;
  if (source.versions == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  for (guint i = 0; i < source.versions->len; i++)
    {
      const BrevetCaVersion *version = g_ptr_array_index (source.versions, i);

      follow->has_earlier |= version->until != 0;
      follow->not_before = MAX (follow->not_before, version->until * G_USEC_PER_SEC);
    }
  g_array_append_val (follow->sources, source);
  look_up_next (task);
}

static void
look_up_next (GTask *task)
{
  Follow *follow = g_task_get_task_data (task);
  const char *name = follow->document->authorities[follow->sources->len];

  if (name != NULL)
    brevet_authority_versions_list_async (follow->store, name, g_task_get_cancellable (task), on_versions_listed,
                                          g_object_ref (task));
  else if (follow->has_earlier)
    /* One that began before the bundle changed last may bring back what another service has just taken out. */
    brevet_census_take_async (follow->census, follow->not_before, NULL, on_counted, g_object_ref (task));
  else
    g_task_return_boolean (task, TRUE);
}

void
brevet_trust_bundle_follow_async (BrevetStore *store, BrevetCensus *census, BrevetTrustBundleDocument *document, gint64 changed,
                                  GHashTable *answers, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Follow *follow = g_new0 (Follow, 1);

  g_task_set_source_tag (task, brevet_trust_bundle_follow_async);
  follow->store = g_object_ref (store);
  follow->census = brevet_census_ref (census);
  follow->document = document;
  follow->not_before = changed;
  follow->answers = answers != NULL ? g_hash_table_ref (answers) : NULL;
  follow->sources = g_array_new (FALSE, TRUE, sizeof (Source));
  g_array_set_clear_func (follow->sources, source_clear);
  g_task_set_task_data (task, follow, follow_free);
  look_up_next (task);
}

static gboolean
contains (GPtrArray *certificates, BrevetCertificate *certificate)
{
  for (guint i = 0; i < certificates->len; i++)
    if (brevet_certificate_equal (g_ptr_array_index (certificates, i), certificate))
      return TRUE;
  return FALSE;
}

static void
collect (Collection *self, BrevetCertificate *certificate, const char *name)
{
  if (brevet_certificate_get_not_after (certificate) <= self->now || !brevet_certificate_is_ca (certificate) ||
      contains (self->certificates, certificate))
    return;
  g_ptr_array_add (self->certificates, brevet_certificate_ref (certificate));
  g_ptr_array_add (self->names, g_strdup (name));
}

static void
collect_trust (Collection *self, BrevetTrustBundle *trust, const char *name)
{
  for (guint i = 0; i < brevet_trust_bundle_get_length (trust); i++)
    collect (self, brevet_trust_bundle_get (trust, i), name);
}

/* What the bundle has from @name, or from all of them. */
static void
collect_former (Collection *self, const char *name)
{
  const BrevetTrustBundleDocument *document = self->document;

  for (guint i = 0; i < document->pems->len; i++)
    {
      const char *source = g_ptr_array_index (document->sources, i);

      if (source != NULL && (name == NULL || brevet_identifier_equal (source, name)))
        collect (self, brevet_trust_bundle_get (document->bundle, i), source);
    }
}

static BrevetTrustBundle *
find_answer (Follow *follow, const char *name, const char *identity)
{
  g_autofree char *key = brevet_identifier_fold (name);
  BrevetTrustAnswer *answer = follow->answers != NULL ? g_hash_table_lookup (follow->answers, key) : NULL;

  return answer != NULL && (identity == NULL || g_strcmp0 (answer->identity, identity) == 0) ? answer->trust : NULL;
}

/* The CA that the name stands for now. Returns: whether it is known what that says */
static gboolean
collect_current (Follow *follow, Collection *collection, const Source *source)
{
  BrevetTrustBundle *trust = NULL;
  gboolean has_current = FALSE;

  for (guint i = 0; i < source->versions->len; i++)
    {
      const BrevetCaVersion *version = g_ptr_array_index (source->versions, i);

      if (version->until != 0)
        continue;
      has_current = TRUE;
      trust = find_answer (follow, source->name, version->identity);
      if (trust == NULL)
        trust = version->trust;
    }
  if (!has_current)
    trust = find_answer (follow, source->name, NULL);
  if (trust != NULL)
    collect_trust (collection, trust, source->name);
  return trust != NULL;
}

static gboolean
is_needed (BrevetCensusResult *census, const BrevetCaVersion *version)
{
  return brevet_census_result_uses (census, version->name, version->identity) ||
         brevet_census_result_has_unsent (census, version->name, version->until);
}

/* Those that it stood for before. Returns: whether it is known what all of them say that devices still use: a version that cannot
 * be read may be one of them */
static gboolean
collect_earlier (Follow *follow, Collection *collection, const Source *source)
{
  gboolean is_known = !source->is_damaged;

  for (guint i = 0; i < source->versions->len; i++)
    {
      const BrevetCaVersion *version = g_ptr_array_index (source->versions, i);

      if (version->until == 0 || !is_needed (follow->counted, version))
        continue;
      if (version->trust != NULL)
        collect_trust (collection, version->trust, source->name);
      else
        is_known = FALSE;
    }
  return is_known;
}

static gboolean
brings_news (const Collection *self)
{
  for (guint i = 0; i < self->certificates->len; i++)
    {
      BrevetCertificate *certificate = g_ptr_array_index (self->certificates, i);
      gboolean is_known = FALSE;

      for (guint known = 0; known < self->document->pems->len && !is_known; known++)
        is_known = brevet_certificate_equal (brevet_trust_bundle_get (self->document->bundle, known), certificate);
      if (!is_known)
        return TRUE;
    }
  return FALSE;
}

static gboolean
has_own (const BrevetTrustBundleDocument *document)
{
  return document->pems->len > 0 && g_ptr_array_index (document->sources, 0) == NULL;
}

gboolean
brevet_trust_bundle_follow_finish (GAsyncResult *result, gboolean *changed, GError **error)
{
  Follow *follow = g_task_get_task_data (G_TASK (result));
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  Collection collection = { follow->document, brevet_clock_now_seconds (), certificates, names };

  *changed = FALSE;
  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  for (guint i = 0; i < follow->sources->len; i++)
    {
      const Source *source = &g_array_index (follow->sources, Source, i);
      gboolean is_known = collect_current (follow, &collection, source);

      if (!collect_earlier (follow, &collection, source) || !is_known)
        collect_former (&collection, source->name);
    }
  if (brings_news (&collection))
    collect_former (&collection, NULL);
  if (certificates->len == 0 && !has_own (follow->document))
    return TRUE;
  return brevet_trust_bundle_document_follow (follow->document, certificates, names, changed, error);
}
