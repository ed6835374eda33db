/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetMqttPacketType:
 *
 * Control packets of MQTT 3.1.1 (OASIS standard, table 2.1). Those of QoS 2 (5 to 7) are not spoken here: a peer that sends one is
 * refused.
 */
typedef enum {
  BREVET_MQTT_CONNECT = 1,
  BREVET_MQTT_CONNACK = 2,
  BREVET_MQTT_PUBLISH = 3,
  BREVET_MQTT_PUBACK = 4,
  BREVET_MQTT_SUBSCRIBE = 8,
  BREVET_MQTT_SUBACK = 9,
  BREVET_MQTT_UNSUBSCRIBE = 10,
  BREVET_MQTT_UNSUBACK = 11,
  BREVET_MQTT_PINGREQ = 12,
  BREVET_MQTT_PINGRESP = 13,
  BREVET_MQTT_DISCONNECT = 14,
} BrevetMqttPacketType;

/**
 * BrevetMqttConnectCode:
 *
 * Return codes of CONNACK (table 3.1).
 */
typedef enum {
  BREVET_MQTT_ACCEPTED = 0,
  BREVET_MQTT_UNACCEPTABLE_PROTOCOL = 1,
  BREVET_MQTT_IDENTIFIER_REJECTED = 2,
  BREVET_MQTT_UNAVAILABLE = 3,
  BREVET_MQTT_BAD_CREDENTIALS = 4,
  BREVET_MQTT_NOT_AUTHORIZED = 5,
} BrevetMqttConnectCode;

/* Protocol level of MQTT 3.1.1. */
#define BREVET_MQTT_LEVEL 4

/* What a granted QoS is when a subscription is refused (§3.9.3). */
#define BREVET_MQTT_SUBSCRIPTION_REFUSED 0x80

/* The longest remaining length that the protocol can express (§2.2.3). */
#define BREVET_MQTT_MAXIMUM_LENGTH 268435455

/**
 * BrevetMqttSubscription:
 * @filter: topic filter
 * @qos: requested QoS, 0 to 2
 */
typedef struct {
  char *filter;
  guint8 qos;
} BrevetMqttSubscription;

/**
 * BrevetMqttPacket:
 * @type: which packet; says which of the other members mean something
 * @packet_id: PUBLISH with QoS 1, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK: 1 to 65535
 * @level: CONNECT: protocol level; 4 is the only one that is understood
 * @clean_session: CONNECT
 * @keep_alive: CONNECT: seconds, 0 for none
 * @client_id: (nullable): CONNECT: never %NULL there, may be empty
 * @user_name: (nullable): CONNECT
 * @password: (nullable): CONNECT: bytes; wiped by brevet_mqtt_packet_free() if nobody else holds them
 * @will_topic: (nullable): CONNECT; %NULL without a will
 * @will: (nullable): CONNECT: the will's message
 * @will_qos: CONNECT
 * @will_retain: CONNECT
 * @session_present: CONNACK
 * @code: CONNACK: a #BrevetMqttConnectCode
 * @topic: (nullable): PUBLISH: a name without wildcards
 * @payload: (nullable): PUBLISH: never %NULL there, may be empty
 * @qos: PUBLISH: 0 or 1
 * @duplicate: PUBLISH
 * @retain: PUBLISH
 * @subscriptions: (nullable) (element-type BrevetMqttSubscription): SUBSCRIBE, UNSUBSCRIBE (filters alone): at least one
 * @granted: (nullable): SUBACK: one byte for each filter: 0, 1, 2 or %BREVET_MQTT_SUBSCRIPTION_REFUSED
 *
 * One control packet. Plain data.
 */
typedef struct {
  BrevetMqttPacketType type;
  guint16 packet_id;
  guint8 level;
  gboolean clean_session;
  guint16 keep_alive;
  char *client_id;
  char *user_name;
  GBytes *password;
  char *will_topic;
  GBytes *will;
  guint8 will_qos;
  gboolean will_retain;
  gboolean session_present;
  guint8 code;
  char *topic;
  GBytes *payload;
  guint8 qos;
  gboolean duplicate;
  gboolean retain;
  GPtrArray *subscriptions;
  GBytes *granted;
} BrevetMqttPacket;

BrevetMqttPacket *brevet_mqtt_packet_new (BrevetMqttPacketType type);

void brevet_mqtt_packet_free (BrevetMqttPacket *self);

/**
 * brevet_mqtt_packet_add_subscription:
 * @filter: topic filter
 * @qos: 0 to 2; ignored for UNSUBSCRIBE
 */
void brevet_mqtt_packet_add_subscription (BrevetMqttPacket *self, const char *filter, guint8 qos);

/**
 * brevet_mqtt_packet_parse:
 * @first: first byte of the fixed header: type and flags
 * @body: (nullable): what follows the remaining length
 * @length: bytes of @body
 *
 * Reads one packet of either direction. Strict: reserved bits and flags, QoS 2 and 3, packet identifier 0, text that is not UTF-8
 * or has a NUL, wildcards in a topic name, malformed filters, an empty list of filters and bytes left over are errors, each with a
 * sentence that names the rule. A CONNECT of another protocol level is no error: it is returned with its level and nothing else but
 * the clean flag, so that it can be answered.
 *
 * Returns: (transfer full) (nullable): the packet, or %NULL with %BREVET_ERROR_INVALID,
 *   %BREVET_ERROR_UNSUPPORTED for packets of QoS 2
 */
BrevetMqttPacket *brevet_mqtt_packet_parse (guint8 first, const guint8 *body, gsize length, GError **error);

/**
 * brevet_mqtt_packet_print:
 * @self: a packet that is valid: texts of at most 65535 bytes, in all at most %BREVET_MQTT_MAXIMUM_LENGTH
 *
 * Returns: (transfer full): the packet as it goes over the network, fixed header included. Nobody else holds its bytes, so
 *   that those of a CONNECT can be wiped.
 */
GBytes *brevet_mqtt_packet_print (const BrevetMqttPacket *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetMqttPacket, brevet_mqtt_packet_free)

G_END_DECLS
