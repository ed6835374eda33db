/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-ca-backend.h"

G_DEFINE_INTERFACE (BrevetCaBackend, brevet_ca_backend, BREVET_TYPE_PLUGIN)

static void
brevet_ca_backend_default_init (BrevetCaBackendInterface *iface)
{
}

/* What a backend that lacks an optional verb answers: the task's source tag tells the _finish functions below that the answer is
 * ours and not the backend's. */
static void
answer_unsupported (BrevetCaBackend *self, const char *verb, GCancellable *cancellable, GAsyncReadyCallback callback,
                    gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, answer_unsupported);
  g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED, "The certificate authority “%s” cannot %s",
                           brevet_plugin_get_name (BREVET_PLUGIN (self)), verb);
}

static gboolean
was_unsupported (GAsyncResult *result)
{
  return g_async_result_is_tagged (result, answer_unsupported);
}

BrevetCaCapabilities
brevet_ca_backend_get_capabilities (BrevetCaBackend *self)
{
  g_return_val_if_fail (BREVET_IS_CA_BACKEND (self), 0);

  return BREVET_CA_BACKEND_GET_IFACE (self)->get_capabilities (self);
}

char *
brevet_ca_backend_dup_identity (BrevetCaBackend *self)
{
  BrevetCaBackendInterface *iface = NULL;

  g_return_val_if_fail (BREVET_IS_CA_BACKEND (self), NULL);

  iface = BREVET_CA_BACKEND_GET_IFACE (self);
  if (iface->dup_identity != NULL)
    return iface->dup_identity (self);
  return g_strdup_printf ("%s %s", G_OBJECT_TYPE_NAME (self), brevet_plugin_get_name (BREVET_PLUGIN (self)));
}

void
brevet_ca_backend_get_traffic (BrevetCaBackend *self, BrevetCaTraffic *traffic)
{
  BrevetCaBackendInterface *iface = NULL;

  g_return_if_fail (BREVET_IS_CA_BACKEND (self));
  g_return_if_fail (traffic != NULL);

  *traffic = (BrevetCaTraffic) { 0 };
  iface = BREVET_CA_BACKEND_GET_IFACE (self);
  if (iface->get_traffic != NULL)
    iface->get_traffic (self, traffic);
}

void
brevet_ca_backend_check_async (BrevetCaBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (BREVET_IS_CA_BACKEND (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_CA_BACKEND_GET_IFACE (self)->check_async (self, cancellable, callback, user_data);
}

BrevetCaHealth *
brevet_ca_backend_check_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_CA_BACKEND (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  return BREVET_CA_BACKEND_GET_IFACE (self)->check_finish (self, result, error);
}

void
brevet_ca_backend_issue_async (BrevetCaBackend *self, BrevetCaRequest *request, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (BREVET_IS_CA_BACKEND (self));
  g_return_if_fail (request != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_CA_BACKEND_GET_IFACE (self)->issue_async (self, request, cancellable, callback, user_data);
}

BrevetCaOutcome *
brevet_ca_backend_issue_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_CA_BACKEND (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  return BREVET_CA_BACKEND_GET_IFACE (self)->issue_finish (self, result, error);
}

void
brevet_ca_backend_poll_async (BrevetCaBackend *self, const char *ticket, BrevetCaRequest *request, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetCaBackendInterface *iface = NULL;

  g_return_if_fail (BREVET_IS_CA_BACKEND (self));
  g_return_if_fail (ticket != NULL && request != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  iface = BREVET_CA_BACKEND_GET_IFACE (self);
  if (iface->poll_async != NULL)
    iface->poll_async (self, ticket, request, cancellable, callback, user_data);
  else
    answer_unsupported (self, "be asked again with a ticket", cancellable, callback, user_data);
}

BrevetCaOutcome *
brevet_ca_backend_poll_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_CA_BACKEND (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  if (was_unsupported (result))
    return g_task_propagate_pointer (G_TASK (result), error);
  return BREVET_CA_BACKEND_GET_IFACE (self)->poll_finish (self, result, error);
}

void
brevet_ca_backend_find_async (BrevetCaBackend *self, BrevetCaRequest *request, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetCaBackendInterface *iface = NULL;

  g_return_if_fail (BREVET_IS_CA_BACKEND (self));
  g_return_if_fail (request != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  iface = BREVET_CA_BACKEND_GET_IFACE (self);
  if (iface->find_async != NULL)
    iface->find_async (self, request, cancellable, callback, user_data);
  else
    answer_unsupported (self, "look up certificates", cancellable, callback, user_data);
}

BrevetCaOutcome *
brevet_ca_backend_find_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_CA_BACKEND (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  if (was_unsupported (result))
    return g_task_propagate_pointer (G_TASK (result), error);
  return BREVET_CA_BACKEND_GET_IFACE (self)->find_finish (self, result, error);
}

void
brevet_ca_backend_revoke_async (BrevetCaBackend *self, BrevetCertificate *certificate, const char *backend_reference,
                                BrevetRevocationReason reason, GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer user_data)
{
  BrevetCaBackendInterface *iface = NULL;

  g_return_if_fail (BREVET_IS_CA_BACKEND (self));
  g_return_if_fail (certificate != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  iface = BREVET_CA_BACKEND_GET_IFACE (self);
  if (iface->revoke_async != NULL)
    iface->revoke_async (self, certificate, backend_reference, reason, cancellable, callback, user_data);
  else
    answer_unsupported (self, "revoke certificates", cancellable, callback, user_data);
}

gboolean
brevet_ca_backend_revoke_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_CA_BACKEND (self), FALSE);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), FALSE);

  if (was_unsupported (result))
    return g_task_propagate_boolean (G_TASK (result), error);
  return BREVET_CA_BACKEND_GET_IFACE (self)->revoke_finish (self, result, error);
}

void
brevet_ca_backend_get_trust_async (BrevetCaBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer user_data)
{
  g_return_if_fail (BREVET_IS_CA_BACKEND (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_CA_BACKEND_GET_IFACE (self)->get_trust_async (self, cancellable, callback, user_data);
}

BrevetTrustBundle *
brevet_ca_backend_get_trust_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_CA_BACKEND (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  return BREVET_CA_BACKEND_GET_IFACE (self)->get_trust_finish (self, result, error);
}

void
brevet_ca_backend_get_crl_async (BrevetCaBackend *self, GPtrArray *revocations, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetCaBackendInterface *iface = NULL;

  g_return_if_fail (BREVET_IS_CA_BACKEND (self));
  g_return_if_fail (revocations != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  iface = BREVET_CA_BACKEND_GET_IFACE (self);
  if (iface->get_crl_async != NULL)
    iface->get_crl_async (self, revocations, cancellable, callback, user_data);
  else
    answer_unsupported (self, "publish a revocation list", cancellable, callback, user_data);
}

GBytes *
brevet_ca_backend_get_crl_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_CA_BACKEND (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  if (was_unsupported (result))
    return g_task_propagate_pointer (G_TASK (result), error);
  return BREVET_CA_BACKEND_GET_IFACE (self)->get_crl_finish (self, result, error);
}
