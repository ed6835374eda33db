/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mqtt-websocket.h"

#include "brevet-network-credential.h"
#include "brevet-network-trouble.h"
#include "brevet-network-trust.h"
#include "mqtt-websocket-channel.h"

#include <libsoup/soup.h>

/* One attempt: the data of its task. */
typedef struct {
  const BrevetNetworkPeer *peer;
  guint16 port;
  SoupSession *session;
  SoupMessage *message;
  GTlsCertificate *credential;
  GTlsCertificateFlags flaws;
} Attempt;

static void
attempt_free (gpointer data)
{
  Attempt *self = data;

  if (self->message != NULL)
    g_signal_handlers_disconnect_by_data (self->message, self);
  g_clear_object (&self->message);
  g_clear_object (&self->session);
  g_clear_object (&self->credential);
  g_free (self);
}

static gboolean
on_accept_certificate (SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags flaws, gpointer user_data)
{
  Attempt *self = user_data;

  self->flaws = flaws;
  return FALSE;
}

static gboolean
on_request_certificate (SoupMessage *message, GTlsClientConnection *connection, gpointer user_data)
{
  Attempt *self = user_data;

  if (self->credential == NULL)
    return FALSE;
  soup_message_set_tls_client_certificate (message, self->credential);
  return TRUE;
}

static void
on_network_event (SoupMessage *message, GSocketClientEvent event, GIOStream *connection, gpointer user_data)
{
  Attempt *self = user_data;

  brevet_network_credential_present (self->credential, self->peer->host, event, connection);
}

static GError *
describe (Attempt *self, const GError *cause)
{
  guint status = soup_message_get_status (self->message);

  if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_error_copy (cause);
  if (cause->domain == SOUP_WEBSOCKET_ERROR && status != SOUP_STATUS_NONE && status != SOUP_STATUS_SWITCHING_PROTOCOLS)
    return brevet_network_trouble_new_text (self->peer, self->port, BREVET_ERROR_UNREACHABLE,
                                            "there is no MQTT over WebSocket, the answer is %u", status);
  if ((cause->domain == SOUP_WEBSOCKET_ERROR || cause->domain == SOUP_SESSION_ERROR) && self->flaws == 0)
    return brevet_network_trouble_new_text (self->peer, self->port, BREVET_ERROR_UNREACHABLE, "the answer is not WebSocket: %s",
                                            cause->message);
  return brevet_network_trouble_new (self->peer, self->port, cause, self->flaws);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attempt *self = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(SoupWebsocketConnection) connection = soup_session_websocket_connect_finish (SOUP_SESSION (source), result, &error);

  if (connection != NULL)
    g_task_return_pointer (task, mqtt_websocket_channel_new (connection), g_object_unref);
  else
    g_task_return_error (task, describe (self, error));
}

/* A session of its own: the credential belongs to one connection. */
static gboolean
prepare (Attempt *self, const MqttWay *way, GError **error)
{
  g_autoptr(GTlsDatabase) trust = brevet_network_trust_new (self->peer, error);
  g_autoptr(GUri) uri = NULL;

  if (trust == NULL)
    return FALSE;
  self->session = soup_session_new_with_options ("user-agent", "brevet/" BREVET_VERSION, "timeout", 0, "tls-database", trust,
                                                 "proxy-resolver", self->peer->resolver, NULL);
  soup_session_remove_feature_by_type (self->session, SOUP_TYPE_AUTH_MANAGER);
  uri = g_uri_build (SOUP_HTTP_URI_FLAGS, "wss", NULL, self->peer->host, way->port, way->path, NULL, NULL);
  self->message = soup_message_new_from_uri ("GET", uri);
  g_signal_connect (self->message, "accept-certificate", G_CALLBACK (on_accept_certificate), self);
  g_signal_connect (self->message, "request-certificate", G_CALLBACK (on_request_certificate), self);
  g_signal_connect (self->message, "network-event", G_CALLBACK (on_network_event), self);
  return TRUE;
}

static void
connect_session (GTask *task)
{
  static char *protocols[] = { (char *) "mqtt", NULL };
  Attempt *self = g_task_get_task_data (task);

  soup_session_websocket_connect_async (self->session, self->message, NULL, protocols, G_PRIORITY_DEFAULT,
                                        g_task_get_cancellable (task), on_connected, g_object_ref (task));
}

static void
on_credential (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attempt *self = g_task_get_task_data (task);
  GError *error = NULL;

  self->credential = brevet_network_credential_new_finish (result, &error);
  if (self->credential != NULL)
    connect_session (task);
  else
    g_task_return_error (task, error);
}

void
mqtt_websocket_connect_async (const BrevetNetworkPeer *peer, const MqttWay *way, BrevetChain *chain, BrevetKey *key,
                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Attempt *self = g_new0 (Attempt, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, mqtt_websocket_connect_async);
  g_task_set_task_data (task, self, attempt_free);
  self->peer = peer;
  self->port = way->port;
  if (!prepare (self, way, &error))
    g_task_return_error (task, error);
  else if (chain != NULL)
    brevet_network_credential_new_async (chain, key, cancellable, on_credential, g_object_ref (task));
  else
    connect_session (task);
}

BrevetMqttChannel *
mqtt_websocket_connect_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, mqtt_websocket_connect_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
