/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One question, one answer: issue, and what becomes of a request that is pending. */

#include "brevet-ca-digicert-private.h"

#include "digicert-request.h"
#include "digicert-trouble.h"

#include "brevet-ca-error.h"

/* --- the issuers of a leaf that came alone --- */

static void
lengthen (GTask *task, BrevetCaOutcome *outcome)
{
  BrevetCaDigicert *self = g_task_get_source_object (task);
  g_autoptr(BrevetChain) chain = digicert_trust_lengthen (self->trust, brevet_ca_outcome_get_chain (outcome));

  g_task_return_pointer (task, brevet_ca_outcome_new_issued (chain, NULL, brevet_ca_outcome_get_backend_reference (outcome)),
                         (GDestroyNotify) brevet_ca_outcome_unref);
}

/* Whoever checks the certificate asks for the trust again, and gets the error if it lasts. */
static void
on_trust (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(BrevetTrustBundle) trust = digicert_get_trust_finish (BREVET_CA_BACKEND (source), result, NULL);

  lengthen (task, g_task_get_task_data (task));
}

void
digicert_complete (GTask *task, BrevetCaOutcome *outcome)
{
  BrevetCaDigicert *self = g_task_get_source_object (task);
  BrevetChain *chain = brevet_ca_outcome_get_chain (outcome);
  gboolean covered = chain != NULL && digicert_trust_covers (self->trust, chain);

  if (chain == NULL || brevet_chain_get_length (chain) > 1 || brevet_certificate_is_self_issued (brevet_chain_get_leaf (chain)))
    {
      g_task_return_pointer (task, outcome, (GDestroyNotify) brevet_ca_outcome_unref);
      return;
    }
  g_task_set_task_data (task, outcome, (GDestroyNotify) brevet_ca_outcome_unref);
  if (covered)
    lengthen (task, outcome);
  else
    digicert_get_trust_async (BREVET_CA_BACKEND (self), NULL, on_trust, g_object_ref (task));
}

static void
return_answer (GTask *task, DigicertVerb verb, DigicertReply *reply, BrevetCaOutcome *outcome, GError *error)
{
  if (outcome != NULL)
    digicert_complete (task, outcome);
  else if (error->domain == BREVET_CA_ERROR)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_error (task, digicert_trouble_new_misread (verb, reply, error->message));
  g_clear_error (&error);
}

/* --- issue --- */

static void
on_issued (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetCaDigicert *self = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr(DigicertReply) reply = digicert_session_ask_finish (DIGICERT_SESSION (source), result, &error);
  BrevetCaOutcome *outcome = NULL;

  if (reply == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  outcome = digicert_answer_read_issued (self->configuration->api, reply->body, &error);
  return_answer (task, DIGICERT_VERB_ISSUE, reply, outcome, error);
}

void
digicert_issue_async (BrevetCaBackend *backend, BrevetCaRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                      gpointer user_data)
{
  BrevetCaDigicert *self = BREVET_CA_DIGICERT (backend);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr(GBytes) body = digicert_request_issue (self->configuration, request);
  const char *path = self->configuration->api == DIGICERT_API_IOT ? "/iot/api/v1/certificate" : "/mpki/api/v1/certificate";
  DigicertQuestion question = { DIGICERT_VERB_ISSUE, "POST", path, NULL, body, request };

  g_task_set_source_tag (task, digicert_issue_async);
  /* What has been issued is not thrown away because nobody waits for it any more. */
  g_task_set_check_cancellable (task, FALSE);
  digicert_session_ask_async (self->session, &question, cancellable, on_issued, g_steal_pointer (&task));
}

BrevetCaOutcome *
digicert_issue_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* --- poll --- */

static void
on_picked_up (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autoptr(DigicertReply) reply = digicert_session_ask_finish (DIGICERT_SESSION (source), result, &error);
  BrevetCaOutcome *outcome = NULL;

  if (reply == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  outcome = digicert_answer_read_picked_up (reply->body, g_task_get_task_data (task), &error);
  return_answer (task, DIGICERT_VERB_PICK_UP, reply, outcome, error);
}

void
digicert_poll_async (BrevetCaBackend *backend, const char *ticket, BrevetCaRequest *request, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetCaDigicert *self = BREVET_CA_DIGICERT (backend);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr(GBytes) body = digicert_request_pick_up (self->configuration);
  g_autofree char *path = NULL;
  DigicertQuestion question = { DIGICERT_VERB_PICK_UP, "POST", NULL, NULL, body, NULL };

  g_task_set_source_tag (task, digicert_poll_async);
  g_task_set_check_cancellable (task, FALSE);
  if (self->configuration->api != DIGICERT_API_LIFECYCLE)
    {
      g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED,
                               "IoT Trust Manager documents no way to ask what became of a request");
      return;
    }
  if (!digicert_answer_is_ticket (ticket))
    {
      g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_TICKET_EXPIRED,
                               "The pending request is none of Trust Lifecycle Manager; it was made with another configuration");
      return;
    }
  g_task_set_task_data (task, g_strdup (ticket), g_free);
  path = g_strconcat ("/mpki/api/v1/certificate-pickup/", digicert_answer_get_request_id (ticket), NULL);
  question.path = path;
  digicert_session_ask_async (self->session, &question, cancellable, on_picked_up, g_steal_pointer (&task));
}

BrevetCaOutcome *
digicert_poll_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
