/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The revocation list (RFC 5280 §5). Nothing is remembered here: what is revoked comes from the caller, and the list's number from
 * the clock, which is as monotonic as the lists must be. GnuTLS cannot write reasons; nobody who checks a certificate needs
 * them. */

#include "brevet-ca-local-crl.h"

#include "brevet-ca-error.h"
#include "brevet-ca-local-issue.h"

#include <gnutls/x509.h>

#define MAX_SERIAL_SIZE 64

typedef struct gnutls_x509_crl_int Crl;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Crl, gnutls_x509_crl_deinit)

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

static int
add_revocation (Crl *crl, BrevetCertificate *certificate, gint64 time)
{
  guint8 serial[MAX_SERIAL_SIZE];
  gsize size = sizeof serial;
  int code = gnutls_x509_crt_get_serial (brevet_certificate_get_crt (certificate), serial, &size);

  if (code >= 0)
    code = gnutls_x509_crl_set_crt_serial (crl, serial, size, (time_t) time);
  return code;
}

static int
add_revocations (Crl *crl, BrevetCaLocalProfile *profile, GPtrArray *revocations, gint64 now)
{
  int code = 0;

  for (guint i = 0; i < revocations->len && code >= 0; i++)
    {
      BrevetRevocation *revocation = g_ptr_array_index (revocations, i);
      g_autoptr(BrevetCertificate) certificate = brevet_revocation_get_certificate (revocation);

      if (belongs_on_list (profile, certificate, now))
        code = add_revocation (crl, certificate, brevet_revocation_get_time (revocation));
    }
  return code;
}

static int
set_number (Crl *crl, gint64 now)
{
  guint64 number = GUINT64_TO_BE ((guint64) now);

  return gnutls_x509_crl_set_number (crl, &number, sizeof number);
}

static int
set_authority_key_id (Crl *crl, gnutls_x509_crt_t issuer)
{
  guint8 id[64];
  gsize size = sizeof id;
  int code = gnutls_x509_crt_get_subject_key_id (issuer, id, &size, NULL);

  if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
    return 0;
  return code >= 0 ? gnutls_x509_crl_set_authority_key_id (crl, id, size) : code;
}

/* Whoever checks may have a clock that is a little slow, as devices may. */
static int
fill (Crl *crl, BrevetCaLocalProfile *profile, GPtrArray *revocations, gint64 now)
{
  gnutls_x509_crt_t issuer = brevet_certificate_get_crt (brevet_chain_get_leaf (profile->chain));
  int code = gnutls_x509_crl_set_version (crl, 2);

  if (code >= 0)
    code = gnutls_x509_crl_set_this_update (crl, (time_t) (now - profile->backdate));
  if (code >= 0)
    code = gnutls_x509_crl_set_next_update (crl, (time_t) (now + profile->crl_validity));
  if (code >= 0)
    code = add_revocations (crl, profile, revocations, now);
  if (code >= 0)
    code = set_number (crl, now);
  if (code >= 0)
    code = set_authority_key_id (crl, issuer);
  if (code >= 0)
    code = gnutls_x509_crl_privkey_sign (crl, issuer, brevet_key_get_privkey (profile->key), GNUTLS_DIG_UNKNOWN, 0);
  return code;
}

GBytes *
brevet_ca_local_make_crl (BrevetCaLocalProfile *profile, GPtrArray *revocations, gint64 now, GError **error)
{
  g_autoptr(Crl) crl = NULL;
  gnutls_datum_t der = { NULL, 0 };
  int code = gnutls_x509_crl_init (&crl);

  if (code >= 0)
    code = fill (crl, profile, revocations, now);
  if (code >= 0)
    code = gnutls_x509_crl_export2 (crl, GNUTLS_X509_FMT_DER, &der);
  if (code < 0)
    {
      g_autofree char *what = g_strdup_printf ("The revocation list of “%s” cannot be made",
                                               brevet_certificate_get_subject (brevet_chain_get_leaf (profile->chain)));
      g_autoptr(GError) cause = brevet_key_explain (profile->key, code, what);

      g_propagate_error (error, brevet_ca_local_make_error (cause, cause->message));
      return NULL;
    }
  return g_bytes_new_with_free_func (der.data, der.size, gnutls_free, der.data);
}
