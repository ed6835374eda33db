/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-network-peer.h"

#include "brevet-network-credential.h"
#include "brevet-network-trouble.h"
#include "brevet-network-trust.h"
#include "brevet-time-limit.h"

/* One attempt: the data of its task. */
typedef struct {
  const BrevetNetworkPeer *peer;
  guint16 port;
  guint timeout;
  GSocketConnectable *address;
  GSocketClient *client;
  GTlsDatabase *trust;
  GTlsCertificate *credential;   /* NULL: none */
  GIOStream *secure;
  GTlsCertificateFlags flaws;
  BrevetTimeLimit *limit;        /* NULL before it has begun */
} Attempt;

static void
attempt_free (gpointer data)
{
  Attempt *self = data;

  g_clear_pointer (&self->limit, brevet_time_limit_free);
  if (self->secure != NULL)
    g_signal_handlers_disconnect_by_data (self->secure, self);
  g_clear_object (&self->secure);
  g_clear_object (&self->address);
  g_clear_object (&self->client);
  g_clear_object (&self->trust);
  g_clear_object (&self->credential);
  g_free (self);
}

static void
fail (GTask *task, GError *cause)
{
  Attempt *self = g_task_get_task_data (task);

  if (brevet_time_limit_has_passed (self->limit))
    g_task_return_error (task, brevet_network_trouble_new_timeout (self->peer, self->port, self->timeout));
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_task_return_error (task, g_error_copy (cause));
  else
    g_task_return_error (task, brevet_network_trouble_new (self->peer, self->port, cause, self->flaws));
  g_error_free (cause);
}

static gboolean
on_accept_certificate (GTlsConnection *connection, GTlsCertificate *certificate, GTlsCertificateFlags flaws, gpointer user_data)
{
  Attempt *self = user_data;

  self->flaws = flaws;
  return FALSE;
}

static void
on_secured (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attempt *self = g_task_get_task_data (task);
  GError *error = NULL;

  g_signal_handlers_disconnect_by_data (self->secure, self);
  if (g_tls_connection_handshake_finish (G_TLS_CONNECTION (source), result, &error))
    g_task_return_pointer (task, g_steal_pointer (&self->secure), g_object_unref);
  else
    fail (task, error);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attempt *self = g_task_get_task_data (task);
  g_autoptr(GSocketConnection) connection = NULL;
  GError *error = NULL;

  connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);
  if (connection != NULL)
    self->secure = g_tls_client_connection_new (G_IO_STREAM (connection), self->address, &error);
  if (self->secure == NULL)
    {
      fail (task, error);
      return;
    }
  g_tls_connection_set_database (G_TLS_CONNECTION (self->secure), self->trust);
  if (self->credential != NULL)
    g_tls_connection_set_certificate (G_TLS_CONNECTION (self->secure), self->credential);
  g_signal_connect (self->secure, "accept-certificate", G_CALLBACK (on_accept_certificate), self);
  g_tls_connection_handshake_async (G_TLS_CONNECTION (self->secure), g_task_get_priority (task),
                                    brevet_time_limit_get_cancellable (self->limit), on_secured, g_object_ref (task));
}

/* The scheme is what a proxy resolver decides by. */
static void
prepare (Attempt *self)
{
  self->address = g_object_new (G_TYPE_NETWORK_ADDRESS, "hostname", self->peer->host, "port", self->port, "scheme", "https", NULL);
  self->client = g_socket_client_new ();
  g_socket_client_set_enable_proxy (self->client, self->peer->resolver != NULL);
  if (self->peer->resolver != NULL)
    g_socket_client_set_proxy_resolver (self->client, self->peer->resolver);
}

static void
connect_socket (GTask *task)
{
  Attempt *self = g_task_get_task_data (task);

  g_socket_client_connect_async (self->client, self->address, brevet_time_limit_get_cancellable (self->limit), on_connected,
                                 g_object_ref (task));
}

static void
on_credential (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attempt *self = g_task_get_task_data (task);
  GError *error = NULL;

  self->credential = brevet_network_credential_new_finish (result, &error);
  if (self->credential != NULL)
    connect_socket (task);
  else
    fail (task, error);
}

void
brevet_network_connect_async (const BrevetNetworkPeer *peer, guint16 port, guint timeout, BrevetChain *chain, BrevetKey *key,
                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Attempt *self = g_new0 (Attempt, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, brevet_network_connect_async);
  g_task_set_task_data (task, self, attempt_free);
  self->peer = peer;
  self->port = port;
  self->timeout = timeout;
  self->trust = brevet_network_trust_new (peer, &error);
  if (self->trust == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  prepare (self);
  self->limit = brevet_time_limit_new (g_task_get_context (task), timeout * 1000, cancellable);
  if (chain != NULL)
    brevet_network_credential_new_async (chain, key, brevet_time_limit_get_cancellable (self->limit), on_credential,
                                         g_object_ref (task));
  else
    connect_socket (task);
}

GIOStream *
brevet_network_connect_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_network_connect_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
