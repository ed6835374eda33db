/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-key-private.h"

#include "brevet-error.h"

#include <gnutls/crypto.h>
#include <string.h>

G_DEFINE_BOXED_TYPE (BrevetKey, brevet_key, brevet_key_ref, brevet_key_unref)

BrevetKey *
brevet_key_new (void)
{
  BrevetKey *self = g_atomic_rc_box_new0 (BrevetKey);

  gnutls_privkey_init (&self->privkey);
  gnutls_pubkey_init (&self->pubkey);
  return self;
}

/* The outer key first: it calls into the token's. */
static void
key_clear (gpointer data)
{
  BrevetKey *self = data;

  gnutls_privkey_deinit (self->privkey);
  gnutls_pubkey_deinit (self->pubkey);
  g_clear_pointer (&self->token, brevet_key_token_free);
}

BrevetKey *
brevet_key_ref (BrevetKey *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_key_unref (BrevetKey *self)
{
  g_atomic_rc_box_release_full (self, key_clear);
}

/*
 * brevet_key_finish:
 * @privkey: what gives the public half
 *
 * The last step of making a key: what is known of its public half.
 */
gboolean
brevet_key_finish (BrevetKey *self, gnutls_privkey_t privkey, GError **error)
{
  int code = gnutls_pubkey_import_privkey (self->pubkey, privkey, 0, 0);

  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "The public half of the key cannot be read: %s",
                   gnutls_strerror (code));
      return FALSE;
    }
  if (gnutls_pubkey_get_preferred_hash_algorithm (self->pubkey, &self->digest, NULL) < 0)
    self->digest = GNUTLS_DIG_UNKNOWN;
  return brevet_x509_spki_sha256 (self->pubkey, self->spki_sha256, error);
}

/* What GnuTLS calls a kind of key. */
void
brevet_key_kind_get_parameters (BrevetKeyKind kind, gnutls_pk_algorithm_t *algorithm, unsigned int *bits)
{
  static const struct
  {
    gnutls_pk_algorithm_t algorithm;
    unsigned int          bits;
  } parameters[] = {
    [BREVET_KEY_KIND_EC_P256] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1) },
    [BREVET_KEY_KIND_EC_P384] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP384R1) },
    [BREVET_KEY_KIND_RSA_2048] = { GNUTLS_PK_RSA, 2048 },
    [BREVET_KEY_KIND_RSA_3072] = { GNUTLS_PK_RSA, 3072 },
    [BREVET_KEY_KIND_ED25519] = { GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_ED25519) },
  };

  g_return_if_fail ((guint) kind < G_N_ELEMENTS (parameters));

  *algorithm = parameters[kind].algorithm;
  *bits = parameters[kind].bits;
}

BrevetKey *
brevet_key_generate (BrevetKeyKind kind, GError **error)
{
  g_autoptr(BrevetKey) self = brevet_key_new ();
  gnutls_pk_algorithm_t algorithm = GNUTLS_PK_UNKNOWN;
  unsigned int bits = 0;
  int code;

  brevet_key_kind_get_parameters (kind, &algorithm, &bits);
  code = gnutls_privkey_generate (self->privkey, algorithm, bits, 0);
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Making a key failed: %s", gnutls_strerror (code));
      return NULL;
    }
  return brevet_key_finish (self, self->privkey, error) ? g_steal_pointer (&self) : NULL;
}

BrevetSecret *
brevet_key_to_uri (BrevetKey *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->token != NULL ? brevet_key_token_to_uri (self->token) : NULL;
}

const char *
brevet_key_get_spki_sha256 (BrevetKey *self)
{
  return self->spki_sha256;
}

GError *
brevet_key_explain (BrevetKey *self, int code, const char *what)
{
  g_return_val_if_fail (self != NULL && what != NULL, NULL);

  if (self->token != NULL)
    return brevet_key_token_explain (self->token, code, what);
  return g_error_new (BREVET_ERROR, BREVET_ERROR_FAILED, "%s: %s", what, gnutls_strerror (code));
}

char *
brevet_key_describe (BrevetKey *self)
{
  unsigned int bits = 0;
  int algorithm;
  gnutls_ecc_curve_t curve;

  g_return_val_if_fail (self != NULL, NULL);

  algorithm = gnutls_pubkey_get_pk_algorithm (self->pubkey, &bits);
  if (algorithm == GNUTLS_PK_ECDSA && gnutls_pubkey_export_ecc_raw2 (self->pubkey, &curve, NULL, NULL, 0) >= 0)
    return g_strdup_printf ("EC %s", gnutls_ecc_curve_get_name (curve));
  if (algorithm == GNUTLS_PK_RSA)
    return g_strdup_printf ("RSA %u", bits);
  return g_strdup (gnutls_pk_get_name (algorithm));
}

gboolean
brevet_key_check (BrevetKey *self, GError **error)
{
  guint8 bytes[32];
  const gnutls_datum_t data = { bytes, sizeof bytes };
  gnutls_datum_t signature = { NULL, 0 };
  gnutls_sign_algorithm_t algorithm;
  int code;

  g_return_val_if_fail (self != NULL, FALSE);

  gnutls_rnd (GNUTLS_RND_NONCE, bytes, sizeof bytes);
  code = gnutls_privkey_sign_data (self->privkey, self->digest, 0, &data, &signature);
  if (code < 0)
    {
      g_propagate_error (error, brevet_key_explain (self, code, "The key cannot sign"));
      return FALSE;
    }
  algorithm = gnutls_pk_to_sign (gnutls_pubkey_get_pk_algorithm (self->pubkey, NULL), self->digest);
  code = gnutls_pubkey_verify_data2 (self->pubkey, algorithm, 0, &data, &signature);
  gnutls_free (signature.data);
  if (code >= 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "What the key signs cannot be verified with its public half: %s",
               gnutls_strerror (code));
  return FALSE;
}

static int
fill_csr (BrevetKey *self, gnutls_x509_crq_t crq, const char *common_name)
{
  int code = gnutls_x509_crq_set_version (crq, 1);

  if (code >= 0)
    code = gnutls_x509_crq_set_dn_by_oid (crq, GNUTLS_OID_X520_COMMON_NAME, 0, common_name, strlen (common_name));
  if (code >= 0)
    code = gnutls_x509_crq_set_pubkey (crq, self->pubkey);
  if (code >= 0)
    code = gnutls_x509_crq_privkey_sign (crq, self->privkey, self->digest, 0);
  return code;
}

GBytes *
brevet_key_create_csr (BrevetKey *self, const char *common_name, GError **error)
{
  gnutls_x509_crq_t crq;
  gnutls_datum_t der = { NULL, 0 };
  GBytes *bytes;
  int code;

  g_return_val_if_fail (self != NULL && common_name != NULL, NULL);

  gnutls_x509_crq_init (&crq);
  code = fill_csr (self, crq, common_name);
  if (code >= 0)
    code = gnutls_x509_crq_export2 (crq, GNUTLS_X509_FMT_DER, &der);
  gnutls_x509_crq_deinit (crq);
  if (code < 0)
    {
      g_propagate_error (error, brevet_key_explain (self, code, "Making a certificate request failed"));
      return NULL;
    }
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  return bytes;
}

/*
 * brevet_key_get_digest:
 *
 * Returns: the hash that fits the key best; %GNUTLS_DIG_UNKNOWN leaves the choice to GnuTLS
 */
gnutls_digest_algorithm_t
brevet_key_get_digest (BrevetKey *self)
{
  return self->digest;
}

gnutls_privkey_t
brevet_key_get_privkey (BrevetKey *self)
{
  return self->privkey;
}

gnutls_pubkey_t
brevet_key_get_pubkey (BrevetKey *self)
{
  return self->pubkey;
}
