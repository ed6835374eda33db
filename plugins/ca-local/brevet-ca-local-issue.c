/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-ca-local-issue.h"

#include "brevet-ca-error.h"
#include "brevet-certificate-builder.h"
#include "brevet-error.h"

#include <string.h>

#define SERIAL_LABEL "brevet-ca-local serial number 1"
#define SERIAL_SIZE  19

/* Everything that the certificate is made from, apart from the profile. */
typedef struct
{
  BrevetCsr  *csr;
  const char *common_name;
  const char *uri;
  gint64      not_before;
  gint64      not_after;
  gboolean    key_encipherment;
  gboolean    dns_name;
} Content;

static char *
format_date (gint64 seconds)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc (seconds);

  return date != NULL ? g_date_time_format_iso8601 (date) : g_strdup ("a date beyond the calendar");
}

/*
 * brevet_ca_local_check_usable:
 *
 * Returns: %FALSE with an error if the CA's own certificates do not allow it to sign at @now
 */
gboolean
brevet_ca_local_check_usable (BrevetCaLocalProfile *profile, gint64 now, GError **error)
{
  const char *subject = brevet_certificate_get_subject (brevet_chain_get_leaf (profile->chain));
  g_autofree char *since = format_date (profile->not_before);
  g_autofree char *until = format_date (profile->not_after);
  g_autofree char *here = format_date (now);

  /* That passes by itself; or the clock is wrong, which passes too. */
  if (now < profile->not_before)
    g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE,
                 "The CA “%s” or one of its issuers is not valid before %s, and it is %s here; check the clock", subject, since,
                 here);
  else if (now > profile->not_after)
    g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG,
                 "The CA “%s” or one of its issuers expired at %s, and it is %s here; renew it, or correct the clock", subject,
                 until, here);
  else if (profile->not_after - now < profile->min_validity)
    g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG,
                 "The CA “%s” or one of its issuers ends at %s, which is closer than min-validity allows; renew it", subject,
                 until);
  else
    return TRUE;
  return FALSE;
}

/* Dates come from when the intent was recorded and not from now: the same request must make the same certificate. */
static gboolean
choose_dates (BrevetCaLocalProfile *profile, BrevetCaRequest *request, gint64 now, Content *content, GError **error)
{
  gint64 wanted = brevet_ca_request_get_validity (request);
  gint64 requested_at = brevet_ca_request_get_requested_at (request);
  g_autofree char *until = format_date (profile->not_after);

  content->not_before = MAX (requested_at - profile->backdate, profile->not_before);
  content->not_after = requested_at + (wanted > 0 ? wanted : profile->validity);
  if (content->not_after > profile->not_after)
    {
      if (!profile->clamp)
        {
          g_set_error (error, BREVET_CA_ERROR, wanted > 0 ? BREVET_CA_ERROR_POLICY : BREVET_CA_ERROR_CONFIG,
                       "A certificate of %" G_GINT64_FORMAT
                       " s would outlive its CA, which ends at %s; renew the CA, ask for less or set clamp",
                       wanted > 0 ? wanted : profile->validity, until);
          return FALSE;
        }
      content->not_after = profile->not_after;
    }
  if (content->not_after <= now || content->not_after <= content->not_before)
    {
      g_set_error_literal (error, BREVET_CA_ERROR, BREVET_CA_ERROR_INVALID_REQUEST,
                           "The request is so old that its certificate would have expired already");
      return FALSE;
    }
  return TRUE;
}

static void
add_text (GChecksum *checksum, const char *text)
{
  /* The zero byte keeps neighbours apart. */
  g_checksum_update (checksum, (const guchar *) (text != NULL ? text : ""), text != NULL ? (gssize) strlen (text) + 1 : 1);
}

static void
add_named (GChecksum *checksum, const char *name, const char *value)
{
  if (value == NULL)
    return;
  add_text (checksum, name);
  add_text (checksum, value);
}

/*
 * A serial number that the same request always gets. It covers all of the content: should the configuration change between two
 * attempts, the second certificate has another number, as RFC 5280 §4.1.2.2 demands.
 */
static void
derive_serial (BrevetCaLocalProfile *profile, BrevetCaRequest *request, const Content *content, guint8 serial[SERIAL_SIZE])
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *numbers = g_strdup_printf ("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %d", content->not_before,
                                              content->not_after, content->key_encipherment);
  guint8 digest[32];
  gsize size = sizeof digest;

  add_text (checksum, SERIAL_LABEL);
  add_text (checksum, brevet_certificate_get_sha256 (brevet_chain_get_leaf (profile->chain)));
  g_checksum_update (checksum, brevet_ca_request_get_idempotency_key (request), BREVET_CA_IDEMPOTENCY_KEY_SIZE);
  add_text (checksum, brevet_csr_get_spki_sha256 (content->csr));
  add_text (checksum, content->common_name);
  add_text (checksum, content->uri);
  add_text (checksum, numbers);
  add_text (checksum, profile->organization);
  add_text (checksum, profile->organizational_unit);
  add_text (checksum, profile->crl_uri);
  /* Nothing for what is not there, as it was before these could be set: a request of that time still gets its certificate. */
  add_named (checksum, "dns-name", content->dns_name ? content->common_name : NULL);
  add_named (checksum, "ca-issuers-uri", profile->issuers_uri);
  add_named (checksum, "policy-oid", profile->policy);
  g_checksum_get_digest (checksum, digest, &size);

  memcpy (serial, digest, SERIAL_SIZE);
  serial[0] &= 0x7f;
  if (serial[0] == 0)
    serial[0] = 0x01;
}

static BrevetCertificate *
sign (BrevetCaLocalProfile *profile, BrevetCaRequest *request, const Content *content, GError **error)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CLIENT);
  guint8 serial[SERIAL_SIZE];

  derive_serial (profile, request, content, serial);
  brevet_certificate_builder_set_serial (builder, serial, sizeof serial);
  brevet_certificate_builder_set_common_name (builder, content->common_name);
  if (profile->organization != NULL || profile->organizational_unit != NULL)
    brevet_certificate_builder_set_organization (builder, profile->organization, profile->organizational_unit);
  brevet_certificate_builder_set_csr_key (builder, content->csr);
  brevet_certificate_builder_set_validity (builder, content->not_before, content->not_after);
  brevet_certificate_builder_set_key_encipherment (builder, content->key_encipherment);
  if (content->uri != NULL)
    brevet_certificate_builder_add_uri (builder, content->uri);
  if (content->dns_name)
    brevet_certificate_builder_add_dns_name (builder, content->common_name);
  if (profile->crl_uri != NULL)
    brevet_certificate_builder_set_crl_uri (builder, profile->crl_uri);
  if (profile->issuers_uri != NULL)
    brevet_certificate_builder_set_issuers_uri (builder, profile->issuers_uri);
  if (profile->policy != NULL)
    brevet_certificate_builder_set_policy (builder, profile->policy);
  return brevet_certificate_builder_sign (builder, brevet_chain_get_leaf (profile->chain), profile->key, error);
}

static BrevetCaOutcome *
make_outcome (BrevetCaLocalProfile *profile, BrevetCertificate *leaf, GError **error)
{
  g_autoptr(BrevetChain) chain = brevet_chain_prepend (profile->chain, leaf, error);

  if (chain == NULL)
    return NULL;
  return brevet_ca_outcome_new_issued (chain, profile->trust, brevet_certificate_get_serial (leaf));
}

/* RFC 8813 §3: keyEncipherment makes no sense for an EC key. */
static gboolean
can_encipher (BrevetCsr *csr)
{
  return gnutls_pubkey_get_pk_algorithm (brevet_csr_get_pubkey (csr), NULL) == GNUTLS_PK_RSA;
}

/* A registration id may have letters that no host name has, and look like an address, which it is not. */
static gboolean
can_be_host_name (const char *name)
{
  return !g_hostname_is_ip_address (name) && strlen (name) <= 253 &&
         g_regex_match_simple ("^(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\\z", name, 0, 0);
}

/*
 * brevet_ca_local_make_error:
 * @cause: why the CA's key did not sign
 *
 * A token that is gone may come back, and then the request is asked again; a wrong PIN stays wrong until somebody corrects it.
 */
GError *
brevet_ca_local_make_error (const GError *cause, const char *message)
{
  int code = BREVET_CA_ERROR_INTERNAL;

  if (g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_UNREACHABLE))
    code = BREVET_CA_ERROR_UNAVAILABLE;
  else if (g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED))
    code = BREVET_CA_ERROR_CONFIG;
  return g_error_new_literal (BREVET_CA_ERROR, code, message);
}

BrevetCaOutcome *
brevet_ca_local_issue (BrevetCaLocalProfile *profile, BrevetCaRequest *request, gint64 now, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autoptr(BrevetCertificate) leaf = NULL;
  BrevetCaOutcome *outcome;
  Content content = {
    .csr = brevet_ca_request_get_csr (request),
    .common_name = brevet_ca_request_get_common_name (request),
    .uri = brevet_ca_request_get_uri (request),
  };

  if (!brevet_ca_local_check_usable (profile, now, error) || !choose_dates (profile, request, now, &content, error))
    return NULL;
  content.key_encipherment = profile->key_encipherment && can_encipher (content.csr);
  content.dns_name = profile->dns_name && can_be_host_name (content.common_name);
  /* From here on there may be a certificate, though a token be slow and nobody wait for it any more. */
  brevet_ca_request_mark_sent (request);
  leaf = sign (profile, request, &content, &local_error);
  if (leaf != NULL)
    {
      outcome = make_outcome (profile, leaf, &local_error);
      if (outcome != NULL)
        return outcome;
    }
  g_propagate_error (error, brevet_ca_local_make_error (local_error, local_error->message));
  return NULL;
}
