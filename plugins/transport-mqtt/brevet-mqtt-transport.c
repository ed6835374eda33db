/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-mqtt-transport.h"

#include "brevet-error.h"
#include "brevet-route.h"
#include "mqtt-line.h"

#define CLIENT_VERSION "brevet/" BREVET_VERSION

struct _BrevetMqttTransport
{
  BrevetPlugin parent_instance;

  MqttPlan    *plan;
  GMutex       lock;
  GPtrArray   *lines;   /* MqttLine; under the lock */
};

static void brevet_mqtt_transport_iface_init (BrevetTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetMqttTransport, brevet_mqtt_transport, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_TRANSPORT, brevet_mqtt_transport_iface_init))

static gboolean
brevet_mqtt_transport_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetMqttTransport *self = BREVET_MQTT_TRANSPORT (plugin);

  self->plan = mqtt_plan_read (brevet_plugin_get_settings (plugin), error);
  return self->plan != NULL;
}

static BrevetRoute *
find_route (BrevetRequest *request, GError **error)
{
  const char *method = brevet_request_get_method (request);
  const char *path = brevet_request_get_path (request);
  guint status;
  g_autoptr(BrevetRoute) route = brevet_route_parse (method, path, brevet_request_get_query (request), &status, NULL);

  if (route != NULL && (route->kind == BREVET_ROUTE_REGISTER || route->kind == BREVET_ROUTE_OPERATION))
    return g_steal_pointer (&route);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED,
               "The service cannot be asked for %s %s over MQTT: a device can only register there", method, path);
  return NULL;
}

/* The keys of a TPM stand in the body of a request, and CONNECT has none (protocol/dps.md §6): the service could only refuse. */
static gboolean
check_evidence (BrevetEvidence *evidence, GError **error)
{
  if (evidence == NULL || brevet_evidence_get_parameters (evidence) == NULL || brevet_evidence_get_token (evidence) != NULL ||
      brevet_evidence_get_chain (evidence) != NULL)
    return TRUE;
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                       "The device's attestation cannot begin over MQTT, which takes a token or a certificate: for a TPM, use a "
                       "transport with type=https");
  return FALSE;
}

/* Two connections of one device would throw each other out: an old one that nobody needs is closed before a new one is opened. */
static MqttLine *
find_line (BrevetMqttTransport *self, const char *user_name, BrevetEvidence *evidence)
{
  for (guint i = self->lines->len; i > 0; i--)
    {
      MqttLine *line = g_ptr_array_index (self->lines, i - 1);

      if (mqtt_line_is_closed (line))
        g_ptr_array_remove_index (self->lines, i - 1);
      else if (!mqtt_line_is_mine (line, user_name))
        continue;
      else if (mqtt_line_has_evidence (line, evidence))
        return line;
      else if (mqtt_line_is_idle (line))
        mqtt_line_close (line);
    }
  return NULL;
}

static MqttLine *
take_line (BrevetMqttTransport *self, const BrevetRoute *route, BrevetEvidence *evidence)
{
  g_autofree char *user_name = brevet_mqtt_user_print (route->id_scope, route->id, route->api_version, CLIENT_VERSION);
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  MqttLine *line = find_line (self, user_name, evidence);

  if (line != NULL)
    return mqtt_line_ref (line);
  line = mqtt_line_new (self->plan, route->id, user_name, evidence);
  g_ptr_array_add (self->lines, mqtt_line_ref (line));
  return line;
}

static void
brevet_mqtt_transport_exchange_async (BrevetTransport *transport, BrevetRequest *request, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetMqttTransport *self = BREVET_MQTT_TRANSPORT (transport);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr(BrevetMqttQuestion) question = g_new0 (BrevetMqttQuestion, 1);
  g_autoptr(BrevetRoute) route = NULL;
  g_autoptr(MqttLine) line = NULL;
  GError *error = NULL;

  g_task_set_source_tag (task, brevet_mqtt_transport_exchange_async);
  if (g_task_return_error_if_cancelled (task))
    return;
  route = find_route (request, &error);
  if (route == NULL || !check_evidence (brevet_request_get_evidence (request), &error))
    {
      g_task_return_error (task, error);
      return;
    }
  question->is_register = route->kind == BREVET_ROUTE_REGISTER;
  question->operation_id = g_strdup (route->operation_id);
  line = take_line (self, route, brevet_request_get_evidence (request));
  mqtt_line_ask (line, task, question, brevet_request_get_body (request));
}

static BrevetReply *
brevet_mqtt_transport_exchange_finish (BrevetTransport *transport, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_mqtt_transport_exchange_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
brevet_mqtt_transport_iface_init (BrevetTransportInterface *iface)
{
  iface->exchange_async = brevet_mqtt_transport_exchange_async;
  iface->exchange_finish = brevet_mqtt_transport_exchange_finish;
}

/* Nobody waits any more, as who does holds the transport; what is open is closed on its own context. */
static void
brevet_mqtt_transport_finalize (GObject *object)
{
  BrevetMqttTransport *self = BREVET_MQTT_TRANSPORT (object);

  for (guint i = 0; i < self->lines->len; i++)
    mqtt_line_close (g_ptr_array_index (self->lines, i));
  g_ptr_array_unref (self->lines);
  g_mutex_clear (&self->lock);
  g_clear_pointer (&self->plan, mqtt_plan_unref);
  G_OBJECT_CLASS (brevet_mqtt_transport_parent_class)->finalize (object);
}

static void
brevet_mqtt_transport_class_init (BrevetMqttTransportClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = brevet_mqtt_transport_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_mqtt_transport_configure;
}

static void
brevet_mqtt_transport_init (BrevetMqttTransport *self)
{
  g_mutex_init (&self->lock);
  self->lines = g_ptr_array_new_with_free_func ((GDestroyNotify) mqtt_line_unref);
}
