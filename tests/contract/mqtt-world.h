/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-client.h"
#include "mosquitto-broker.h"
#include "mqtt-peer.h"

G_BEGIN_DECLS

/* What the payload of a question may ask of the responder of this world. */
#define MQTT_ECHO    "{\"registrationId\":\"echo\",\"text\":\"\\u00e9\"}"   /* 200, the same payload */
#define MQTT_MISSING "{\"registrationId\":\"missing\"}"                     /* 404 with a body */
#define MQTT_NEVER   "{\"registrationId\":\"never\"}"                       /* no answer */
#define MQTT_LARGE   "{\"registrationId\":\"large\"}"                       /* a body of more than 256 KiB */
#define MQTT_ASSIGN  "{\"registrationId\":\"assign\"}"                      /* 202, operation `op-1`, Retry-After 7; a poll 200 */
#define MQTT_STRANGE "{\"registrationId\":\"strange\"}"                     /* answers of others before, and 200 three times */

#define MQTT_SCOPE "0ne000A1B2C"
#define MQTT_TOKEN "SharedAccessSignature sr=x&sig=y&se=1"

/**
 * MqttWorld:
 * @broker: mosquitto; %NULL before mqtt_world_start()
 * @responder: plays the service on @broker, on the main context
 *
 * An authority, a broker of others, and a client of it that answers as the service does.
 */
typedef struct {
  TlsWorld *tls;
  MosquittoBroker *broker;
  BrevetMqttClient *responder;
  GPtrArray *peers;
} MqttWorld;

MqttWorld *mqtt_world_new (void);

void mqtt_world_free (MqttWorld *self);

/* Starts mosquitto and the responder. */
void mqtt_world_start (MqttWorld *self, gboolean require_certificate);

/* A peer of TLS for localhost; belongs to the world. */
MqttPeer *mqtt_world_add_peer (MqttWorld *self, MqttPeerReact react);

/* A peer whose certificate is of another authority, for another name, or expired. */
MqttPeer *mqtt_world_add_foreign (MqttWorld *self);
MqttPeer *mqtt_world_add_misnamed (MqttWorld *self);
MqttPeer *mqtt_world_add_expired (MqttWorld *self);

/* A peer that takes a connection and says nothing, not even TLS. */
MqttPeer *mqtt_world_add_mute (MqttWorld *self);

/* A transport of localhost that trusts the world; pairs of key and value, and NULL. */
BrevetTransport *mqtt_world_create (MqttWorld *self, ...) G_GNUC_NULL_TERMINATED;

/* PUT …/register of @registration_id with the token above. */
BrevetRequest *mqtt_make_register (const char *registration_id, const char *payload);

/* GET …/operations/op-1. */
BrevetRequest *mqtt_make_poll (const char *registration_id);

/* Sends it with @evidence, or with that of @request, and waits. */
BrevetReply *mqtt_ask (BrevetTransport *transport, BrevetRequest *request, BrevetEvidence *evidence, GError **error);

/* Turns the main context as long as something is to be done at once. */
void mqtt_settle (void);

G_END_DECLS
