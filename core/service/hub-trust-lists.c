/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The revocation lists that a hub gets: one of each key that signs them. */

#include "hub-trust-lists.h"

#include "brevet-ca-error.h"

#include <gnutls/x509.h>

typedef struct gnutls_x509_crl_int Crl;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Crl, gnutls_x509_crl_deinit)

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
gboolean
brevet_hub_trust_add_list (BrevetHubTrust *self, GHashTable *signers, GHashTable *listed, const char *authority, GBytes *der,
                           GError **error)
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
  if (!g_hash_table_add (signers, identify_signer (crl, issuer)))
    return TRUE;
  g_hash_table_add (listed, g_steal_pointer (&issuer));
  g_ptr_array_add (self->lists, g_bytes_ref (der));
  self->revoked += MAX (gnutls_x509_crl_get_crt_count (crl), 0);
  if (self->next_update == 0 || next_update < self->next_update)
    self->next_update = next_update;
  return TRUE;
}
