/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs: each makes a question, and something of the answer. */

#include "example-ca.h"
#include "example-question.h"
#include "example-trouble.h"

static GBytes *
make_body (const char *first, ...)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  va_list members;
  char *text;

  va_start (members, first);
  for (const char *member = first; member != NULL; member = va_arg (members, const char *))
    {
      const char *value = va_arg (members, const char *);

      if (value != NULL)
        json_object_set_string_member (object, member, value);
    }
  va_end (members);
  json_node_set_object (node, object);
  text = json_to_string (node, FALSE);
  return g_bytes_new_take (text, strlen (text));
}

/* The verb that @task is for. */
static void
set_verb (GTask *task, ExampleVerb verb)
{
  g_task_set_task_data (task, GINT_TO_POINTER (verb), NULL);
}

/* Issue and poll end alike. */
static void
on_outcome (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  ExampleVerb verb = GPOINTER_TO_INT (g_task_get_task_data (task));
  GError *error = NULL;
  g_autoptr(GError) problem = NULL;
  g_autoptr(ExampleAnswer) answer = example_ask_finish (EXAMPLE_CA (source), result, &error);
  BrevetCaOutcome *outcome;

  if (answer == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  outcome = example_answer_read_outcome (answer, &problem);
  if (outcome != NULL)
    g_task_return_pointer (task, outcome, (GDestroyNotify) brevet_ca_outcome_unref);
  else
    g_task_return_error (task, example_trouble_new_misread (verb, answer, problem->message));
}

static BrevetCaOutcome *
finish_outcome (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
issue_async (BrevetCaBackend *backend, BrevetCaRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
             gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (backend, cancellable, callback, user_data);
  g_autofree char *csr = brevet_csr_to_pem (brevet_ca_request_get_csr (request));
  g_autoptr(GBytes) body = make_body ("csr", csr, "commonName", brevet_ca_request_get_common_name (request), "uri",
                                      brevet_ca_request_get_uri (request), NULL);
  ExampleQuestion question = { EXAMPLE_VERB_ISSUE, "POST", "/certificates", NULL, body, request };

  g_task_set_source_tag (task, issue_async);
  /* A certificate that is there is not thrown away because nobody waits for it any more. */
  g_task_set_check_cancellable (task, FALSE);
  set_verb (task, EXAMPLE_VERB_ISSUE);
  example_ask_async (EXAMPLE_CA (backend), &question, cancellable, on_outcome, g_steal_pointer (&task));
}

static void
poll_async (BrevetCaBackend *backend, const char *ticket, BrevetCaRequest *request, GCancellable *cancellable,
            GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (backend, cancellable, callback, user_data);
  g_autofree char *id = g_uri_escape_string (ticket, NULL, FALSE);
  g_autofree char *path = g_strconcat ("/requests/", id, NULL);
  ExampleQuestion question = { EXAMPLE_VERB_POLL, "GET", path, NULL, NULL, NULL };

  g_task_set_source_tag (task, poll_async);
  g_task_set_check_cancellable (task, FALSE);
  set_verb (task, EXAMPLE_VERB_POLL);
  example_ask_async (EXAMPLE_CA (backend), &question, cancellable, on_outcome, g_steal_pointer (&task));
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autoptr(GError) problem = NULL;
  g_autoptr(ExampleAnswer) answer = example_ask_finish (EXAMPLE_CA (source), result, &error);
  BrevetCaOutcome *outcome = answer != NULL ? example_answer_read_found (answer, g_task_get_task_data (task), &problem) : NULL;

  if (answer == NULL)
    g_task_return_error (task, error);
  else if (outcome != NULL)
    g_task_return_pointer (task, outcome, (GDestroyNotify) brevet_ca_outcome_unref);
  else if (problem->domain == BREVET_CA_ERROR)
    g_task_return_error (task, g_steal_pointer (&problem));
  else
    g_task_return_error (task, example_trouble_new_misread (EXAMPLE_VERB_READ, answer, problem->message));
}

/* By the public key: the name may have had other certificates. */
static void
find_async (BrevetCaBackend *backend, BrevetCaRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
            gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (backend, cancellable, callback, user_data);
  g_autofree char *query = g_strconcat ("publicKey=", brevet_csr_get_spki_sha256 (brevet_ca_request_get_csr (request)), NULL);
  ExampleQuestion question = { EXAMPLE_VERB_READ, "GET", "/certificates", query, NULL, NULL };

  g_task_set_source_tag (task, find_async);
  g_task_set_task_data (task, brevet_ca_request_ref (request), (GDestroyNotify) brevet_ca_request_unref);
  example_ask_async (EXAMPLE_CA (backend), &question, cancellable, on_found, g_steal_pointer (&task));
}

static const char *
name_reason (BrevetRevocationReason reason)
{
  switch (reason)
    {
    case BREVET_REVOCATION_KEY_COMPROMISE:
      return "keyCompromise";
    case BREVET_REVOCATION_SUPERSEDED:
      return "superseded";
    case BREVET_REVOCATION_CESSATION_OF_OPERATION:
      return "cessationOfOperation";
    case BREVET_REVOCATION_UNSPECIFIED:
    case BREVET_REVOCATION_CA_COMPROMISE:
    case BREVET_REVOCATION_AFFILIATION_CHANGED:
    case BREVET_REVOCATION_CERTIFICATE_HOLD:
    case BREVET_REVOCATION_REMOVE_FROM_CRL:
    case BREVET_REVOCATION_PRIVILEGE_WITHDRAWN:
    case BREVET_REVOCATION_AA_COMPROMISE:
    default:
      return "unspecified";
    }
}

/* What is revoked already is a success. */
static void
on_revoked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autoptr(ExampleAnswer) answer = example_ask_finish (EXAMPLE_CA (source), result, &error);

  if (answer != NULL || g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFLICT))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
  g_clear_error (&error);
}

static void
revoke_async (BrevetCaBackend *backend, BrevetCertificate *certificate, const char *backend_reference,
              BrevetRevocationReason reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (backend, cancellable, callback, user_data);
  g_autofree char *id = g_uri_escape_string (backend_reference != NULL ? backend_reference : "", NULL, FALSE);
  g_autofree char *path = g_strdup_printf ("/certificates/%s/revocation", id);
  g_autoptr(GBytes) body = make_body ("reason", name_reason (reason), NULL);
  ExampleQuestion question = { EXAMPLE_VERB_REVOKE, "POST", path, NULL, body, NULL };

  g_task_set_source_tag (task, revoke_async);
  if (*id == '\0')
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND,
                             "The CA's own name for the certificate is not known");
  else
    example_ask_async (EXAMPLE_CA (backend), &question, cancellable, on_revoked, g_steal_pointer (&task));
}

static gboolean
revoke_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- what there is to know about the CA --- */

static const ExampleQuestion about = { EXAMPLE_VERB_READ, "GET", "/ca", NULL, NULL, NULL };

static void
on_trust (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  GError *error = NULL;
  g_autoptr(GError) problem = NULL;
  g_autoptr(ExampleAnswer) answer = example_ask_finish (EXAMPLE_CA (source), result, &error);

  if (answer == NULL)
    g_task_return_error (task, error);
  else if (!example_answer_read_certificates (answer, "roots", certificates, &problem) ||
           !example_answer_read_certificates (answer, "issuers", certificates, &problem))
    g_task_return_error (task, example_trouble_new_misread (EXAMPLE_VERB_READ, answer, problem->message));
  else
    g_task_return_pointer (task, brevet_trust_bundle_new (certificates), (GDestroyNotify) brevet_trust_bundle_unref);
}

static void
get_trust_async (BrevetCaBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (backend, cancellable, callback, user_data);

  g_task_set_source_tag (task, get_trust_async);
  example_ask_async (EXAMPLE_CA (backend), &about, cancellable, on_trust, g_steal_pointer (&task));
}

static BrevetTrustBundle *
get_trust_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* A CA that is down is a finding, and no error. */
static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autoptr(ExampleAnswer) answer = example_ask_finish (EXAMPLE_CA (source), result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_task_return_error (task, error);
      return;
    }
  g_task_return_pointer (task,
                         brevet_ca_health_new (answer != NULL ? BREVET_CA_HEALTH_OK : BREVET_CA_HEALTH_DOWN,
                                               answer != NULL ? "The CA answers and accepts the token" : error->message, 0),
                         (GDestroyNotify) brevet_ca_health_unref);
  g_clear_error (&error);
}

static void
check_async (BrevetCaBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (backend, cancellable, callback, user_data);

  g_task_set_source_tag (task, check_async);
  example_ask_async (EXAMPLE_CA (backend), &about, cancellable, on_checked, g_steal_pointer (&task));
}

static BrevetCaHealth *
check_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
example_verbs_init (BrevetCaBackendInterface *iface)
{
  iface->check_async = check_async;
  iface->check_finish = check_finish;
  iface->issue_async = issue_async;
  iface->issue_finish = finish_outcome;
  iface->poll_async = poll_async;
  iface->poll_finish = finish_outcome;
  iface->find_async = find_async;
  iface->find_finish = finish_outcome;
  iface->revoke_async = revoke_async;
  iface->revoke_finish = revoke_finish;
  iface->get_trust_async = get_trust_async;
  iface->get_trust_finish = get_trust_finish;
}
