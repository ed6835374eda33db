/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-mqtt-packet.h"

#include "brevet-error.h"
#include "brevet-mqtt-private.h"

#include <string.h>

/* Flags of CONNECT (§3.1.2.3). */
#define CONNECT_RESERVED    0x01
#define CONNECT_CLEAN       0x02
#define CONNECT_WILL        0x04
#define CONNECT_WILL_QOS(f) (((f) >> 3) & 3)
#define CONNECT_WILL_QOS_0  0x18
#define CONNECT_WILL_RETAIN 0x20
#define CONNECT_PASSWORD    0x40
#define CONNECT_USER_NAME   0x80

#define LEVEL_OF_MQISDP 3

/* What is left of a packet. */
typedef struct {
  const guint8 *next;
  gsize left;
} Rest;

/* Numbers in brackets are those of the standard's own rules, MQTT- left out. */
static gboolean
fail (GError **error, const char *problem)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The MQTT packet is malformed: %s", problem);
  return FALSE;
}

static gboolean
fail_unsupported (GError **error)
{
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED,
                       "The MQTT packet needs QoS 2, which is not spoken here; use QoS 1");
  return FALSE;
}

static gboolean
take_byte (Rest *rest, guint8 *byte, GError **error)
{
  if (rest->left < 1)
    return fail (error, "it ends too early");
  *byte = *rest->next;
  rest->next++;
  rest->left--;
  return TRUE;
}

static gboolean
take_number (Rest *rest, guint16 *number, GError **error)
{
  guint8 high, low;

  if (!take_byte (rest, &high, error) || !take_byte (rest, &low, error))
    return FALSE;
  *number = (guint16) (high << 8 | low);
  return TRUE;
}

static gboolean
take_packet_id (Rest *rest, BrevetMqttPacket *packet, GError **error)
{
  if (!take_number (rest, &packet->packet_id, error))
    return FALSE;
  return packet->packet_id != 0 || fail (error, "its packet identifier is 0 (2.3.1-1)");
}

/* Bytes behind their length. */
static gboolean
take_counted (Rest *rest, const guint8 **data, guint16 *length, GError **error)
{
  if (!take_number (rest, length, error))
    return FALSE;
  if (rest->left < *length)
    return fail (error, "it ends too early");
  *data = rest->next;
  rest->next += *length;
  rest->left -= *length;
  return TRUE;
}

static gboolean
take_bytes (Rest *rest, GBytes **bytes, GError **error)
{
  const guint8 *data;
  guint16 length;

  if (!take_counted (rest, &data, &length, error))
    return FALSE;
  *bytes = g_bytes_new (data, length);
  return TRUE;
}

/* GLib refuses surrogates, longer spellings than needed and NUL, as the standard does. */
static gboolean
take_text (Rest *rest, char **text, GError **error)
{
  const guint8 *data;
  guint16 length;

  if (!take_counted (rest, &data, &length, error))
    return FALSE;
  if (memchr (data, 0, length) != NULL)
    return fail (error, "a text in it holds the character NUL (1.5.3-2)");
  if (!g_utf8_validate_len ((const char *) data, length, NULL))
    return fail (error, "a text in it is not UTF-8 (1.5.3-1)");
  *text = g_strndup ((const char *) data, length);
  return TRUE;
}

static gboolean
take_topic (Rest *rest, char **topic, GError **error)
{
  if (!take_text (rest, topic, error))
    return FALSE;
  if (**topic == '\0')
    return fail (error, "a topic name in it is empty (4.7.3-1)");
  return strpbrk (*topic, "+#") == NULL || fail (error, "a topic name in it has a wildcard (3.3.2-2)");
}

static gboolean
check_filter (const char *filter, GError **error)
{
  if (*filter == '\0')
    return fail (error, "a topic filter in it is empty (4.7.3-1)");
  for (const char *p = strpbrk (filter, "+#"); p != NULL; p = strpbrk (p + 1, "+#"))
    {
      gboolean begins = p == filter || p[-1] == '/';

      if (*p == '#' && (!begins || p[1] != '\0'))
        return fail (error, "a topic filter in it has a # that is not its last level (4.7.1-2)");
      if (*p == '+' && (!begins || (p[1] != '\0' && p[1] != '/')))
        return fail (error, "a topic filter in it has a + that is not a whole level (4.7.1-3)");
    }
  return TRUE;
}

gboolean
brevet_mqtt_check_first (guint8 first, GError **error)
{
  guint type = first >> 4;
  guint flags = first & 0x0f;
  guint expected = type == BREVET_MQTT_SUBSCRIBE || type == BREVET_MQTT_UNSUBSCRIBE ? 2 : 0;

  if (type == 0 || type == 15)
    return fail (error, "its type is reserved");
  if (type >= 5 && type <= 7)
    return fail_unsupported (error);
  if (type != BREVET_MQTT_PUBLISH)
    return flags == expected || fail (error, "its reserved flags are wrong (2.2.2-2)");

  if ((flags & 6) == 6)
    return fail (error, "it asks for QoS 3 (3.3.1-4)");
  if ((flags & 6) == 4)
    return fail_unsupported (error);
  return (flags & 0x0e) != 0x08 || fail (error, "it is marked as a duplicate, but has QoS 0 (3.3.1-2)");
}

/* Level 3 had another name. Both names are known, so that clients of all levels can be told which one is spoken here. */
static gboolean
take_protocol (Rest *rest, BrevetMqttPacket *packet, GError **error)
{
  g_autofree char *name = NULL;

  if (!take_text (rest, &name, error) || !take_byte (rest, &packet->level, error))
    return FALSE;
  if (strcmp (name, "MQTT") == 0)
    return TRUE;
  return (strcmp (name, "MQIsdp") == 0 && packet->level == LEVEL_OF_MQISDP) || fail (error, "its protocol is not MQTT (3.1.2-1)");
}

static gboolean
check_connect_flags (guint8 flags, GError **error)
{
  if ((flags & CONNECT_RESERVED) != 0)
    return fail (error, "its reserved flag is set (3.1.2-3)");
  if ((flags & CONNECT_WILL) == 0 && (flags & CONNECT_WILL_QOS_0) != 0)
    return fail (error, "it has a QoS for a will, but no will (3.1.2-13)");
  if (CONNECT_WILL_QOS (flags) == 3)
    return fail (error, "it asks for a will with QoS 3 (3.1.2-14)");
  if ((flags & CONNECT_WILL) == 0 && (flags & CONNECT_WILL_RETAIN) != 0)
    return fail (error, "it wants a will to be retained, but has no will (3.1.2-15)");
  if ((flags & CONNECT_USER_NAME) == 0 && (flags & CONNECT_PASSWORD) != 0)
    return fail (error, "it has a password, but no user name (3.1.2-22)");
  return TRUE;
}

static gboolean
take_will (Rest *rest, BrevetMqttPacket *packet, guint8 flags, GError **error)
{
  packet->will_qos = CONNECT_WILL_QOS (flags);
  packet->will_retain = (flags & CONNECT_WILL_RETAIN) != 0;
  return take_topic (rest, &packet->will_topic, error) && take_bytes (rest, &packet->will, error);
}

static gboolean
parse_connect (Rest *rest, BrevetMqttPacket *packet, GError **error)
{
  guint8 flags;

  if (!take_protocol (rest, packet, error) || !take_byte (rest, &flags, error))
    return FALSE;
  packet->clean_session = (flags & CONNECT_CLEAN) != 0;
  if (packet->level != BREVET_MQTT_LEVEL)
    {
      rest->left = 0;
      return TRUE;
    }
  if (!check_connect_flags (flags, error) || !take_number (rest, &packet->keep_alive, error) ||
      !take_text (rest, &packet->client_id, error))
    return FALSE;
  if ((flags & CONNECT_WILL) != 0 && !take_will (rest, packet, flags, error))
    return FALSE;
  if ((flags & CONNECT_USER_NAME) != 0 && !take_text (rest, &packet->user_name, error))
    return FALSE;
  return (flags & CONNECT_PASSWORD) == 0 || take_bytes (rest, &packet->password, error);
}

static gboolean
parse_connack (Rest *rest, BrevetMqttPacket *packet, GError **error)
{
  guint8 flags;

  if (!take_byte (rest, &flags, error) || !take_byte (rest, &packet->code, error))
    return FALSE;
  if ((flags & ~1) != 0)
    return fail (error, "its reserved flags are set (3.2.2.1)");
  if (packet->code > BREVET_MQTT_NOT_AUTHORIZED)
    return fail (error, "its return code is reserved (3.2.2.3)");
  packet->session_present = flags != 0;
  return !packet->session_present || packet->code == BREVET_MQTT_ACCEPTED ||
         fail (error, "it refuses the connection, but has a session (3.2.2-4)");
}

static gboolean
parse_publish (Rest *rest, guint8 first, BrevetMqttPacket *packet, GError **error)
{
  packet->duplicate = (first & 8) != 0;
  packet->qos = (first >> 1) & 3;
  packet->retain = (first & 1) != 0;
  if (!take_topic (rest, &packet->topic, error) || (packet->qos > 0 && !take_packet_id (rest, packet, error)))
    return FALSE;
  packet->payload = g_bytes_new (rest->next, rest->left);
  rest->left = 0;
  return TRUE;
}

static gboolean
take_subscription (Rest *rest, BrevetMqttPacket *packet, GError **error)
{
  g_autofree char *filter = NULL;
  guint8 qos = 0;

  if (!take_text (rest, &filter, error) || !check_filter (filter, error))
    return FALSE;
  if (packet->type == BREVET_MQTT_SUBSCRIBE && !take_byte (rest, &qos, error))
    return FALSE;
  if (qos > 2)
    return fail (error, "it asks for a QoS that does not exist (3.8.3-4)");
  brevet_mqtt_packet_add_subscription (packet, filter, qos);
  return TRUE;
}

static gboolean
parse_subscriptions (Rest *rest, BrevetMqttPacket *packet, GError **error)
{
  if (!take_packet_id (rest, packet, error))
    return FALSE;
  if (rest->left == 0)
    return fail (error, "it has no topic filter (3.8.3-3, 3.10.3-2)");
  while (rest->left > 0)
    if (!take_subscription (rest, packet, error))
      return FALSE;
  return TRUE;
}

static gboolean
parse_suback (Rest *rest, BrevetMqttPacket *packet, GError **error)
{
  if (!take_packet_id (rest, packet, error))
    return FALSE;
  if (rest->left == 0)
    return fail (error, "it answers for no topic filter (3.8.4-5)");
  for (gsize i = 0; i < rest->left; i++)
    if (rest->next[i] > 2 && rest->next[i] != BREVET_MQTT_SUBSCRIPTION_REFUSED)
      return fail (error, "its return code is reserved (3.9.3-2)");
  packet->granted = g_bytes_new (rest->next, rest->left);
  rest->left = 0;
  return TRUE;
}

static gboolean
parse_rest (Rest *rest, guint8 first, BrevetMqttPacket *packet, GError **error)
{
  switch (packet->type)
    {
    case BREVET_MQTT_CONNECT:
      return parse_connect (rest, packet, error);
    case BREVET_MQTT_CONNACK:
      return parse_connack (rest, packet, error);
    case BREVET_MQTT_PUBLISH:
      return parse_publish (rest, first, packet, error);
    case BREVET_MQTT_PUBACK:
    case BREVET_MQTT_UNSUBACK:
      return take_packet_id (rest, packet, error);
    case BREVET_MQTT_SUBSCRIBE:
    case BREVET_MQTT_UNSUBSCRIBE:
      return parse_subscriptions (rest, packet, error);
    case BREVET_MQTT_SUBACK:
      return parse_suback (rest, packet, error);
    case BREVET_MQTT_PINGREQ:
    case BREVET_MQTT_PINGRESP:
    case BREVET_MQTT_DISCONNECT:
      break;
    }
  return TRUE;
}

BrevetMqttPacket *
brevet_mqtt_packet_parse (guint8 first, const guint8 *body, gsize length, GError **error)
{
  g_autoptr(BrevetMqttPacket) packet = NULL;
  Rest rest = { body != NULL ? body : (const guint8 *) "", length };

  if (!brevet_mqtt_check_first (first, error))
    return NULL;
  packet = brevet_mqtt_packet_new (first >> 4);
  if (!parse_rest (&rest, first, packet, error))
    return NULL;
  if (rest.left > 0)
    {
      fail (error, "bytes are left over at its end");
      return NULL;
    }
  return g_steal_pointer (&packet);
}
