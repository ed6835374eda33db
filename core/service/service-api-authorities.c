/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificate authorities (protocol/dps.md §10.6): stored ones, and those of the configuration behind them. */

#include "brevet-identifier.h"
#include "service-api-private.h"

#include "authority-chore.h"
#include "authority-health.h"
#include "trust-bundle-keeper.h"

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

static gboolean
has_new_key (const BrevetAuthorityDocument *authority, const BrevetAuthorityDocument *stored)
{
  return authority->api_key != NULL && (stored == NULL || authority->api_key != stored->api_key);
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
  if (authority == NULL || !brevet_authority_pool_accept_document (call->context->authorities, authority,
                                                                   has_new_key (authority, stored), error))
    return NULL;
  return g_steal_pointer (&authority);
}

static void
check_authority_async (BrevetServiceCall *call, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  brevet_authority_pool_check_document_async (call->context->authorities, call->document, cancellable, callback, user_data);
}

static gboolean
check_authority_finish (GAsyncResult *result, GError **error)
{
  return brevet_authority_pool_check_document_finish (g_task_get_source_object (G_TASK (result)), result, error);
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
  brevet_service_chores_poke (call->context->chores, BREVET_CHORE_CA_VERSIONS);
  brevet_service_chores_poke (call->context->chores, BREVET_CHORE_AUTHORITY_HEALTH);
  return brevet_authority_document_to_json (authority, FALSE);
}

static gboolean
is_authority_named_in (const BrevetEnrollment *enrollment, const char *name)
{
  return (enrollment->certificate_authority != NULL && brevet_identifier_equal (enrollment->certificate_authority, name)) ||
         (enrollment->standby_authority != NULL && brevet_identifier_equal (enrollment->standby_authority, name));
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
  .check_async = check_authority_async,
  .check_finish = check_authority_finish,
  .put = put_authority,
  .confirm = confirm_authority,
  .free_document = (GDestroyNotify) brevet_authority_document_free,
  .is_named_in = is_authority_named_in,
  .is_followed = TRUE,
  .chore = BREVET_CHORE_TRUST_BUNDLES,
};
