/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trust bundles (protocol/dps.md §10.7). */

#include "service-api-private.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "trust-bundle-follow.h"
#include "trust-bundle-keeper.h"

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

/* A bundle on its way into the store: the certificate authorities that it begins to follow are looked up one after the other. */
typedef struct {
  BrevetServiceCall *call;
  BrevetTrustBundleDocument *stored; /* NULL if it is new */
  guint next;
} Check;

static void
check_free (gpointer data)
{
  Check *check = data;

  g_clear_pointer (&check->stored, brevet_trust_bundle_document_free);
  g_free (check);
}

static void check_next (GTask *task);

static void
on_followed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  gboolean changed;

  if (brevet_trust_bundle_follow_finish (result, &changed, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Check *check = g_task_get_task_data (task);
  BrevetTrustBundleDocument *bundle = check->call->document;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority = NULL;

  authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &error);
  if (authority == NULL && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_INVALID, "There is no certificate authority “%s” that the trust "
                               "bundle could follow; create it first", bundle->authorities[check->next]);
      return;
    }
  /* One that cannot be used yet will be. */
  check->next++;
  check_next (task);
}

static gboolean
was_followed (const BrevetTrustBundleDocument *stored, const char *name)
{
  for (guint i = 0; stored != NULL && stored->authorities[i] != NULL; i++)
    if (brevet_identifier_equal (stored->authorities[i], name))
      return TRUE;
  return FALSE;
}

static void
check_next (GTask *task)
{
  Check *check = g_task_get_task_data (task);
  BrevetServiceContext *context = check->call->context;
  BrevetTrustBundleDocument *bundle = check->call->document;

  while (bundle->authorities[check->next] != NULL && was_followed (check->stored, bundle->authorities[check->next]))
    check->next++;
  if (bundle->authorities[check->next] != NULL)
    brevet_authority_pool_resolve_async (context->authorities, bundle->authorities[check->next], NULL,
                                         g_task_get_cancellable (task), on_resolved, g_object_ref (task));
  else
    brevet_trust_bundle_follow_async (context->store, context->census, bundle, 0, NULL, g_task_get_cancellable (task), on_followed,
                                      g_object_ref (task));
}

/* What is known already of what the certificate authorities say is in the bundle from the beginning. */
static void
check_bundle_async (BrevetServiceCall *call, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  BrevetTrustBundleDocument *bundle = call->document;
  Check *check = g_new0 (Check, 1);

  g_task_set_source_tag (task, check_bundle_async);
  check->call = call;
  check->stored = call->record != NULL ? brevet_records_read_trust_bundle (call->record, NULL) : NULL;
  g_task_set_task_data (task, check, check_free);
  if (bundle->authorities[0] == NULL)
    g_task_return_boolean (task, TRUE);
  else
    check_next (task);
}

static gboolean
check_bundle_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
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

static gboolean
is_bundle_named_in (const BrevetEnrollment *enrollment, const char *id)
{
  return enrollment->trust_bundle_id != NULL && brevet_identifier_equal (enrollment->trust_bundle_id, id);
}

const BrevetServiceResource brevet_service_trust_bundles = {
  .noun = "trust bundle",
  .collection = BREVET_COLLECTION_TRUST_BUNDLES,
  .body_limit = BODY_LIMIT,
  .read_right = BREVET_RIGHT_SERVICE_CONFIG,
  .write_right = BREVET_RIGHT_SERVICE_CONFIG,
  .show = show_bundle,
  .parse = parse_bundle,
  .check_async = check_bundle_async,
  .check_finish = check_bundle_finish,
  .put = put_bundle,
  .confirm = confirm_bundle,
  .free_document = (GDestroyNotify) brevet_trust_bundle_document_free,
  .is_named_in = is_bundle_named_in,
  .chore = BREVET_CHORE_TRUST_BUNDLES,
};
