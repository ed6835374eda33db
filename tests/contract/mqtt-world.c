/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mqtt-world.h"

#include "brevet-mqtt-dialog.h"
#include "brevet-network-peer.h"
#include "test-wait.h"
#include "transport-suite.h"

#include <string.h>

MqttWorld *
mqtt_world_new (void)
{
  MqttWorld *self = g_new0 (MqttWorld, 1);

  self->tls = tls_world_new ();
  self->peers = g_ptr_array_new_with_free_func ((GDestroyNotify) mqtt_peer_free);
  tls_world_write (self->tls, BREVET_CERTIFICATE_USAGE_SERVER, "localhost", "server", FALSE);
  return self;
}

static void
on_closed (BrevetMqttClient *client, const GError *error, gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
}

void
mqtt_world_free (MqttWorld *self)
{
  gboolean closed = self->responder == NULL;

  if (self->responder != NULL)
    {
      g_signal_connect (self->responder, "closed", G_CALLBACK (on_closed), &closed);
      brevet_mqtt_client_disconnect (self->responder);
    }
  while (!closed)
    g_main_context_iteration (NULL, TRUE);
  mqtt_settle ();
  g_clear_object (&self->responder);
  g_ptr_array_unref (self->peers);
  g_clear_pointer (&self->broker, mosquitto_broker_free);
  tls_world_free (self->tls);
  g_free (self);
}

void
mqtt_settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
answer (BrevetMqttClient *client, const char *rid, guint status, int retry_after, GBytes *payload)
{
  BrevetMqttAnswer parts = { .rid = (char *) rid, .status = status, .retry_after = retry_after };
  g_autofree char *topic = brevet_mqtt_answer_print (&parts);

  brevet_mqtt_client_publish_async (client, topic, payload, 1, NULL, NULL, NULL);
}

static void
answer_text (BrevetMqttClient *client, const char *rid, guint status, const char *text)
{
  g_autoptr(GBytes) payload = g_bytes_new (text, strlen (text));

  answer (client, rid, status, -1, payload);
}

static void
answer_strangely (BrevetMqttClient *client, const char *rid)
{
  g_autoptr(GBytes) nothing = g_bytes_new_static ("{}", 2);

  answer_text (client, "not-yours", 401, "{\"errorCode\":401002}");
  brevet_mqtt_client_publish_async (client, "$dps/registrations/res/abc/?rid=1", nothing, 1, NULL, NULL, NULL);
  brevet_mqtt_client_publish_async (client, "$dps/registrations/res/200", nothing, 1, NULL, NULL, NULL);
  answer_text (client, rid, 200, "{\"number\":1}");
  answer_text (client, rid, 404, "{\"number\":2}");
  answer_text (client, rid, 200, "{\"number\":3}");
}

static void
answer_at_length (BrevetMqttClient *client, const char *rid)
{
  g_autofree char *text = g_strnfill (300 * 1024, ' ');

  answer_text (client, rid, 200, text);
}

static void
on_question (BrevetMqttClient *client, const char *topic, GBytes *payload, gpointer user_data)
{
  g_autoptr(BrevetMqttQuestion) question = brevet_mqtt_question_parse (topic, NULL);
  g_autofree char *text = g_strndup (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload));
  g_autoptr(GBytes) operation = g_bytes_new_static ("{\"operationId\":\"op-1\",\"status\":\"assigning\"}", 43);

  g_assert_nonnull (question);
  if (!question->is_register)
    answer_text (client, question->rid, g_str_equal (question->operation_id, "op-1") ? 200 : 404, "{\"status\":\"assigned\"}");
  else if (g_str_equal (text, MQTT_ECHO))
    answer (client, question->rid, 200, -1, payload);
  else if (g_str_equal (text, MQTT_MISSING))
    answer_text (client, question->rid, 404, "{\"errorCode\":404201}");
  else if (g_str_equal (text, MQTT_LARGE))
    answer_at_length (client, question->rid);
  else if (g_str_equal (text, MQTT_ASSIGN))
    answer (client, question->rid, 202, 7, operation);
  else if (g_str_equal (text, MQTT_STRANGE))
    answer_strangely (client, question->rid);
}

static void
subscribe (BrevetMqttClient *client, const char *filter)
{
  g_autoptr(GAsyncResult) subscribed = NULL;
  g_autoptr(GError) error = NULL;

  brevet_mqtt_client_subscribe_async (client, filter, 1, NULL, test_wait_store_result, &subscribed);
  test_wait_for_result (&subscribed);
  brevet_mqtt_client_subscribe_finish (client, subscribed, &error);
  g_assert_no_error (error);
}

static GIOStream *
open_stream (MqttWorld *self)
{
  g_autoptr(BrevetNetworkPeer) peer = brevet_network_peer_new ("localhost", self->broker->port);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetChain) chain = tls_world_sign (self->tls, BREVET_CERTIFICATE_USAGE_CLIENT, "service", key, FALSE);
  g_autoptr(GAsyncResult) opened = NULL;
  g_autoptr(GError) error = NULL;
  GIOStream *stream;

  peer->ca_file = g_strdup (self->tls->ca_file);
  brevet_network_connect_async (peer, peer->port, 30, chain, key, NULL, test_wait_store_result, &opened);
  test_wait_for_result (&opened);
  stream = brevet_network_connect_finish (opened, &error);
  g_assert_no_error (error);
  return stream;
}

void
mqtt_world_start (MqttWorld *self, gboolean require_certificate)
{
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(BrevetMqttChannel) channel = NULL;
  g_autoptr(GAsyncResult) connected = NULL;
  g_autoptr(GError) error = NULL;

  self->broker = mosquitto_broker_new (self->tls, "server", require_certificate);
  stream = open_stream (self);
  channel = brevet_mqtt_channel_new_for_stream (stream);
  self->responder = brevet_mqtt_client_new (channel);
  g_signal_connect (self->responder, "message", G_CALLBACK (on_question), NULL);
  brevet_mqtt_client_connect_async (self->responder, "service", NULL, NULL, 60, NULL, test_wait_store_result, &connected);
  test_wait_for_result (&connected);
  brevet_mqtt_client_connect_finish (self->responder, connected, NULL, &error);
  g_assert_no_error (error);
  subscribe (self->responder, "$dps/registrations/PUT/#");
  subscribe (self->responder, "$dps/registrations/GET/#");
}

static MqttPeer *
add_peer (MqttWorld *self, TlsWorld *tls, const char *name, const char *file, gboolean expired, MqttPeerReact react)
{
  g_autoptr(GTlsCertificate) certificate = NULL;
  MqttPeer *peer;

  if (name != NULL)
    tls_world_write (tls, BREVET_CERTIFICATE_USAGE_SERVER, name, file, expired);
  certificate = tls_world_read (tls, file);
  peer = mqtt_peer_new (certificate, react);
  g_ptr_array_add (self->peers, peer);
  return peer;
}

MqttPeer *
mqtt_world_add_peer (MqttWorld *self, MqttPeerReact react)
{
  return add_peer (self, self->tls, NULL, "server", FALSE, react);
}

MqttPeer *
mqtt_world_add_foreign (MqttWorld *self)
{
  TlsWorld *other = tls_world_new ();
  MqttPeer *peer = add_peer (self, other, "localhost", "server", FALSE, mqtt_peer_acknowledge);

  tls_world_free (other);
  return peer;
}

MqttPeer *
mqtt_world_add_misnamed (MqttWorld *self)
{
  return add_peer (self, self->tls, "elsewhere.example", "misnamed", FALSE, mqtt_peer_acknowledge);
}

MqttPeer *
mqtt_world_add_expired (MqttWorld *self)
{
  return add_peer (self, self->tls, "localhost", "expired", TRUE, mqtt_peer_acknowledge);
}

MqttPeer *
mqtt_world_add_mute (MqttWorld *self)
{
  MqttPeer *peer = mqtt_peer_new (NULL, NULL);

  g_ptr_array_add (self->peers, peer);
  return peer;
}

BrevetTransport *
mqtt_world_create (MqttWorld *self, ...)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("transport", NULL, NULL);
  g_autoptr(GError) error = NULL;
  BrevetPlugin *plugin;
  const char *key;
  va_list pairs;

  brevet_settings_set (settings, "host", "localhost", NULL);
  brevet_settings_set (settings, "ca-file", self->tls->ca_file, NULL);
  va_start (pairs, self);
  while ((key = va_arg (pairs, const char *)) != NULL)
    brevet_settings_set (settings, key, va_arg (pairs, const char *), NULL);
  va_end (pairs);
  plugin = brevet_registry_create (registry, BREVET_TYPE_TRANSPORT, "transport-mqtt", "test", settings, &error);
  g_assert_no_error (error);
  return BREVET_TRANSPORT (plugin);
}

BrevetRequest *
mqtt_make_register (const char *registration_id, const char *payload)
{
  g_autofree char *path = g_strdup_printf ("/" MQTT_SCOPE "/registrations/%s/register", registration_id);
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  g_autoptr(GBytes) body = g_bytes_new (payload, strlen (payload));
  BrevetRequest *request = brevet_request_new ("PUT", path, "api-version=2021-11-01-preview");

  brevet_evidence_set_token (evidence, MQTT_TOKEN);
  brevet_request_set_evidence (request, evidence);
  brevet_request_set_body (request, body);
  return request;
}

BrevetRequest *
mqtt_make_poll (const char *registration_id)
{
  g_autofree char *path = g_strdup_printf ("/" MQTT_SCOPE "/registrations/%s/operations/op-1", registration_id);
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  BrevetRequest *request = brevet_request_new ("GET", path, "api-version=2021-11-01-preview");

  brevet_evidence_set_token (evidence, MQTT_TOKEN);
  brevet_request_set_evidence (request, evidence);
  return request;
}

BrevetReply *
mqtt_ask (BrevetTransport *transport, BrevetRequest *request, BrevetEvidence *evidence, GError **error)
{
  if (evidence != NULL)
    brevet_request_set_evidence (request, evidence);
  return transport_exchange (transport, request, NULL, error);
}
