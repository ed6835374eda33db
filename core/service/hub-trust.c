/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub-trust.h"

#include "authority-pool.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "records.h"
#include "revocations.h"
#include "service.h"

#include <gnutls/x509.h>

#define PER_PAGE 1000

typedef struct gnutls_x509_crl_int Crl;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Crl, gnutls_x509_crl_deinit)

typedef struct {
  BrevetHubTrust *trust;
  BrevetStore *store; /* NULL if there is none yet */
  BrevetAuthorityPool *pool;
  BrevetRevocations *revocations;
  GHashTable *backends;     /* those that were asked */
  GHashTable *fingerprints; /* of the certificates in @trust */
  GHashTable *listed;       /* names of issuers that have a list */
  GHashTable *signers;      /* see identify_signer() */
} Collection;

static void
collection_clear (Collection *self)
{
  g_clear_pointer (&self->trust, brevet_hub_trust_free);
  g_clear_object (&self->pool);
  g_clear_object (&self->store);
  g_clear_pointer (&self->revocations, brevet_revocations_free);
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
  g_ptr_array_unref (self->uncovered);
  g_free (self);
}

gboolean
brevet_hub_trust_is_revocable (const BrevetHubTrust *self)
{
  return self->lists->len > 0 && self->without_list->len == 0;
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

static gboolean
ask_for_trust (Collection *self, BrevetAuthority *authority, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autoptr(BrevetTrustBundle) bundle = NULL;

  brevet_ca_backend_get_trust_async (authority->backend, NULL, keep_result, &result);
  wait_for (&result);
  bundle = brevet_ca_backend_get_trust_finish (authority->backend, result, &local_error);
  if (bundle == NULL && !is_lack (local_error))
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&local_error),
                                  "The certificate authority “%s” does not say what is to be trusted: ", authority->name);
      return FALSE;
    }
  if (bundle != NULL && brevet_trust_bundle_get_length (bundle) > 0)
    add_certificates (self, bundle);
  else
    g_ptr_array_add (self->trust->without_trust, g_strdup (authority->name));
  return TRUE;
}

static char *
get_issuer (Crl *crl)
{
  gnutls_datum_t name = { NULL, 0 };
  char *issuer;

  if (gnutls_x509_crl_get_issuer_dn3 (crl, &name, 0) < 0)
    return NULL;
  issuer = g_strndup ((const char *) name.data, name.size);
  gnutls_free (name.data);
  return issuer;
}

/* A certificate authority that is renewed often keeps its name and changes its key: each key has a list of its own. */
static char *
identify_signer (Crl *crl, const char *issuer)
{
  guint8 id[64];
  gsize size = sizeof id;
  g_autofree char *key = NULL;

  if (gnutls_x509_crl_get_authority_key_id (crl, id, &size, NULL) < 0)
    size = 0;
  key = g_base64_encode (id, size);
  return g_strconcat (key, " ", issuer, NULL);
}

/* Several authorities may share one issuing certificate, and there is one list of it. */
static gboolean
add_list (Collection *self, const char *authority, GBytes *der, GError **error)
{
  gnutls_datum_t data = { (unsigned char *) g_bytes_get_data (der, NULL), g_bytes_get_size (der) };
  g_autoptr(Crl) crl = NULL;
  g_autofree char *issuer = NULL;
  gint64 next_update;

  if (gnutls_x509_crl_init (&crl) < 0 || gnutls_x509_crl_import (crl, &data, GNUTLS_X509_FMT_DER) < 0 ||
      (issuer = get_issuer (crl)) == NULL || (next_update = gnutls_x509_crl_get_next_update (crl)) <= 0)
    {
      g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL,
                   "The revocation list of the certificate authority “%s” cannot be used: it is damaged, or does not say when the "
                   "next one comes", authority);
      return FALSE;
    }
  if (!g_hash_table_add (self->signers, identify_signer (crl, issuer)))
    return TRUE;
  g_hash_table_add (self->listed, g_steal_pointer (&issuer));
  g_ptr_array_add (self->trust->lists, g_bytes_ref (der));
  self->trust->revoked += MAX (gnutls_x509_crl_get_crt_count (crl), 0);
  if (self->trust->next_update == 0 || next_update < self->trust->next_update)
    self->trust->next_update = next_update;
  return TRUE;
}

static gboolean
ask_for_list (Collection *self, BrevetAuthority *authority, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autoptr(GBytes) der = NULL;

  brevet_ca_backend_get_crl_async (authority->backend, self->revocations->list, NULL, keep_result, &result);
  wait_for (&result);
  der = brevet_ca_backend_get_crl_finish (authority->backend, result, &local_error);
  if (der != NULL)
    return add_list (self, authority->name, der, error);
  if (is_lack (local_error))
    {
      g_ptr_array_add (self->trust->without_list, g_strdup (authority->name));
      return TRUE;
    }
  g_propagate_prefixed_error (error, g_steal_pointer (&local_error),
                              "The certificate authority “%s” gives no revocation list: ", authority->name);
  return FALSE;
}

static gboolean
ask (Collection *self, BrevetAuthority *authority, GError **error)
{
  if (!g_hash_table_add (self->backends, authority->backend))
    return TRUE;
  g_ptr_array_add (self->trust->authorities, g_strdup (authority->name));
  return ask_for_trust (self, authority, error) && ask_for_list (self, authority, error);
}

/* One that is stored but cannot be used, having no plugin for example, issues nothing either. */
static gboolean
ask_stored (Collection *self, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetAuthorityDocument) document = brevet_records_read_authority (record, error);
  g_autoptr(BrevetAuthority) authority = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) local_error = NULL;

  if (document == NULL)
    return FALSE;
  brevet_authority_pool_resolve_async (self->pool, document->name, NULL, keep_result, &result);
  wait_for (&result);
  authority = brevet_authority_pool_resolve_finish (self->pool, result, &local_error);
  if (authority != NULL)
    return ask (self, authority, error);
  g_debug ("The certificate authority “%s” is left out: %s", document->name, local_error->message);
  return TRUE;
}

/* Asks those of one page. @after is the key of its last record, or NULL behind the last page. */
static gboolean
ask_stored_page (Collection *self, char **after, GError **error)
{
  g_autoptr(GPtrArray) records = brevet_store_list (self->store, BREVET_COLLECTION_AUTHORITIES, NULL, *after, PER_PAGE, error);

  if (records == NULL)
    return FALSE;
  for (guint i = 0; i < records->len; i++)
    if (!ask_stored (self, g_ptr_array_index (records, i), error))
      return FALSE;
  g_clear_pointer (after, g_free);
  if (records->len == PER_PAGE)
    *after = g_strdup (brevet_record_get_key (g_ptr_array_index (records, PER_PAGE - 1)));
  return TRUE;
}

static gboolean
ask_all (Collection *self, GError **error)
{
  const char *const *names = brevet_authority_pool_list_configured (self->pool);
  g_autofree char *after = NULL;

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autoptr(BrevetAuthority) authority = brevet_authority_pool_ref_configured (self->pool, names[i]);

      if (!ask (self, authority, error))
        return FALSE;
    }
  if (self->store == NULL)
    return TRUE;
  do
    if (!ask_stored_page (self, &after, error))
      return FALSE;
  while (after != NULL);
  return TRUE;
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
  self->pool = brevet_authority_pool_new (config, registry, store, error);
  if (self->pool == NULL)
    return FALSE;
  self->revocations = self->store != NULL ? brevet_revocations_read (self->store, brevet_clock_now_seconds (), error)
                                          : brevet_revocations_new ();
  return self->revocations != NULL;
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
