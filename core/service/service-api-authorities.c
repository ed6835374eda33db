/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificate authorities (protocol/dps.md §10.6): stored ones, and those of the configuration behind them. */

#include "service-api-private.h"

#define BODY_LIMIT (64 * 1024)

static JsonObject *
show_authority (BrevetServiceCall *call, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetAuthorityDocument) authority = brevet_records_read_authority (record, error);

  return authority != NULL ? brevet_authority_document_to_json (authority, FALSE) : NULL;
}

static JsonObject *
show_configured_authority (BrevetServiceContext *context, const char *name)
{
  g_autoptr(BrevetAuthorityDocument) authority = brevet_authority_pool_get_configured (context->authorities, name);

  return authority != NULL ? brevet_authority_document_to_json (authority, FALSE) : NULL;
}

static const char *const *
list_configured_authorities (BrevetServiceContext *context)
{
  return brevet_authority_pool_list_configured (context->authorities);
}

static gpointer
parse_authority (BrevetServiceCall *call, GError **error)
{
  g_autoptr(BrevetAuthorityDocument) stored = NULL;
  g_autoptr(BrevetAuthorityDocument) authority = NULL;

  if (call->record != NULL)
    {
      stored = brevet_records_read_authority (call->record, error);
      if (stored == NULL)
        return NULL;
    }
  authority = brevet_authority_document_parse (brevet_request_get_body (call->request), call->route->id, stored, error);
  if (authority == NULL || !brevet_authority_pool_check_document (call->context->authorities, authority, error))
    return NULL;
  return g_steal_pointer (&authority);
}

static void
put_authority (BrevetBatch *batch, gpointer document, const char *condition)
{
  brevet_records_put_authority (batch, document, condition);
}

static JsonObject *
confirm_authority (BrevetServiceCall *call, const char *etag, gint64 created, gint64 updated)
{
  BrevetAuthorityDocument *authority = call->document;

  g_free (authority->etag);
  authority->etag = g_strdup (etag);
  authority->created = created;
  authority->updated = updated;
  return brevet_authority_document_to_json (authority, FALSE);
}

static const char *
get_authority_name (const BrevetEnrollment *enrollment)
{
  return enrollment->certificate_authority;
}

const BrevetServiceResource brevet_service_authorities = {
  .noun = "certificate authority",
  .collection = BREVET_COLLECTION_AUTHORITIES,
  .body_limit = BODY_LIMIT,
  .read_right = BREVET_RIGHT_SERVICE_CONFIG,
  .write_right = BREVET_RIGHT_SERVICE_CONFIG,
  .show = show_authority,
  .show_configured = show_configured_authority,
  .list_configured = list_configured_authorities,
  .parse = parse_authority,
  .put = put_authority,
  .confirm = confirm_authority,
  .free_document = (GDestroyNotify) brevet_authority_document_free,
  .get_name_in = get_authority_name,
};
