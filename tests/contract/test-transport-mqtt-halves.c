/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The device's half of the plugin against the service's half: what a device presents is what the service's handler is told. */

#include "brevet-handler.h"
#include "brevet-listener.h"
#include "brevet-registry.h"
#include "mqtt-world.h"
#include "transport-suite.h"

#include <json-glib/json-glib.h>

#define TOKEN "SharedAccessSignature sr=0ne000A1B2C%2Fregistrations%2Fpump-07&sig=AAAA&se=4102444800"

/* Answers everything with what it was told. */
#define TYPE_TELLER (teller_get_type ())
G_DECLARE_FINAL_TYPE (Teller, teller, TEST, TELLER, GObject)

struct _Teller
{
  GObject parent_instance;
};

static void teller_iface_init (BrevetHandlerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (Teller, teller, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (BREVET_TYPE_HANDLER, teller_iface_init))

static void
tell_admission (BrevetHandler *handler, BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (handler, NULL, callback, user_data);

  g_task_return_pointer (task, NULL, NULL);
}

static BrevetReply *
finish (BrevetHandler *handler, GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

static void
add_chain (JsonObject *object, BrevetChain *chain)
{
  if (chain == NULL)
    return;
  json_object_set_string_member (object, "subject", brevet_certificate_get_subject (brevet_chain_get_leaf (chain)));
  json_object_set_int_member (object, "certificates", brevet_chain_get_length (chain));
}

static void
tell (BrevetHandler *handler, BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (handler, NULL, callback, user_data);
  BrevetClaims *claims = brevet_request_get_claims (request);
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  g_autoptr(GBytes) body = NULL;
  char *text;

  json_object_set_string_member (object, "method", brevet_request_get_method (request));
  json_object_set_string_member (object, "path", brevet_request_get_path (request));
  json_object_set_string_member (object, "token", brevet_claims_get_token (claims));
  json_object_set_string_member (object, "address", brevet_claims_get_remote_address (claims));
  json_object_set_string_member (object, "prefer", brevet_request_get_header (request, "prefer"));
  add_chain (object, brevet_claims_get_chain (claims));
  json_node_take_object (node, object);
  text = json_to_string (node, FALSE);
  body = g_bytes_new_take (text, strlen (text));
  g_task_return_pointer (task, brevet_reply_new (200, body), (GDestroyNotify) brevet_reply_unref);
}

static BrevetReply *
tell_error (BrevetHandler *handler, BrevetRequest *request, guint status, const char *message)
{
  return brevet_reply_new (status, NULL);
}

static void
teller_iface_init (BrevetHandlerInterface *iface)
{
  iface->admit_async = tell_admission;
  iface->admit_finish = finish;
  iface->handle_async = tell;
  iface->handle_finish = finish;
  iface->describe_error = tell_error;
}

static void
teller_class_init (TellerClass *class)
{
}

static void
teller_init (Teller *self)
{
}

typedef struct {
  MqttWorld *world;
  BrevetRegistry *registry;
  BrevetListener *mqtt;
  BrevetListener *https;
} Halves;

static BrevetListener *
start_listener (Halves *self, const char *module)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("listener", module, self->world->tls->directory);
  g_autoptr(GObject) handler = g_object_new (TYPE_TELLER, NULL);
  g_autoptr(GError) error = NULL;
  BrevetPlugin *plugin;

  brevet_settings_set (settings, "address", "127.0.0.1", NULL);
  brevet_settings_set (settings, "port", "0", NULL);
  brevet_settings_set (settings, "certificate", "server.pem", NULL);
  brevet_settings_set (settings, "key", "server.key", NULL);
  plugin = brevet_registry_create (self->registry, BREVET_TYPE_LISTENER, module, module, settings, &error);
  g_assert_no_error (error);
  brevet_listener_start (BREVET_LISTENER (plugin), BREVET_HANDLER (handler), &error);
  g_assert_no_error (error);
  return BREVET_LISTENER (plugin);
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  brevet_listener_stop_finish (BREVET_LISTENER (source), result, NULL);
  *(gboolean *) user_data = TRUE;
}

static void
stop_listener (BrevetListener *listener)
{
  gboolean stopped = FALSE;

  brevet_listener_stop_async (listener, NULL, on_stopped, &stopped);
  while (!stopped)
    g_main_context_iteration (NULL, TRUE);
  g_object_unref (listener);
}

static void
set_up (Halves *self, gconstpointer data)
{
  self->world = mqtt_world_new ();
  self->registry = brevet_registry_new ();
  self->mqtt = start_listener (self, "transport-mqtt");
  self->https = start_listener (self, "transport-https");
}

static void
tear_down (Halves *self, gconstpointer data)
{
  stop_listener (self->https);
  stop_listener (self->mqtt);
  g_object_unref (self->registry);
  mqtt_world_free (self->world);
}

/* Asks over the listener's port, or, as @data says, in a WebSocket over the other's. */
static JsonObject *
ask (Halves *self, gconstpointer data, BrevetEvidence *evidence)
{
  const char *kind = data;
  guint16 port = brevet_listener_get_port (g_str_equal (kind, "tls") ? self->mqtt : self->https);
  g_autofree char *way = g_strdup_printf ("%s:%u", kind, port);
  g_autoptr(BrevetTransport) transport = mqtt_world_create (self->world, "ways", way, NULL);
  g_autoptr(BrevetRequest) request = mqtt_make_register ("pump-07", MQTT_ECHO);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = mqtt_ask (transport, request, evidence, &error);
  g_autoptr(JsonNode) node = NULL;
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 200);
  text = g_strndup (g_bytes_get_data (brevet_reply_get_body (reply), NULL), g_bytes_get_size (brevet_reply_get_body (reply)));
  node = json_from_string (text, &error);
  g_assert_no_error (error);
  return json_object_ref (json_node_get_object (node));
}

static void
test_certificate (Halves *self, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetChain) chain = tls_world_sign (self->world->tls, BREVET_CERTIFICATE_USAGE_CLIENT, "pump-07", key, FALSE);
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  g_autoptr(JsonObject) told = NULL;

  brevet_evidence_set_credential (evidence, chain, key);
  told = ask (self, data, evidence);
  g_assert_cmpstr (json_object_get_string_member (told, "subject"), ==, "CN=pump-07");
  g_assert_cmpint (json_object_get_int_member (told, "certificates"), ==, brevet_chain_get_length (chain));
  g_assert_true (json_object_get_null_member (told, "token"));
}

static void
test_token (Halves *self, gconstpointer data)
{
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  g_autoptr(JsonObject) told = NULL;

  brevet_evidence_set_token (evidence, TOKEN);
  told = ask (self, data, evidence);
  g_assert_cmpstr (json_object_get_string_member (told, "token"), ==, TOKEN);
  g_assert_cmpstr (json_object_get_string_member (told, "address"), ==, "127.0.0.1");
  g_assert_false (json_object_has_member (told, "subject"));
  g_assert_cmpstr (json_object_get_string_member (told, "method"), ==, "PUT");
  g_assert_cmpstr (json_object_get_string_member (told, "path"), ==, "/" MQTT_SCOPE "/registrations/pump-07/register");
  g_assert_cmpstr (json_object_get_string_member (told, "prefer"), ==, "wait=10");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/transport-mqtt-halves/tls/certificate", Halves, "tls", set_up, test_certificate, tear_down);
  g_test_add ("/transport-mqtt-halves/tls/token", Halves, "tls", set_up, test_token, tear_down);
  g_test_add ("/transport-mqtt-halves/websocket/certificate", Halves, "websocket", set_up, test_certificate, tear_down);
  g_test_add ("/transport-mqtt-halves/websocket/token", Halves, "websocket", set_up, test_token, tear_down);
  return g_test_run ();
}
