/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The revocation list (RFC 5280 §5). Nothing is remembered here: what is revoked comes from the caller. */

#include "brevet-ca-local-crl.h"

#include "brevet-ca-error.h"
#include "brevet-ca-local-issue.h"
#include "revocation-list.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#define MAX_SERIAL_SIZE 64

/* One line of the list: the last that is known of a certificate. */
typedef struct
{
  GBytes                *serial;
  gint64                 time;
  BrevetRevocationReason reason;
} Entry;

static void
entry_clear (gpointer data)
{
  g_bytes_unref (((Entry *) data)->serial);
}

/*
 * brevet_ca_local_may_sign_crl:
 *
 * Returns: %FALSE if whoever reads a list of this CA must refuse it: the issuing certificate has a keyUsage without cRLSign
 */
gboolean
brevet_ca_local_may_sign_crl (BrevetCaLocalProfile *profile)
{
  unsigned int usage = 0;
  int code = gnutls_x509_crt_get_key_usage (brevet_certificate_get_crt (brevet_chain_get_leaf (profile->chain)), &usage, NULL);

  return code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || (code >= 0 && (usage & GNUTLS_KEY_CRL_SIGN) != 0);
}

/* RFC 5280 §3.3: an expired certificate stays until one list after its end has named it. */
static gboolean
belongs_on_list (BrevetCaLocalProfile *profile, BrevetCertificate *certificate, gint64 now)
{
  return brevet_certificate_is_issued_by (certificate, brevet_chain_get_leaf (profile->chain)) &&
         brevet_certificate_get_not_after (certificate) > now - profile->crl_validity;
}

static GBytes *
get_serial (BrevetCertificate *certificate)
{
  guint8 serial[MAX_SERIAL_SIZE];
  gsize size = sizeof serial;

  if (gnutls_x509_crt_get_serial (brevet_certificate_get_crt (certificate), serial, &size) < 0)
    return NULL;
  return g_bytes_new (serial, size);
}

/* Two hexadecimal digits for each byte. */
static GBytes *
parse_serial (const char *text)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new ();

  for (const char *p = text; g_ascii_isxdigit (p[0]) && g_ascii_isxdigit (p[1]); p += 2)
    {
      guint8 byte = (guint8) (g_ascii_xdigit_value (p[0]) << 4 | g_ascii_xdigit_value (p[1]));

      g_byte_array_append (bytes, &byte, 1);
    }
  return bytes->len > 0 && bytes->len <= MAX_SERIAL_SIZE ? g_byte_array_free_to_bytes (g_steal_pointer (&bytes)) : NULL;
}

/* Of a certificate that is lost, nobody knows the end: its number stays on the list. */
static GBytes *
find_serial (BrevetCaLocalProfile *profile, BrevetRevocation *revocation, gint64 now)
{
  g_autoptr(BrevetCertificate) certificate = brevet_revocation_get_certificate (revocation);
  const char *lost;

  if (certificate != NULL)
    return belongs_on_list (profile, certificate, now) ? get_serial (certificate) : NULL;
  lost = brevet_revocation_get_serial (revocation, brevet_chain_get_leaf (profile->chain));
  return lost != NULL ? parse_serial (lost) : NULL;
}

/* A serial number occurs once: of two revocations of a certificate the later one holds, which may have ended a hold. */
static void
note (GArray *entries, GHashTable *places, GBytes *serial, BrevetRevocation *revocation)
{
  Entry entry = { serial, brevet_revocation_get_time (revocation), brevet_revocation_get_reason (revocation) };
  gpointer place;

  if (!g_hash_table_lookup_extended (places, serial, NULL, &place))
    {
      g_hash_table_insert (places, serial, GUINT_TO_POINTER (entries->len));
      g_bytes_ref (serial);
      g_array_append_val (entries, entry);
      return;
    }
  if (entry.time >= g_array_index (entries, Entry, GPOINTER_TO_UINT (place)).time)
    {
      g_array_index (entries, Entry, GPOINTER_TO_UINT (place)).time = entry.time;
      g_array_index (entries, Entry, GPOINTER_TO_UINT (place)).reason = entry.reason;
    }
}

static GArray *
collect (BrevetCaLocalProfile *profile, GPtrArray *revocations, gint64 now)
{
  g_autoptr(GArray) entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_autoptr(GHashTable) places = g_hash_table_new (g_bytes_hash, g_bytes_equal);

  g_array_set_clear_func (entries, entry_clear);
  for (guint i = 0; i < revocations->len; i++)
    {
      BrevetRevocation *revocation = g_ptr_array_index (revocations, i);
      g_autoptr(GBytes) serial = find_serial (profile, revocation, now);

      if (serial != NULL)
        note (entries, places, serial, revocation);
    }
  return g_steal_pointer (&entries);
}

/* removeFromCRL has a meaning in delta lists alone: in a complete one the certificate is simply not there. */
static RevocationList *
begin_list (GArray *entries)
{
  RevocationList *list = revocation_list_new ();

  for (guint i = 0; i < entries->len; i++)
    {
      const Entry *entry = &g_array_index (entries, Entry, i);
      gsize length;
      const guint8 *serial = g_bytes_get_data (entry->serial, &length);

      if (entry->reason != BREVET_REVOCATION_REMOVE_FROM_CRL)
        revocation_list_add (list, serial, length, entry->time, entry->reason);
    }
  return list;
}

static GBytes *
get_key_identifier (gnutls_x509_crt_t issuer)
{
  guint8 id[64];
  gsize size = sizeof id;

  return gnutls_x509_crt_get_subject_key_id (issuer, id, &size, NULL) >= 0 ? g_bytes_new (id, size) : NULL;
}

static gnutls_digest_algorithm_t
choose_digest (BrevetKey *key)
{
  gnutls_digest_algorithm_t digest = GNUTLS_DIG_UNKNOWN;

  if (gnutls_pubkey_get_preferred_hash_algorithm (brevet_key_get_pubkey (key), &digest, NULL) < 0)
    return GNUTLS_DIG_SHA256;
  return digest;
}

typedef struct gnutls_x509_spki_st Spki;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Spki, gnutls_x509_spki_deinit)

/* GnuTLS salts with as many bytes as the digest has, or with more if the key wants more. */
static guint
find_salt_size (BrevetKey *key, gnutls_digest_algorithm_t digest)
{
  g_autoptr(Spki) spki = NULL;
  gnutls_digest_algorithm_t wanted;
  unsigned int salt_size = 0;

  if (gnutls_x509_spki_init (&spki) < 0 || gnutls_privkey_get_spki (brevet_key_get_privkey (key), spki, 0) < 0 ||
      gnutls_x509_spki_get_rsa_pss_params (spki, &wanted, &salt_size) < 0)
    salt_size = 0;
  return MAX (salt_size, (guint) gnutls_hash_get_len (digest));
}

static GBytes *
sign (BrevetKey *key, gnutls_digest_algorithm_t digest, RevocationList *list, GBytes *body, const char **problem, int *code)
{
  gnutls_datum_t data = { (guint8 *) g_bytes_get_data (body, NULL), g_bytes_get_size (body) };
  gnutls_datum_t signature = { NULL, 0 };
  GBytes *der = NULL;

  *code = gnutls_privkey_sign_data (brevet_key_get_privkey (key), digest, 0, &data, &signature);
  if (*code >= 0)
    der = revocation_list_finish (list, body, &signature, problem);
  gnutls_free (signature.data);
  return der;
}

/* Whoever checks may have a clock that is a little slow, as devices may. */
static GBytes *
make (BrevetCaLocalProfile *profile, GPtrArray *revocations, guint64 number, gint64 now, const char **problem, int *code)
{
  g_autoptr(GArray) entries = collect (profile, revocations, now);
  g_autoptr(RevocationList) list = begin_list (entries);
  g_autoptr(GBytes) key_identifier = NULL;
  g_autoptr(GBytes) body = NULL;
  gnutls_x509_crt_t issuer = brevet_certificate_get_crt (brevet_chain_get_leaf (profile->chain));
  gnutls_digest_algorithm_t digest = choose_digest (profile->key);
  RevocationListHead head = {
    .number = number, .this_update = now - profile->backdate, .next_update = now + profile->crl_validity,
    .salt_size = find_salt_size (profile->key, digest)
  };

  head.algorithm = gnutls_pk_to_sign (gnutls_pubkey_get_pk_algorithm (brevet_key_get_pubkey (profile->key), NULL), digest);
  head.key_identifier = key_identifier = get_key_identifier (issuer);
  *code = gnutls_x509_crt_get_raw_dn (issuer, &head.issuer);
  if (*code < 0)
    return NULL;
  body = revocation_list_close (list, &head, problem);
  gnutls_free (head.issuer.data);
  return body != NULL ? sign (profile->key, digest, list, body, problem, code) : NULL;
}

/*
 * brevet_ca_local_make_crl:
 * @number: CRL number; above that of every earlier list
 */
GBytes *
brevet_ca_local_make_crl (BrevetCaLocalProfile *profile, GPtrArray *revocations, guint64 number, gint64 now, GError **error)
{
  const char *problem = NULL;
  int code = 0;
  GBytes *crl = make (profile, revocations, number, now, &problem, &code);
  g_autofree char *what = NULL;
  g_autoptr(GError) cause = NULL;

  if (crl != NULL)
    return crl;
  what = g_strdup_printf ("The revocation list of “%s” cannot be made",
                          brevet_certificate_get_subject (brevet_chain_get_leaf (profile->chain)));
  if (code < 0)
    {
      cause = brevet_key_explain (profile->key, code, what);
      g_propagate_error (error, brevet_ca_local_make_error (cause, cause->message));
    }
  else
    g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_INTERNAL, "%s: %s", what, problem);
  return NULL;
}
