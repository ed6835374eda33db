/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CA certificates that enrollment groups refer to, and the proof that their keys belong to the operator (protocol/dps.md §7.2,
 * docs/service-api-extensions.md). */

#include "service-api-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"

#include <gnutls/crypto.h>

#define BODY_LIMIT (64 * 1024)
#define CODE_SIZE 24

static JsonObject *
show_certificate (BrevetServiceCall *call, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetCaCertificateDocument) certificate = brevet_records_read_ca_certificate (record, error);

  return certificate != NULL ? brevet_ca_certificate_document_to_json (certificate) : NULL;
}

/* Hexadecimal digits: whoever types one into a tool's configuration needs no quotes, and a common name may be that long. */
static char *
make_code (GError **error)
{
  guint8 bytes[CODE_SIZE];
  GString *text;

  if (gnutls_rnd (GNUTLS_RND_KEY, bytes, sizeof bytes) < 0)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_FAILED, "There is no source of random numbers");
      return NULL;
    }
  text = g_string_sized_new (2 * CODE_SIZE);
  for (guint i = 0; i < CODE_SIZE; i++)
    g_string_append_printf (text, "%02X", bytes[i]);
  return g_string_free (text, FALSE);
}

static gboolean
change_certificate (BrevetServiceCall *call, BrevetCaCertificateDocument *certificate, GError **error)
{
  gint64 now = brevet_clock_now_seconds ();
  g_autofree char *code = NULL;

  if (call->route->kind == BREVET_ROUTE_CERTIFICATE_PROOF)
    return brevet_ca_certificate_document_verify (certificate, brevet_request_get_body (call->request), now, error);
  code = make_code (error);
  if (code != NULL)
    brevet_ca_certificate_document_set_code (certificate, code, now);
  return code != NULL;
}

static gpointer
parse_certificate (BrevetServiceCall *call, GError **error)
{
  g_autoptr(BrevetCaCertificateDocument) stored = NULL;

  if (call->record != NULL)
    {
      stored = brevet_records_read_ca_certificate (call->record, error);
      if (stored == NULL)
        return NULL;
    }
  if (call->route->kind == BREVET_ROUTE_CERTIFICATE)
    return brevet_ca_certificate_document_parse (brevet_request_get_body (call->request), call->route->id, stored,
                                                 brevet_clock_now_seconds (), error);
  return change_certificate (call, stored, error) ? g_steal_pointer (&stored) : NULL;
}

static void
put_certificate (BrevetBatch *batch, gpointer document, const char *condition)
{
  brevet_records_put_ca_certificate (batch, document, condition);
}

static JsonObject *
confirm_certificate (BrevetServiceCall *call, const char *etag, gint64 created, gint64 updated)
{
  BrevetCaCertificateDocument *certificate = call->document;

  g_free (certificate->etag);
  certificate->etag = g_strdup (etag);
  certificate->created = created;
  certificate->updated = updated;
  return brevet_ca_certificate_document_to_json (certificate);
}

const BrevetServiceResource brevet_service_certificates = {
  .noun = "CA certificate",
  .collection = BREVET_COLLECTION_CA_CERTIFICATES,
  .body_limit = BODY_LIMIT,
  .read_right = BREVET_RIGHT_SERVICE_CONFIG,
  .write_right = BREVET_RIGHT_SERVICE_CONFIG,
  .show = show_certificate,
  .parse = parse_certificate,
  .put = put_certificate,
  .relate = brevet_service_relate_certificate,
  .confirm = confirm_certificate,
  .free_document = (GDestroyNotify) brevet_ca_certificate_document_free,
  .is_indexed = TRUE,
};
