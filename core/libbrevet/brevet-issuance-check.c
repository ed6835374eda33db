/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-issuance-check.h"

#include "brevet-ca-error.h"
#include "brevet-issuer-path-private.h"
#include "brevet-x509-private.h"

#include <string.h>

#define DAY                (24 * 60 * 60)
#define START_TOLERANCE    (5 * 60)
#define SERIAL_MAXIMUM     20
#define MAXIMUM_VALIDITY   (398 * DAY)
#define MINIMUM_VALIDITY   30
#define LONGEST_VALIDITY   (G_GINT64_CONSTANT (100) * 365 * DAY)
#define OID_ANY_PURPOSE    "2.5.29.37.0"

struct _BrevetIssuanceCheck
{
  gint64             maximum_validity;
  gint64             minimum_validity;
  gboolean           allow_server_auth;
  gboolean           any_common_name;
  BrevetIssuerPaths *paths;
};

G_DEFINE_BOXED_TYPE (BrevetIssuanceCheck, brevet_issuance_check, brevet_issuance_check_ref, brevet_issuance_check_unref)

/* What one run looks at. */
typedef struct
{
  BrevetIssuanceCheck *settings;
  BrevetCaRequest     *request;
  BrevetCertificate   *leaf;
  gnutls_x509_crt_t    crt;
  gint64               now;
} Candidate;

static void
check_clear (gpointer data)
{
  BrevetIssuanceCheck *self = data;

  brevet_issuer_paths_free (self->paths);
}

BrevetIssuanceCheck *
brevet_issuance_check_ref (BrevetIssuanceCheck *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_issuance_check_unref (BrevetIssuanceCheck *self)
{
  g_atomic_rc_box_release_full (self, check_clear);
}

static gboolean
read_settings (BrevetIssuanceCheck *self, BrevetSettings *settings, GError **error)
{
  return brevet_settings_get_duration (settings, "maximum-validity", MAXIMUM_VALIDITY, 1, LONGEST_VALIDITY, &self->maximum_validity,
                                       error) &&
         brevet_settings_get_duration (settings, "minimum-validity", MINIMUM_VALIDITY, 0, self->maximum_validity,
                                       &self->minimum_validity, error) &&
         brevet_settings_get_boolean (settings, "allow-server-auth", FALSE, &self->allow_server_auth, error) &&
         brevet_settings_get_boolean (settings, "any-common-name", FALSE, &self->any_common_name, error);
}

BrevetIssuanceCheck *
brevet_issuance_check_new (BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetIssuanceCheck) self = g_atomic_rc_box_new0 (BrevetIssuanceCheck);

  self->paths = brevet_issuer_paths_new ();
  self->maximum_validity = MAXIMUM_VALIDITY;
  self->minimum_validity = MINIMUM_VALIDITY;
  if (settings != NULL && !read_settings (self, settings, error))
    return NULL;
  return g_steal_pointer (&self);
}

static gboolean G_GNUC_PRINTF (2, 3)
refuse (GError **error, const char *format, ...)
{
  va_list arguments;

  if (error == NULL)
    return FALSE;
  va_start (arguments, format);
  *error = g_error_new_valist (BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL, format, arguments);
  va_end (arguments);
  return FALSE;
}

static gboolean
check_key (Candidate *candidate, GError **error)
{
  const char *wanted = brevet_csr_get_spki_sha256 (brevet_ca_request_get_csr (candidate->request));
  const char *got = brevet_certificate_get_spki_sha256 (candidate->leaf);

  return strcmp (got, wanted) == 0
         || refuse (error, "The certificate is for another key: its public key has the SHA-256 %s, that of the request %s", got,
                    wanted);
}

static gboolean
check_no_authority (Candidate *candidate, GError **error)
{
  guint version = brevet_certificate_get_version (candidate->leaf);
  unsigned int is_ca = 0;
  int code = gnutls_x509_crt_get_basic_constraints (candidate->crt, NULL, &is_ca, NULL);

  if (version != 3)
    return refuse (error, "The certificate has version %u; only version 3 can say that it is no CA", version);
  if (is_ca || (code < 0 && code != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE))
    return refuse (error, "The certificate is one of a CA: its basicConstraints says CA:TRUE or cannot be read");
  return TRUE;
}

/* A certificate without the extension may be used for everything that its other extensions allow. */
static gboolean
check_key_usage (Candidate *candidate, GError **error)
{
  unsigned int usage = 0;
  int code = gnutls_x509_crt_get_key_usage (candidate->crt, &usage, NULL);

  if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
    return TRUE;
  if (code < 0)
    return refuse (error, "The certificate's keyUsage cannot be read: %s", gnutls_strerror (code));
  if (usage & GNUTLS_KEY_KEY_CERT_SIGN)
    return refuse (error, "The certificate's keyUsage allows keyCertSign: it could sign certificates");
  if (usage & GNUTLS_KEY_CRL_SIGN)
    return refuse (error, "The certificate's keyUsage allows cRLSign: it could sign revocation lists");
  if ((usage & GNUTLS_KEY_DIGITAL_SIGNATURE) == 0)
    return refuse (error, "The certificate's keyUsage 0x%x lacks digitalSignature: no TLS client can use it", usage);
  return TRUE;
}

static gboolean
check_purpose (Candidate *candidate, const char *oid, gboolean *is_client, GError **error)
{
  if (strcmp (oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0)
    *is_client = TRUE;
  else if (strcmp (oid, OID_ANY_PURPOSE) == 0)
    return refuse (error, "The certificate's extendedKeyUsage is anyExtendedKeyUsage (%s)", oid);
  else if (strcmp (oid, GNUTLS_KP_TLS_WWW_SERVER) == 0 && !candidate->settings->allow_server_auth)
    return refuse (
      error, "The certificate's extendedKeyUsage has serverAuth (%s), which allow-server-auth does not allow for this CA", oid);
  else if (strcmp (oid, GNUTLS_KP_OCSP_SIGNING) == 0)
    return refuse (error, "The certificate's extendedKeyUsage has OCSPSigning (%s): it could speak for the CA", oid);
  else if (strcmp (oid, GNUTLS_KP_CODE_SIGNING) == 0)
    return refuse (error, "The certificate's extendedKeyUsage has codeSigning (%s)", oid);
  return TRUE;
}

static gboolean
check_purposes (Candidate *candidate, GError **error)
{
  gboolean is_client = FALSE;

  for (unsigned int i = 0;; i++)
    {
      char oid[128];
      gsize size = sizeof oid;
      int code = gnutls_x509_crt_get_key_purpose_oid (candidate->crt, i, oid, &size, NULL);

      if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        break;
      if (code < 0)
        return refuse (error, "The certificate's extendedKeyUsage cannot be read: %s", gnutls_strerror (code));
      if (!check_purpose (candidate, oid, &is_client, error))
        return FALSE;
    }
  return is_client || refuse (error, "The certificate's extendedKeyUsage lacks clientAuth (%s)", GNUTLS_KP_TLS_WWW_CLIENT);
}

static gboolean
check_common_name (Candidate *candidate, GError **error)
{
  const char *wanted = brevet_ca_request_get_common_name (candidate->request);
  const char *got = brevet_certificate_get_common_name (candidate->leaf);
  gsize size = 0;

  if (candidate->settings->any_common_name)
    return TRUE;
  if (g_strcmp0 (got, wanted) != 0)
    return refuse (error, "The certificate's common name is “%s” instead of “%s”", got != NULL ? got : "", wanted);
  if (gnutls_x509_crt_get_dn_by_oid (candidate->crt, GNUTLS_OID_X520_COMMON_NAME, 1, 0, NULL, &size) !=
      GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
    return refuse (error, "The certificate has a second common name besides “%s”", wanted);
  return TRUE;
}

static const char *
name_san_type (int type)
{
  switch (type)
    {
    case GNUTLS_SAN_DNSNAME:
      return "DNS name";
    case GNUTLS_SAN_RFC822NAME:
      return "e-mail address";
    case GNUTLS_SAN_URI:
      return "URI";
    case GNUTLS_SAN_IPADDRESS:
      return "IP address";
    case GNUTLS_SAN_DN:
      return "directory name";
    default:
      return "name of another type";
    }
}

/* Many CAs repeat the common name as a DNS name, which names nothing new. */
static gboolean
san_is_allowed (Candidate *candidate, int type, const char *value, gsize size)
{
  const char *uri = brevet_ca_request_get_uri (candidate->request);
  const char *common_name = brevet_ca_request_get_common_name (candidate->request);

  if (type == GNUTLS_SAN_URI && uri != NULL)
    return strlen (uri) == size && memcmp (uri, value, size) == 0;
  if (type == GNUTLS_SAN_DNSNAME)
    return strlen (common_name) == size && g_ascii_strncasecmp (common_name, value, size) == 0;
  return FALSE;
}

static gboolean
check_alternative_names (Candidate *candidate, GError **error)
{
  gboolean found_uri = brevet_ca_request_get_uri (candidate->request) == NULL;

  for (unsigned int i = 0;; i++)
    {
      char value[2048];
      gsize size = sizeof value;
      int type = gnutls_x509_crt_get_subject_alt_name (candidate->crt, i, value, &size, NULL);
      g_autofree char *printable = NULL;

      if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        break;
      if (type < 0)
        return refuse (error, "The certificate's alternative name %u cannot be read: %s", i + 1, gnutls_strerror (type));
      if (!san_is_allowed (candidate, type, value, size))
        {
          printable = type == GNUTLS_SAN_IPADDRESS ? g_strdup ("address") : g_utf8_make_valid (value, size);
          return refuse (error, "The certificate has an alternative name that was not asked for: %s “%s”", name_san_type (type),
                         printable);
        }
      found_uri = found_uri || type == GNUTLS_SAN_URI;
    }
  return found_uri || refuse (error, "The certificate lacks the alternative name that was asked for: URI “%s”",
                              brevet_ca_request_get_uri (candidate->request));
}

static gboolean
check_dates (Candidate *candidate, GError **error)
{
  gint64 not_before = brevet_certificate_get_not_before (candidate->leaf);
  gint64 not_after = brevet_certificate_get_not_after (candidate->leaf);
  g_autofree char *start = brevet_x509_format_date (not_before);
  g_autofree char *end = brevet_x509_format_date (not_after);

  if (not_before > candidate->now + START_TOLERANCE)
    return refuse (error, "The certificate is not valid before %s", start);
  if (not_after <= candidate->now)
    return refuse (error, "The certificate expired at %s", end);
  if (not_after <= candidate->now + candidate->settings->minimum_validity)
    return refuse (error, "The certificate ends at %s, sooner than the %" G_GINT64_FORMAT " s that minimum-validity asks for", end,
                   candidate->settings->minimum_validity);
  if (not_after > candidate->now + candidate->settings->maximum_validity)
    return refuse (error, "The certificate ends at %s, later than the %" G_GINT64_FORMAT " s that maximum-validity allows", end,
                   candidate->settings->maximum_validity);
  return TRUE;
}

static gboolean
check_serial (Candidate *candidate, GError **error)
{
  const char *serial = brevet_certificate_get_serial (candidate->leaf);
  gsize digits = strlen (serial);

  if (digits > 2 * SERIAL_MAXIMUM)
    return refuse (error, "The certificate's serial number %s has more than %d octets", serial, SERIAL_MAXIMUM);
  if (g_ascii_xdigit_value (serial[0]) >= 8)
    return refuse (error, "The certificate's serial number %s is negative", serial);
  if (strspn (serial, "0") == digits)
    return refuse (error, "The certificate's serial number is zero");
  return TRUE;
}

static gboolean
check_signature_algorithm (Candidate *candidate, GError **error)
{
  int algorithm = gnutls_x509_crt_get_signature_algorithm (candidate->crt);
  const char *name = algorithm > 0 ? gnutls_sign_get_name (algorithm) : NULL;

  if (algorithm > 0 && gnutls_sign_is_secure2 (algorithm, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS))
    return TRUE;
  return refuse (error, "The certificate is signed with %s, which is not secure", name != NULL ? name : "an unknown algorithm");
}

static gboolean
check_fields (Candidate *candidate, GError **error)
{
  return check_key (candidate, error) && check_no_authority (candidate, error) && check_key_usage (candidate, error) &&
         check_purposes (candidate, error) && check_common_name (candidate, error) && check_alternative_names (candidate, error) &&
         check_dates (candidate, error) && check_serial (candidate, error) && check_signature_algorithm (candidate, error);
}

BrevetChain *
brevet_issuance_check_run (BrevetIssuanceCheck *self, BrevetCaRequest *request, BrevetCaOutcome *outcome, BrevetTrustBundle *trust,
                           gint64 now, GError **error)
{
  g_autoptr(BrevetChain) chain = NULL;
  Candidate candidate = { self, request, NULL, NULL, now };

  g_return_val_if_fail (self != NULL && request != NULL && outcome != NULL && trust != NULL, NULL);
  g_return_val_if_fail (brevet_ca_outcome_is_issued (outcome), NULL);

  chain = brevet_chain_without_root (brevet_ca_outcome_get_chain (outcome));
  candidate.leaf = brevet_chain_get_leaf (chain);
  candidate.crt = brevet_certificate_get_crt (candidate.leaf);
  if (!check_fields (&candidate, error) || !brevet_issuer_paths_verify (self->paths, chain, trust, now, error))
    return NULL;
  return g_steal_pointer (&chain);
}
