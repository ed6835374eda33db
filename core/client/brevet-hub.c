/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-hub.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-time-limit.h"

/* What Azure's hub wants to read in the user name: the version of its own interface for devices, which has nothing to do with
 * that of the provisioning service. */
#define HUB_API_VERSION "2021-04-12"

/* Seconds without a message after which the client asks whether the hub is still there. */
#define KEEP_ALIVE 60

/* That a client's connection has ended is said once, and not again to those who ask later. */
#define CLOSED_KEY "brevet-hub-closed"

/* One visit: the data of its task. */
typedef struct {
  BrevetNetworkPeer *peer;
  char *device_id;
  gint64 deadline;
  BrevetMqttClient *client;
  BrevetTimeLimit *limit;   /* from the open connection on */
} Visit;

static void
visit_free (gpointer data)
{
  Visit *self = data;

  g_clear_pointer (&self->limit, brevet_time_limit_free);
  g_clear_object (&self->client);
  brevet_network_peer_free (self->peer);
  g_free (self->device_id);
  g_free (self);
}

/* The connection had the same time, and may have used some of it. */
static guint
get_remaining_ms (Visit *self)
{
  return (guint) (MAX (0, self->deadline - brevet_clock_monotonic ()) / 1000);
}

/* A hub that does not like a certificate says so by an alert and ends the connection: with TLS 1.3 that is known only after the
 * handshake. */
static void
fail_login (GTask *task, Visit *self, BrevetMqttConnectCode code, GError *error)
{
  const char *host = self->peer->host;
  guint port = self->peer->port;
  g_autoptr(GError) original = error;

  if (brevet_time_limit_has_passed (self->limit))
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                             "The hub %s port %u did not answer the device “%s” within %u seconds", host, port, self->device_id,
                             self->peer->timeout);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_task_return_error (task, g_steal_pointer (&original));
  else if (code != BREVET_MQTT_ACCEPTED)
    g_task_return_new_error (task, BREVET_ERROR, code == BREVET_MQTT_UNAVAILABLE ? BREVET_ERROR_UNREACHABLE : BREVET_ERROR_REJECTED,
                             "The hub %s port %u refuses the device “%s”: %s", host, port, self->device_id,
                             brevet_mqtt_connect_code_to_string (code));
  else
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_REJECTED,
                             "The hub %s port %u ended the connection instead of accepting the device “%s”, as hubs do that do not "
                             "know or trust a certificate: %s", host, port, self->device_id, error->message);
}

static void
on_logged_in (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Visit *self = g_task_get_task_data (task);
  BrevetMqttConnectCode code = BREVET_MQTT_ACCEPTED;
  GError *error = NULL;

  if (brevet_mqtt_client_connect_finish (BREVET_MQTT_CLIENT (source), result, &code, &error))
    {
      g_clear_pointer (&self->limit, brevet_time_limit_free);
      g_task_return_pointer (task, g_steal_pointer (&self->client), g_object_unref);
      return;
    }
  fail_login (task, self, code, error);
}

static void
note_end (BrevetMqttClient *client, GError *error, gpointer user_data)
{
  g_object_set_data (G_OBJECT (client), CLOSED_KEY, GINT_TO_POINTER (TRUE));
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Visit *self = g_task_get_task_data (task);
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(BrevetMqttChannel) channel = NULL;
  g_autofree char *user_name = NULL;
  GError *error = NULL;

  stream = brevet_network_connect_finish (result, &error);
  if (stream == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  user_name = g_strdup_printf ("%s/%s/?api-version=" HUB_API_VERSION, self->peer->host, self->device_id);
  channel = brevet_mqtt_channel_new_for_stream (stream);
  self->client = brevet_mqtt_client_new (channel);
  g_signal_connect (self->client, "closed", G_CALLBACK (note_end), NULL);
  self->limit = brevet_time_limit_new (g_task_get_context (task), get_remaining_ms (self), g_task_get_cancellable (task));
  brevet_mqtt_client_connect_async (self->client, self->device_id, user_name, NULL, KEEP_ALIVE,
                                    brevet_time_limit_get_cancellable (self->limit), on_logged_in, g_object_ref (task));
}

/* A file for trust that is empty leaves it to the system, as none does. */
static BrevetTrustBundle *
ref_trust (const BrevetHubVisit *visit)
{
  if (visit->ca_file != NULL || visit->trust == NULL || brevet_trust_bundle_get_length (visit->trust) == 0)
    return NULL;
  return brevet_trust_bundle_ref (visit->trust);
}

void
brevet_hub_enter_async (const BrevetHubVisit *visit, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Visit *self = g_new0 (Visit, 1);

  g_task_set_source_tag (task, brevet_hub_enter_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, self, visit_free);
  self->peer = brevet_network_peer_new (visit->host, visit->port);
  self->peer->timeout = visit->timeout;
  self->peer->ca_file = g_strdup (visit->ca_file);
  self->peer->trust = ref_trust (visit);
  self->device_id = g_strdup (visit->device_id);
  self->deadline = brevet_clock_monotonic () + (gint64) visit->timeout * G_TIME_SPAN_SECOND;
  brevet_network_connect_async (self->peer, visit->port, visit->timeout, visit->chain, visit->key, cancellable, on_connected,
                                g_object_ref (task));
}

BrevetMqttClient *
brevet_hub_enter_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_hub_enter_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_closed (BrevetMqttClient *client, GError *error, gpointer user_data)
{
  g_object_unref (client);
}

void
brevet_hub_leave (BrevetMqttClient *client)
{
  if (g_object_get_data (G_OBJECT (client), CLOSED_KEY) != NULL)
    {
      g_object_unref (client);
      return;
    }
  g_signal_connect (client, "closed", G_CALLBACK (on_closed), NULL);
  brevet_mqtt_client_disconnect (client);
}

char *
brevet_hub_make_topic (const char *device_id)
{
  return g_strdup_printf ("devices/%s/messages/events/", device_id);
}
