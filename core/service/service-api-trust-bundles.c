/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trust bundles (protocol/dps.md §10.7). */

#include "service-api-private.h"

/* A hundred certificates with long keys. */
#define BODY_LIMIT (512 * 1024)

static JsonObject *
show_bundle (BrevetServiceCall *call, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetTrustBundleDocument) bundle = brevet_records_read_trust_bundle (record, error);

  return bundle != NULL ? brevet_trust_bundle_document_to_json (bundle) : NULL;
}

static gpointer
parse_bundle (BrevetServiceCall *call, GError **error)
{
  g_autoptr(BrevetTrustBundleDocument) stored = NULL;

  if (call->record != NULL)
    {
      stored = brevet_records_read_trust_bundle (call->record, error);
      if (stored == NULL)
        return NULL;
    }
  return brevet_trust_bundle_document_parse (brevet_request_get_body (call->request), call->route->id, stored, error);
}

static void
put_bundle (BrevetBatch *batch, gpointer document, const char *condition)
{
  brevet_records_put_trust_bundle (batch, document, condition);
}

static JsonObject *
confirm_bundle (BrevetServiceCall *call, const char *etag, gint64 created, gint64 updated)
{
  BrevetTrustBundleDocument *bundle = call->document;

  g_free (bundle->etag);
  bundle->etag = g_strdup (etag);
  bundle->created = created;
  bundle->updated = updated;
  return brevet_trust_bundle_document_to_json (bundle);
}

static const char *
get_bundle_id (const BrevetEnrollment *enrollment)
{
  return enrollment->trust_bundle_id;
}

const BrevetServiceResource brevet_service_trust_bundles = {
  .noun = "trust bundle",
  .collection = BREVET_COLLECTION_TRUST_BUNDLES,
  .body_limit = BODY_LIMIT,
  .read_right = BREVET_RIGHT_SERVICE_CONFIG,
  .write_right = BREVET_RIGHT_SERVICE_CONFIG,
  .show = show_bundle,
  .parse = parse_bundle,
  .put = put_bundle,
  .confirm = confirm_bundle,
  .free_document = (GDestroyNotify) brevet_trust_bundle_document_free,
  .get_name_in = get_bundle_id,
};
