/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-ca-certificate-document.h"

#include "brevet-certificate-text.h"
#include "brevet-etag.h"
#include "brevet-wire-json.h"
#include "brevet-wire-private.h"

void
brevet_ca_certificate_document_free (BrevetCaCertificateDocument *self)
{
  g_free (self->name);
  g_clear_pointer (&self->certificate, brevet_certificate_unref);
  g_free (self->verification_code);
  g_free (self->etag);
  g_free (self);
}

static BrevetCertificate *
read_certificate (JsonObject *object, GError **error)
{
  BrevetCertificate *certificate;
  const char *text;

  if (!brevet_wire_get_string (object, "certificate", &text, error))
    return NULL;
  if (text == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “certificate” is missing");
      return NULL;
    }
  certificate = brevet_certificate_new_from_text (text, error);
  if (certificate == NULL)
    g_prefix_error_literal (error, "The member “certificate” cannot be read: ");
  return certificate;
}

/* A certificate without this extension may be used for everything (RFC 5280 §4.2.1.3). */
static gboolean
can_sign_certificates (BrevetCertificate *certificate)
{
  unsigned int usage = 0;
  int result = gnutls_x509_crt_get_key_usage (brevet_certificate_get_crt (certificate), &usage, NULL);

  return result == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || (result >= 0 && (usage & GNUTLS_KEY_KEY_CERT_SIGN) != 0);
}

static gboolean
check_certificate (BrevetCertificate *certificate, gint64 now, GError **error)
{
  const char *problem = NULL;

  if (!brevet_certificate_is_ca (certificate))
    problem = "is not a CA certificate (its basicConstraints do not say CA:TRUE), so it cannot have issued certificates to devices";
  else if (!can_sign_certificates (certificate))
    problem = "must not sign certificates (its keyUsage does not say keyCertSign), so no device could come with one of them";
  else if (brevet_certificate_get_not_after (certificate) < now)
    problem = "has expired, so no device could come with a certificate of it";
  if (problem != NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The certificate %s", problem);
  return problem == NULL;
}

static void
take_over (BrevetCaCertificateDocument *self, const BrevetCaCertificateDocument *stored, gboolean says_verified)
{
  self->created = stored->created;
  if (!brevet_certificate_equal (self->certificate, stored->certificate))
    return;
  if (!says_verified)
    self->is_verified = stored->is_verified;
  if (self->is_verified)
    return;
  self->verification_code = g_strdup (stored->verification_code);
  self->code_expires = stored->code_expires;
}

BrevetCaCertificateDocument *
brevet_ca_certificate_document_parse (GBytes *body, const char *name, const BrevetCaCertificateDocument *stored, gint64 now,
                                      GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the CA certificate", error);
  g_autoptr(BrevetCaCertificateDocument) self = g_new0 (BrevetCaCertificateDocument, 1);

  if (object == NULL)
    return NULL;
  self->certificate = read_certificate (object, error);
  if (self->certificate == NULL || !check_certificate (self->certificate, now, error) ||
      !brevet_wire_get_boolean (object, "isVerified", FALSE, &self->is_verified, error))
    return NULL;
  self->name = g_strdup (stored != NULL ? stored->name : name);
  if (stored != NULL)
    take_over (self, stored, json_object_has_member (object, "isVerified") && !json_object_get_null_member (object, "isVerified"));
  return g_steal_pointer (&self);
}

static void
add_thumbprint (JsonObject *object, const char *member, const char *digits)
{
  g_autofree char *upper = g_ascii_strup (digits, -1);

  json_object_set_string_member (object, member, upper);
}

JsonObject *
brevet_ca_certificate_document_to_json (const BrevetCaCertificateDocument *self)
{
  g_autofree char *pem = brevet_certificate_to_pem (self->certificate);
  g_autofree char *etag = self->etag != NULL ? brevet_etag_quote (self->etag) : NULL;
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "name", self->name);
  json_object_set_string_member (object, "subject", brevet_certificate_get_subject (self->certificate));
  brevet_wire_add_time (object, "expiry", brevet_certificate_get_not_after (self->certificate) * G_USEC_PER_SEC);
  add_thumbprint (object, "thumbprint", brevet_certificate_get_sha1 (self->certificate));
  add_thumbprint (object, "sha256Thumbprint", brevet_certificate_get_sha256 (self->certificate));
  json_object_set_boolean_member (object, "isVerified", self->is_verified);
  json_object_set_string_member (object, "certificate", pem);
  brevet_wire_add_string (object, "verificationCode", self->verification_code);
  brevet_wire_add_time (object, "verificationCodeExpiry", self->code_expires * G_USEC_PER_SEC);
  brevet_wire_add_time (object, "created", self->created);
  brevet_wire_add_time (object, "updated", self->updated);
  brevet_wire_add_string (object, "etag", etag);
  return object;
}

static BrevetCaCertificateDocument *
load_document (JsonObject *object, GError **error)
{
  g_autoptr(BrevetCaCertificateDocument) self = g_new0 (BrevetCaCertificateDocument, 1);

  self->certificate = read_certificate (object, error);
  if (self->certificate == NULL || !brevet_wire_get_boolean (object, "isVerified", FALSE, &self->is_verified, error) ||
      !brevet_wire_dup_string (object, "name", &self->name, error) ||
      !brevet_wire_dup_string (object, "verificationCode", &self->verification_code, error))
    return NULL;
  if (self->name == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “name” is missing");
      return NULL;
    }
  self->code_expires = brevet_wire_get_time (object, "verificationCodeExpiry") / G_USEC_PER_SEC;
  self->created = brevet_wire_get_time (object, "created");
  self->updated = brevet_wire_get_time (object, "updated");
  return g_steal_pointer (&self);
}

BrevetCaCertificateDocument *
brevet_ca_certificate_document_load (GBytes *body, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the CA certificate", &problem);
  BrevetCaCertificateDocument *self = object != NULL ? load_document (object, &problem) : NULL;

  if (self == NULL)
    {
      brevet_wire_mark_corrupt (&problem, "CA certificate");
      g_propagate_error (error, g_steal_pointer (&problem));
    }
  return self;
}

void
brevet_ca_certificate_document_set_code (BrevetCaCertificateDocument *self, const char *code, gint64 now)
{
  g_free (self->verification_code);
  self->verification_code = g_strdup (code);
  self->code_expires = now + BREVET_CA_CERTIFICATE_CODE_LIFETIME;
}

/* The signature alone: what else the proof says does not matter, so that any tool can make one. */
static gboolean
is_signed_by (BrevetCertificate *proof, BrevetCertificate *issuer)
{
  gnutls_x509_crt_t issuers[] = { brevet_certificate_get_crt (issuer) };
  const unsigned int flags = GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_ALLOW_UNSORTED_CHAIN;
  unsigned int status = 0;

  return gnutls_x509_crt_check_issuer (brevet_certificate_get_crt (proof), issuers[0]) != 0 &&
         gnutls_x509_crt_verify (brevet_certificate_get_crt (proof), issuers, 1, flags, &status) >= 0 && status == 0;
}

static const char *
find_problem (const BrevetCaCertificateDocument *self, BrevetCertificate *proof, gint64 now)
{
  if (g_strcmp0 (brevet_certificate_get_common_name (proof), self->verification_code) != 0)
    return "does not have the verification code as its common name (CN)";
  if (brevet_certificate_get_not_after (proof) < now)
    return "has expired";
  if (!is_signed_by (proof, self->certificate))
    return "is not signed with the key of the CA certificate that is to be verified";
  return NULL;
}

gboolean
brevet_ca_certificate_document_verify (BrevetCaCertificateDocument *self, GBytes *body, gint64 now, GError **error)
{
  g_autoptr(JsonObject) object = NULL;
  g_autoptr(BrevetCertificate) proof = NULL;
  const char *problem;

  if (self->verification_code == NULL || self->code_expires < now)
    {
      problem = self->verification_code == NULL ? "There is no verification code" : "The verification code has expired";
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "%s; ask for one with generateVerificationCode, and issue the proof "
                   "with it", problem);
      return FALSE;
    }
  object = brevet_wire_parse_object (body, "the proof", error);
  proof = object != NULL ? read_certificate (object, error) : NULL;
  if (proof == NULL)
    return FALSE;
  problem = find_problem (self, proof, now);
  if (problem != NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The certificate that is to prove possession of the key %s", problem);
      return FALSE;
    }
  self->is_verified = TRUE;
  g_clear_pointer (&self->verification_code, g_free);
  self->code_expires = 0;
  return TRUE;
}
