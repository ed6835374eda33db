/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub-trust.h"

#include "authority-pool.h"
#include "authority-versions.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "hub-trust-lists.h"
#include "record-damage.h"
#include "records.h"
#include "revocations.h"
#include "service.h"

typedef struct {
  BrevetHubTrust *trust;
  BrevetStore *store; /* NULL if there is none yet */
  BrevetAuthorityPool *pool;
  BrevetRevocations *revocations;
  GPtrArray *versions;       /* what names stand for and have stood for */
  GHashTable *identities;    /* keys of the versions that were asked */
  GHashTable *backends;     /* those that were asked */
  GHashTable *fingerprints; /* of the certificates in @trust */
  GHashTable *listed;       /* names of issuers that have a list */
  GHashTable *signers;      /* see brevet_hub_trust_add_list() */
} Collection;

static void
collection_clear (Collection *self)
{
  g_clear_pointer (&self->trust, brevet_hub_trust_free);
  g_clear_object (&self->pool);
  g_clear_object (&self->store);
  g_clear_pointer (&self->revocations, brevet_revocations_free);
  g_clear_pointer (&self->versions, g_ptr_array_unref);
  g_clear_pointer (&self->identities, g_hash_table_unref);
  g_clear_pointer (&self->backends, g_hash_table_unref);
  g_clear_pointer (&self->fingerprints, g_hash_table_unref);
  g_clear_pointer (&self->listed, g_hash_table_unref);
  g_clear_pointer (&self->signers, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Collection, collection_clear)

static BrevetHubTrust *
hub_trust_new (void)
{
  BrevetHubTrust *self = g_new0 (BrevetHubTrust, 1);

  self->certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  self->lists = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->authorities = g_ptr_array_new_with_free_func (g_free);
  self->without_trust = g_ptr_array_new_with_free_func (g_free);
  self->without_list = g_ptr_array_new_with_free_func (g_free);
  self->earlier_without_list = g_ptr_array_new_with_free_func (g_free);
  self->stored = g_ptr_array_new_with_free_func (g_free);
  self->left_out = g_ptr_array_new_with_free_func (g_free);
  self->earlier = g_ptr_array_new_with_free_func (g_free);
  self->uncovered = g_ptr_array_new_with_free_func (g_free);
  return self;
}

void
brevet_hub_trust_free (BrevetHubTrust *self)
{
  g_ptr_array_unref (self->certificates);
  g_ptr_array_unref (self->lists);
  g_ptr_array_unref (self->authorities);
  g_ptr_array_unref (self->without_trust);
  g_ptr_array_unref (self->without_list);
  g_ptr_array_unref (self->earlier_without_list);
  g_ptr_array_unref (self->stored);
  g_ptr_array_unref (self->left_out);
  g_ptr_array_unref (self->earlier);
  g_ptr_array_unref (self->uncovered);
  g_free (self);
}

gboolean
brevet_hub_trust_is_revocable (const BrevetHubTrust *self)
{
  return self->lists->len > 0 &&
         (self->requires_lists || self->without_list->len + self->earlier_without_list->len == 0);
}

static void
keep_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static void
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
add_certificates (Collection *self, BrevetTrustBundle *bundle)
{
  for (guint i = 0; i < brevet_trust_bundle_get_length (bundle); i++)
    {
      BrevetCertificate *certificate = brevet_trust_bundle_get (bundle, i);

      if (g_hash_table_add (self->fingerprints, g_strdup (brevet_certificate_get_sha256 (certificate))))
        g_ptr_array_add (self->trust->certificates, brevet_certificate_ref (certificate));
    }
}

/* What will never be answered is told to the operator; what may be answered later must not change the hub meanwhile. */
static gboolean
is_lack (const GError *error)
{
  return error == NULL || g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED);
}

static const BrevetCaVersion *
find_version (Collection *self, const char *name, const char *identity)
{
  g_autofree char *key = brevet_records_ca_version_key (name, identity);

  for (guint i = 0; i < self->versions->len; i++)
    {
      const BrevetCaVersion *version = g_ptr_array_index (self->versions, i);
      g_autofree char *other = brevet_records_ca_version_key (version->name, version->identity);

      if (g_str_equal (key, other))
        return version;
    }
  return NULL;
}

/* A certificate of which it is not known which CA it is of may be of any that the name has stood for. */
static gboolean
is_used (Collection *self, const char *name, const char *identity)
{
  g_autofree char *key = brevet_records_ca_version_key (name, identity);
  g_autofree char *folded = brevet_identifier_fold (name);

  return g_hash_table_contains (self->revocations->authorities, key) ||
         g_hash_table_contains (self->revocations->authorities, folded);
}

static BrevetTrustBundle *
get_trust (BrevetAuthority *authority, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_ca_backend_get_trust_async (authority->backend, NULL, keep_result, &result);
  wait_for (&result);
  return brevet_ca_backend_get_trust_finish (authority->backend, result, error);
}

/* What it said last may be old, but says nothing wrong; what nobody uses can wait. */
static gboolean
do_without_answer (Collection *self, BrevetAuthority *authority, const GError *cause, GError **error)
{
  const BrevetCaVersion *version = find_version (self, authority->name, authority->identity);

  if (version != NULL && version->trust != NULL)
    {
      add_certificates (self, version->trust);
      g_ptr_array_add (self->trust->stored, g_strdup (authority->name));
      return TRUE;
    }
  if (!is_used (self, authority->name, authority->identity))
    {
      g_ptr_array_add (self->trust->left_out, g_strdup (authority->name));
      return TRUE;
    }
  g_set_error (error, cause->domain, cause->code, "The certificate authority “%s” does not say what is to be trusted: %s",
               authority->name, cause->message);
  return FALSE;
}

static gboolean
ask_for_trust (Collection *self, BrevetAuthority *authority, GError **error)
{
  g_autoptr(GError) cause = NULL;
  g_autoptr(BrevetTrustBundle) bundle = get_trust (authority, &cause);

  if (bundle == NULL && !is_lack (cause))
    return do_without_answer (self, authority, cause, error);
  if (bundle != NULL && brevet_trust_bundle_get_length (bundle) > 0)
    add_certificates (self, bundle);
  else
    g_ptr_array_add (self->trust->without_trust, g_strdup (authority->name));
  return TRUE;
}

static gboolean
ask_for_list (Collection *self, BrevetAuthority *authority, GPtrArray *without, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autoptr(GBytes) der = NULL;

  brevet_ca_backend_get_crl_async (authority->backend, self->revocations->list, NULL, keep_result, &result);
  wait_for (&result);
  der = brevet_ca_backend_get_crl_finish (authority->backend, result, &local_error);
  if (der != NULL)
    return brevet_hub_trust_add_list (self->trust, self->signers, self->listed, authority->name, der, error);
  if (is_lack (local_error))
    {
      g_ptr_array_add (without, g_strdup (authority->name));
      return TRUE;
    }
  g_propagate_prefixed_error (error, g_steal_pointer (&local_error),
                              "The certificate authority “%s” gives no revocation list: ", authority->name);
  return FALSE;
}

static gboolean
ask (Collection *self, BrevetAuthority *authority, GError **error)
{
  guint left_out = self->trust->left_out->len;

  g_hash_table_add (self->identities, brevet_records_ca_version_key (authority->name, authority->identity));
  if (!g_hash_table_add (self->backends, authority->backend))
    return TRUE;
  g_ptr_array_add (self->trust->authorities, g_strdup (authority->name));
  if (!ask_for_trust (self, authority, error))
    return FALSE;
  return self->trust->left_out->len > left_out || ask_for_list (self, authority, self->trust->without_list, error);
}

static BrevetAuthority *
resolve (Collection *self, const char *name, const char *identity, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_authority_pool_resolve_async (self->pool, name, identity, NULL, keep_result, &result);
  wait_for (&result);
  return brevet_authority_pool_resolve_finish (self->pool, result, error);
}

/* What a name stood for earlier, while devices have its certificates: what it said is enough to accept them. */
static gboolean
ask_earlier (Collection *self, const BrevetCaVersion *version, GError **error)
{
  g_autoptr(BrevetAuthority) authority = NULL;
  g_autoptr(GError) cause = NULL;

  authority = resolve (self, version->name, version->identity, &cause);
  g_ptr_array_add (authority != NULL || version->until != 0 ? self->trust->earlier : self->trust->stored, g_strdup (version->name));
  if (version->trust != NULL)
    add_certificates (self, version->trust);
  if (authority == NULL && version->trust == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&cause));
      return FALSE;
    }
  /* The reason can often be mended, and until it is the hub has to do without any list. */
  if (authority == NULL)
    {
      g_warning ("%s", cause->message);
      g_ptr_array_add (self->trust->earlier_without_list, g_strdup (version->name));
      return TRUE;
    }
  return (version->trust != NULL || ask_for_trust (self, authority, error)) &&
         ask_for_list (self, authority, self->trust->earlier_without_list, error);
}

static gboolean
ask_all_earlier (Collection *self, GError **error)
{
  for (guint i = 0; i < self->versions->len; i++)
    {
      const BrevetCaVersion *version = g_ptr_array_index (self->versions, i);
      g_autofree char *key = brevet_records_ca_version_key (version->name, version->identity);

      if (!g_hash_table_contains (self->identities, key) && is_used (self, version->name, version->identity) &&
          !ask_earlier (self, version, error))
        return FALSE;
    }
  return TRUE;
}

/* One that is stored but cannot be used, having no plugin for example, issues nothing either. */
static gboolean
ask_stored (Collection *self, BrevetRecord *record, GError **error)
{
  g_autoptr(GError) damage = NULL;
  g_autoptr(BrevetAuthorityDocument) document = brevet_records_read_authority (record, &damage);
  g_autoptr(BrevetAuthority) authority = NULL;
  g_autoptr(GError) local_error = NULL;

  /* What it has said of itself is in its version, and counts as long as devices have its certificates. */
  if (document == NULL)
    {
      brevet_record_damage_report (record, damage, "the certificate authority is not asked");
      return TRUE;
    }
  authority = resolve (self, document->name, NULL, &local_error);
  if (authority != NULL)
    return ask (self, authority, error);
  g_debug ("The certificate authority “%s” is left out: %s", document->name, local_error->message);
  return TRUE;
}

static gboolean
ask_all_stored (Collection *self, GError **error)
{
  g_autoptr(GPtrArray) records = brevet_records_list_all (self->store, BREVET_COLLECTION_AUTHORITIES, NULL, error);

  for (guint i = 0; records != NULL && i < records->len; i++)
    if (!ask_stored (self, g_ptr_array_index (records, i), error))
      return FALSE;
  return records != NULL;
}

static gboolean
ask_all (Collection *self, GError **error)
{
  const char *const *names = brevet_authority_pool_list_configured (self->pool);

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autoptr(BrevetAuthority) authority = brevet_authority_pool_ref_configured (self->pool, names[i]);

      if (!ask (self, authority, error))
        return FALSE;
    }
  if (self->store == NULL)
    return TRUE;
  return ask_all_stored (self, error) && ask_all_earlier (self, error);
}

/* Whoever is about to be asked for a certificate is used as well. */
static gboolean
read_open_issuances (Collection *self, GError **error)
{
  g_autoptr(GPtrArray) records = brevet_records_list_all (self->store, BREVET_COLLECTION_JOURNAL, NULL, error);

  for (guint i = 0; records != NULL && i < records->len; i++)
    {
      g_autoptr(GError) damage = NULL;
      g_autoptr(BrevetIntent) intent = brevet_records_read_intent (g_ptr_array_index (records, i), &damage);

      if (intent == NULL)
        brevet_record_damage_report (g_ptr_array_index (records, i), damage, "the certificate authority that it asks is not known");
      else if (intent->identity != NULL)
        g_hash_table_add (self->revocations->authorities, brevet_records_ca_version_key (intent->authority, intent->identity));
    }
  return records != NULL;
}

static gboolean
read_store (Collection *self, GError **error)
{
  self->revocations = brevet_revocations_read (self->store, brevet_clock_now_seconds (), NULL, error);
  if (self->revocations == NULL)
    return FALSE;
  g_clear_pointer (&self->versions, g_ptr_array_unref);
  self->versions = brevet_authority_versions_list (self->store, NULL, error);
  return self->versions != NULL && read_open_issuances (self, error);
}

/* A service that was set up a moment ago has no store yet, and has issued nothing. */
static gboolean
open_world (Collection *self, BrevetConfig *config, GError **error)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetStore) store = brevet_service_make_store (config, registry, error);
  g_autoptr(GError) local_error = NULL;

  if (store == NULL)
    return FALSE;
  if (brevet_store_open_to_read (store, &local_error))
    self->store = g_object_ref (store);
  else if (!g_error_matches (local_error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  self->pool = brevet_authority_pool_new_to_read (config, registry, store, error);
  if (self->pool == NULL)
    return FALSE;
  if (self->store != NULL)
    return read_store (self, error);
  self->revocations = brevet_revocations_new ();
  return TRUE;
}

static void
find_uncovered (Collection *self)
{
  GHashTableIter iter;
  gpointer issuer;

  g_hash_table_iter_init (&iter, self->revocations->issuers);
  while (g_hash_table_iter_next (&iter, &issuer, NULL))
    if (!g_hash_table_contains (self->listed, issuer))
      g_ptr_array_add (self->trust->uncovered, g_strdup (issuer));
}

BrevetHubTrust *
brevet_hub_trust_collect (BrevetConfig *config, GError **error)
{
  g_auto(Collection) self = {
    .trust = hub_trust_new (),
    .versions = g_ptr_array_new (),
    .identities = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    .backends = g_hash_table_new (NULL, NULL),
    .fingerprints = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    .listed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    .signers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
  };

  if (!open_world (&self, config, error) || !ask_all (&self, error))
    return NULL;
  if (self.trust->certificates->len == 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "No certificate authority says whose devices a hub shall accept; add a group [ca NAME] to the configuration");
      return NULL;
    }
  find_uncovered (&self);
  return g_steal_pointer (&self.trust);
}
