/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-trust-bundle-poll.h"

#include "brevet-dialect.h"
#include "brevet-error.h"
#include "brevet-etag.h"
#include "brevet-registration-answer.h"
#include "brevet-route.h"
#include "brevet-wire-json.h"

/* One look: the data of its task. */
typedef struct {
  BrevetTransport *transport;
  BrevetProver *prover;
  char *id_scope;
  char *registration_id;
  char *etag;
  JsonObject *challenge;
  BrevetTrustBundlePoll found;
} Look;

static void
look_free (gpointer data)
{
  Look *self = data;

  g_object_unref (self->transport);
  g_object_unref (self->prover);
  g_free (self->id_scope);
  g_free (self->registration_id);
  g_free (self->etag);
  g_clear_pointer (&self->challenge, json_object_unref);
  brevet_trust_bundle_poll_clear (&self->found);
  g_free (self);
}

void
brevet_trust_bundle_poll_clear (BrevetTrustBundlePoll *self)
{
  g_clear_pointer (&self->document, json_object_unref);
  g_clear_pointer (&self->etag, g_free);
}

static void prove (GTask *task);

static void
return_kind (GTask *task, BrevetTrustBundlePollKind kind)
{
  Look *self = g_task_get_task_data (task);

  self->found.kind = kind;
  g_task_return_boolean (task, TRUE);
}

/* The version stands in the header; the document says it too, for whoever stands behind something that drops headers. */
static char *
find_etag (BrevetReply *reply, JsonObject *document)
{
  const char *etag = brevet_reply_get_header (reply, "etag");

  if (etag == NULL && !brevet_wire_get_string (document, "etag", &etag, NULL))
    etag = NULL;
  return etag != NULL ? brevet_etag_normalise (etag) : NULL;
}

static void
take_document (GTask *task, BrevetReply *reply)
{
  Look *self = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) document = brevet_wire_parse_object (brevet_reply_get_body (reply), "the trust bundle", &error);
  JsonNode *certificates = document != NULL ? json_object_get_member (document, "certificates") : NULL;

  if (certificates == NULL || !JSON_NODE_HOLDS_ARRAY (certificates))
    {
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The service's reply is no trust bundle: %s",
                               error != NULL ? error->message : "it has no list of certificates");
      return;
    }
  self->found.etag = find_etag (reply, document);
  self->found.document = g_steal_pointer (&document);
  return_kind (task, BREVET_TRUST_BUNDLE_CHANGED);
}

/* What a refusal means is the same as for a registration, but that nobody asks again here. */
static void
take_refusal (GTask *task, BrevetReply *reply)
{
  Look *self = g_task_get_task_data (task);
  g_autoptr(BrevetRegistrationAnswer) answer = brevet_registration_answer_read (reply);

  self->found.retry_after = answer->retry_after;
  if (answer->kind == BREVET_REGISTRATION_ANSWER_CHALLENGE && self->challenge == NULL)
    {
      self->challenge = g_steal_pointer (&answer->challenge);
      prove (task);
      return;
    }
  if (brevet_reply_get_status (reply) == 429)
    answer->error->code = BREVET_ERROR_BUSY;
  g_task_return_error (task, g_steal_pointer (&answer->error));
}

static void
on_exchanged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = brevet_transport_exchange_finish (BREVET_TRANSPORT (source), result, &error);
  guint status = reply != NULL ? brevet_reply_get_status (reply) : 0;

  if (reply == NULL && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED))
    return_kind (task, BREVET_TRUST_BUNDLE_UNSUPPORTED);
  else if (reply == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else if (status == 200)
    take_document (task, reply);
  else if (status == 204)
    return_kind (task, BREVET_TRUST_BUNDLE_NONE);
  else if (status == 304)
    return_kind (task, BREVET_TRUST_BUNDLE_UNCHANGED);
  else if (status == 400 || status == 404 || status == 405)
    return_kind (task, BREVET_TRUST_BUNDLE_UNSUPPORTED);
  else if (status >= 400)
    take_refusal (task, reply);
  else
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                             "The service answers a question for the trust bundle with %u, which means nothing", status);
}

static void
exchange (GTask *task, BrevetEvidence *evidence)
{
  Look *self = g_task_get_task_data (task);
  g_autofree char *path = brevet_route_build_registration_path (self->id_scope, self->registration_id, "trustBundle");
  g_autoptr(BrevetRequest) request = brevet_request_new ("GET", path, "api-version=" BREVET_API_VERSION_PREVIEW);

  /* Without it the whole bundle comes, which is then compared. */
  if (self->etag != NULL && brevet_etag_is_sendable (self->etag))
    {
      g_autofree char *quoted = brevet_etag_quote (self->etag);

      brevet_request_set_header (request, "if-none-match", quoted);
    }
  brevet_request_set_evidence (request, evidence);
  brevet_transport_exchange_async (self->transport, request, g_task_get_cancellable (task), on_exchanged, g_object_ref (task));
}

static void
on_proved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetEvidence) evidence = brevet_prover_prove_finish (BREVET_PROVER (source), result, &error);

  if (evidence == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    exchange (task, evidence);
}

static void
prove (GTask *task)
{
  Look *self = g_task_get_task_data (task);

  brevet_prover_prove_async (self->prover, self->id_scope, self->registration_id, self->challenge, g_task_get_cancellable (task),
                             on_proved, g_object_ref (task));
}

void
brevet_trust_bundle_poll_async (BrevetTransport *transport, BrevetProver *prover, const char *id_scope,
                                const char *registration_id, const char *etag, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Look *self = g_new0 (Look, 1);

  g_task_set_source_tag (task, brevet_trust_bundle_poll_async);
  self->transport = g_object_ref (transport);
  self->prover = g_object_ref (prover);
  self->id_scope = g_strdup (id_scope);
  self->registration_id = g_strdup (registration_id);
  self->etag = etag != NULL ? brevet_etag_normalise (etag) : NULL;
  self->found.retry_after = -1;
  g_task_set_task_data (task, self, look_free);
  prove (task);
}

gboolean
brevet_trust_bundle_poll_finish (GAsyncResult *result, BrevetTrustBundlePoll *poll, GError **error)
{
  Look *self;

  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_trust_bundle_poll_async), FALSE);

  self = g_task_get_task_data (G_TASK (result));
  *poll = self->found;
  self->found = (BrevetTrustBundlePoll) { .retry_after = -1 };
  return g_task_propagate_boolean (G_TASK (result), error);
}
