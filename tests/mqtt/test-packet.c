/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mqtt-test.h"

/* A CONNECT without what follows its flags. */
#define CONNECT "10 0004'MQTT'04 "

typedef struct {
  const char *name;
  const char *packet;
  const char *problem;
} Refused;

static const Refused refused[] = {
  { "type-0", "00", "type is reserved" },
  { "type-15", "f0", "type is reserved" },
  /* §2.2.2: flags of the fixed header */
  { "flags/connect", "11 0004'MQTT'04 02 003c 0002'id'", "reserved flags" },
  { "flags/connack", "21 0000", "reserved flags" },
  { "flags/puback", "42 0001", "reserved flags" },
  { "flags/subscribe", "80 0001 0001'a'00", "reserved flags" },
  { "flags/subscribe-retain", "83 0001 0001'a'00", "reserved flags" },
  { "flags/suback", "92 0001 00", "reserved flags" },
  { "flags/unsubscribe", "a0 0001 0001'a'", "reserved flags" },
  { "flags/unsubscribe-8", "aa 0001 0001'a'", "reserved flags" },
  { "flags/unsuback", "b1 0001", "reserved flags" },
  { "flags/pingreq", "c1", "reserved flags" },
  { "flags/pingresp", "d8", "reserved flags" },
  { "flags/disconnect", "e1", "reserved flags" },
  /* §1.5.3: texts */
  { "text/not-utf8", CONNECT "02 003c 0002'a'ff", "not UTF-8" },
  { "text/cut-sequence", CONNECT "02 003c 0002'a'c3", "not UTF-8" },
  { "text/overlong", CONNECT "02 003c 0002 c080", "not UTF-8" },
  { "text/overlong-slash", CONNECT "02 003c 0002 c0af", "not UTF-8" },
  { "text/surrogate-low", CONNECT "02 003c 0003 eda080", "not UTF-8" },
  { "text/surrogate-high", CONNECT "02 003c 0003 edbfbf", "not UTF-8" },
  { "text/beyond-unicode", CONNECT "02 003c 0004 f4908080", "not UTF-8" },
  { "text/nul", CONNECT "02 003c 0003'a'00'b'", "NUL" },
  { "text/nul-in-topic", "30 0003'a'00'b'", "NUL" },
  { "text/nul-in-filter", "82 0001 0003'a'00'b'00", "NUL" },
  { "text/too-short", CONNECT "02 003c 0005'abc'", "too early" },
  { "text/no-length", CONNECT "02 003c 00", "too early" },
  /* §3.1: CONNECT */
  { "connect/empty", "10", "too early" },
  { "connect/no-flags", "10 0004'MQTT'04", "too early" },
  { "connect/no-keep-alive", CONNECT "02 00", "too early" },
  { "connect/no-client-id", CONNECT "02 003c", "too early" },
  { "connect/protocol-name", "10 0004'HTTP'04 02 003c 0002'id'", "not MQTT" },
  { "connect/protocol-name-case", "10 0004'mqtt'04 02 003c 0002'id'", "not MQTT" },
  { "connect/protocol-name-empty", "10 0000 04 02 003c 0002'id'", "not MQTT" },
  { "connect/old-name-new-level", "10 0006'MQIsdp'04 02 003c 0002'id'", "not MQTT" },
  { "connect/reserved-flag", CONNECT "03 003c 0002'id'", "reserved flag is set" },
  { "connect/will-qos-without-will", CONNECT "0a 003c 0002'id'", "QoS for a will" },
  { "connect/will-retain-without-will", CONNECT "22 003c 0002'id'", "retained" },
  { "connect/will-qos-3", CONNECT "1e 003c 0002'id' 0001't' 0001'm'", "will with QoS 3" },
  { "connect/password-without-user-name", CONNECT "42 003c 0002'id' 0001'p'", "no user name" },
  { "connect/no-will", CONNECT "06 003c 0002'id'", "too early" },
  { "connect/no-will-message", CONNECT "06 003c 0002'id' 0001't'", "too early" },
  { "connect/will-topic-empty", CONNECT "06 003c 0002'id' 0000 0001'm'", "is empty" },
  { "connect/will-topic-wildcard", CONNECT "06 003c 0002'id' 0003't/#' 0001'm'", "wildcard" },
  { "connect/no-user-name", CONNECT "82 003c 0002'id'", "too early" },
  { "connect/user-name-not-utf8", CONNECT "82 003c 0002'id' 0001 80", "not UTF-8" },
  { "connect/no-password", CONNECT "c2 003c 0002'id' 0001'u'", "too early" },
  { "connect/password-cut", CONNECT "c2 003c 0002'id' 0001'u' 0003'pw'", "too early" },
  { "connect/left-over", CONNECT "02 003c 0002'id' 00", "left over" },
  /* §3.2: CONNACK */
  { "connack/empty", "20", "too early" },
  { "connack/short", "20 00", "too early" },
  { "connack/long", "20 000000", "left over" },
  { "connack/reserved-flags", "20 0200", "reserved flags" },
  { "connack/reserved-code", "20 0006", "return code is reserved" },
  { "connack/session-and-refusal", "20 0105", "has a session" },
  /* §3.3: PUBLISH */
  { "publish/empty", "30", "too early" },
  { "publish/qos-3", "36 0001'a'0001", "QoS 3" },
  { "publish/duplicate-qos-0", "38 0001'a'", "duplicate" },
  { "publish/topic-empty", "30 0000", "is empty" },
  { "publish/topic-hash", "30 0003'a/#'", "wildcard" },
  { "publish/topic-plus", "30 0003'a/+'", "wildcard" },
  { "publish/topic-not-utf8", "30 0001 ff", "not UTF-8" },
  { "publish/no-packet-id", "32 0001'a'", "too early" },
  { "publish/packet-id-0", "32 0001'a'0000", "packet identifier is 0" },
  /* §3.4, §3.11: PUBACK, UNSUBACK */
  { "puback/empty", "40", "too early" },
  { "puback/packet-id-0", "40 0000", "packet identifier is 0" },
  { "puback/long", "40 000100", "left over" },
  { "unsuback/short", "b0 00", "too early" },
  { "unsuback/packet-id-0", "b0 0000", "packet identifier is 0" },
  { "unsuback/long", "b0 000100", "left over" },
  /* §3.8: SUBSCRIBE */
  { "subscribe/empty", "82", "too early" },
  { "subscribe/packet-id-0", "82 0000 0001'a'00", "packet identifier is 0" },
  { "subscribe/no-filter", "82 0001", "no topic filter" },
  { "subscribe/no-qos", "82 0001 0001'a'", "too early" },
  { "subscribe/no-qos-second", "82 0001 0001'a'00 0001'b'", "too early" },
  { "subscribe/qos-3", "82 0001 0001'a'03", "QoS that does not exist" },
  { "subscribe/qos-reserved-bits", "82 0001 0001'a'04", "QoS that does not exist" },
  { "subscribe/filter-empty", "82 0001 0000 00", "is empty" },
  { "subscribe/hash-not-last", "82 0001 0003'#/a'00", "# that is not its last level" },
  { "subscribe/hash-in-level", "82 0001 0004'a/b#'00", "# that is not its last level" },
  { "subscribe/hash-twice", "82 0001 0002'##'00", "# that is not its last level" },
  { "subscribe/plus-behind", "82 0001 0002'a+'00", "+ that is not a whole level" },
  { "subscribe/plus-before", "82 0001 0004'x/+a'00", "+ that is not a whole level" },
  { "subscribe/plus-hash", "82 0001 0002'+#'00", "+ that is not a whole level" },
  /* §3.9: SUBACK */
  { "suback/empty", "90 0001", "no topic filter" },
  { "suback/packet-id-0", "90 0000 00", "packet identifier is 0" },
  { "suback/code", "90 0001 0003", "return code is reserved" },
  { "suback/code-81", "90 0001 81", "return code is reserved" },
  /* §3.10: UNSUBSCRIBE */
  { "unsubscribe/packet-id-0", "a2 0000 0001'a'", "packet identifier is 0" },
  { "unsubscribe/no-filter", "a2 0001", "no topic filter" },
  { "unsubscribe/filter", "a2 0001 0002'a#'", "# that is not its last level" },
  /* §3.12 to §3.14: nothing but a header */
  { "pingreq/long", "c0 00", "left over" },
  { "pingresp/long", "d0 00", "left over" },
  { "disconnect/long", "e0 00", "left over" },
};

static void
test_refused (gconstpointer data)
{
  const Refused *r = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetMqttPacket) packet = parse_notation (r->packet, &error);

  g_assert_null (packet);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  if (strstr (error->message, r->problem) == NULL)
    g_error ("“%s” does not mention “%s”", error->message, r->problem);
}

/* What a peer that knows QoS 2 may send. */
static const char *const foreign[] = { "34 0001'a'0001", "3c 0001'a'0001", "50 0001", "62 0001", "70 0001" };

static void
test_qos_2 (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetMqttPacket) packet = parse_notation (foreign[i], &error);

      g_test_message ("%s", foreign[i]);
      g_assert_null (packet);
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED);
    }
}

/* The name tells what is special; each is printed again as it was. */
static const Refused round_trips[] = {
  { "connect", "10 0004'MQTT'04 02 003c 0002'id'" },
  { "connect-no-client-id", "10 0004'MQTT'04 02 0000 0000" },
  { "connect-session", "10 0004'MQTT'04 00 ffff 0002'id'" },
  { "connect-will", "10 0004'MQTT'04 36 003c 0002'id' 0003'a/b' 0000" },
  { "connect-all", "10 0004'MQTT'04 ce 003c 0002'id' 0003'a/b' 0002 00ff 0004'user' 0003 00'p'ff" },
  { "connect-user-name", "10 0004'MQTT'04 82 003c 0002'id' 0000" },
  { "connect-empty-password", "10 0004'MQTT'04 c2 003c 0002'id' 0004'user' 0000" },
  { "connect-beyond-basic-plane", "10 0004'MQTT'04 02 003c 0004 f09f9880" },
  { "connect-byte-order-mark", "10 0004'MQTT'04 02 003c 0003 efbbbf" },
  { "connack", "20 0000" },
  { "connack-session", "20 0100" },
  { "connack-refused", "20 0005" },
  { "publish", "30 0003'a/b' 'hello'" },
  { "publish-empty", "30 0003'a/b'" },
  { "publish-retain", "31 0001'/' 00ff" },
  { "publish-qos-1", "32 0003'a/b' ffff 'hello'" },
  { "publish-duplicate", "3b 0003'a/b' 0001 'hello'" },
  { "puback", "40 1234" },
  { "subscribe", "82 000a 0003'a/b' 01" },
  { "subscribe-many", "82 000a 0001'#' 00 0001'+' 01 0005'+/a/#' 02 0006'/+/+/b' 00 0001'/' 00 0002'//' 00" },
  { "suback", "90 000a 00010280" },
  { "unsubscribe", "a2 000a 0003'a/b' 0001'#'" },
  { "unsuback", "b0 ffff" },
  { "pingreq", "c0" },
  { "pingresp", "d0" },
  { "disconnect", "e0" },
};

static void
test_round_trip (gconstpointer data)
{
  const Refused *r = data;
  g_autoptr(GByteArray) bytes = bytes_from (r->packet);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetMqttPacket) packet = parse_notation (r->packet, &error);
  g_autoptr(GBytes) printed = NULL;
  guint8 length = bytes->len - 1;

  g_assert_no_error (error);
  printed = brevet_mqtt_packet_print (packet);
  g_byte_array_append (bytes, &length, 1);
  memmove (bytes->data + 2, bytes->data + 1, bytes->len - 2);
  bytes->data[1] = length;
  g_assert_cmpmem (g_bytes_get_data (printed, NULL), g_bytes_get_size (printed), bytes->data, bytes->len);
}

static void
test_connect (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetMqttPacket) packet =
    parse_notation (CONNECT "f6 01f4 0007'pump-07' 0003'a/b' 0003'bye' 0004'user' 0002'pw'", &error);

  g_assert_no_error (error);
  g_assert_cmpint (packet->type, ==, BREVET_MQTT_CONNECT);
  g_assert_cmpuint (packet->level, ==, BREVET_MQTT_LEVEL);
  g_assert_true (packet->clean_session);
  g_assert_cmpuint (packet->keep_alive, ==, 500);
  g_assert_cmpstr (packet->client_id, ==, "pump-07");
  g_assert_cmpstr (packet->will_topic, ==, "a/b");
  assert_data (packet->will, "'bye'");
  g_assert_cmpuint (packet->will_qos, ==, 2);
  g_assert_true (packet->will_retain);
  g_assert_cmpstr (packet->user_name, ==, "user");
  assert_data (packet->password, "'pw'");
}

/* Others are not read on: what follows the flags differs from level to level. */
static void
test_other_levels (void)
{
  static const struct {
    const char *packet;
    guint8 level;
    gboolean clean;
  } levels[] = {
    { "10 0006'MQIsdp'03 02 003c 0002'id'", 3, TRUE },
    { "10 0006'MQIsdp'03 00 003c 0002'id'", 3, FALSE },
    { "10 0004'MQTT'03 02 003c 0002'id'", 3, TRUE },
    { "10 0004'MQTT'05 02 003c 00 0002'id'", 5, TRUE },
    { "10 0004'MQTT'00 00", 0, FALSE },
    { "10 0004'MQTT'84 03 ffff", 0x84, TRUE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (levels); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetMqttPacket) packet = parse_notation (levels[i].packet, &error);

      g_test_message ("%s", levels[i].packet);
      g_assert_no_error (error);
      g_assert_cmpuint (packet->level, ==, levels[i].level);
      g_assert_cmpint (packet->clean_session, ==, levels[i].clean);
      g_assert_null (packet->client_id);
    }
}

static void
test_publish (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetMqttPacket) packet = parse_notation ("3b 0003'a/b' 0102 'hello'", &error);
  g_autoptr(BrevetMqttPacket) empty = parse_notation ("30 0001'a'", NULL);

  g_assert_no_error (error);
  g_assert_cmpstr (packet->topic, ==, "a/b");
  g_assert_cmpuint (packet->packet_id, ==, 0x102);
  g_assert_cmpuint (packet->qos, ==, 1);
  g_assert_true (packet->duplicate);
  g_assert_true (packet->retain);
  assert_data (packet->payload, "'hello'");

  g_assert_cmpuint (empty->qos, ==, 0);
  g_assert_cmpuint (empty->packet_id, ==, 0);
  g_assert_cmpuint (g_bytes_get_size (empty->payload), ==, 0);
}

static void
test_subscriptions (void)
{
  g_autoptr(BrevetMqttPacket) packet = parse_notation ("82 0007 0003'a/b' 01 0001'#' 02", NULL);
  g_autoptr(BrevetMqttPacket) ended = parse_notation ("a2 0008 0003'a/b'", NULL);
  g_autoptr(BrevetMqttPacket) answer = parse_notation ("90 0007 0180", NULL);
  const BrevetMqttSubscription *first = g_ptr_array_index (packet->subscriptions, 0);
  const BrevetMqttSubscription *second = g_ptr_array_index (packet->subscriptions, 1);

  g_assert_cmpuint (packet->packet_id, ==, 7);
  g_assert_cmpuint (packet->subscriptions->len, ==, 2);
  g_assert_cmpstr (first->filter, ==, "a/b");
  g_assert_cmpuint (first->qos, ==, 1);
  g_assert_cmpstr (second->filter, ==, "#");
  g_assert_cmpuint (second->qos, ==, 2);

  g_assert_cmpuint (ended->packet_id, ==, 8);
  g_assert_cmpuint (ended->subscriptions->len, ==, 1);
  assert_data (answer->granted, "0180");
}

/* How the lengths of table 2.4 are written. */
static void
test_length (void)
{
  static const struct {
    gsize length;
    const char *header;
  } lengths[] = {
    { 3, "30 03" }, { 127, "30 7f" }, { 128, "30 80 01" }, { 16383, "30 ff 7f" }, { 16384, "30 80 80 01" },
    { 2097151, "30 ff ff 7f" }, { 2097152, "30 80 80 80 01" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autoptr(GByteArray) header = bytes_from (lengths[i].header);
      g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (BREVET_MQTT_PUBLISH);
      g_autoptr(GBytes) printed = NULL;

      packet->topic = g_strdup ("a");
      packet->payload = g_bytes_new_take (g_malloc0 (lengths[i].length), lengths[i].length - 3);
      printed = brevet_mqtt_packet_print (packet);
      g_assert_cmpuint (g_bytes_get_size (printed), ==, header->len + lengths[i].length);
      g_assert_cmpmem (g_bytes_get_data (printed, NULL), header->len, header->data, header->len);
    }
}

/* A text has at most 65535 bytes, and may have them. */
static void
test_longest_text (void)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (BREVET_MQTT_PUBLISH);
  g_autoptr(BrevetMqttPacket) again = NULL;
  g_autoptr(GBytes) printed = NULL;
  g_autoptr(GError) error = NULL;

  packet->topic = g_strnfill (65535, 'a');
  printed = brevet_mqtt_packet_print (packet);
  again = brevet_mqtt_packet_parse (0x30, (const guint8 *) g_bytes_get_data (printed, NULL) + 4, g_bytes_get_size (printed) - 4,
                                    &error);
  g_assert_no_error (error);
  g_assert_cmpstr (again->topic, ==, packet->topic);
}

/* Who still needs the password keeps it. */
static void
test_password (void)
{
  BrevetMqttPacket *packet = parse_notation (CONNECT "c2 003c 0002'id' 0001'u' 0002'pw'", NULL);
  g_autoptr(GBytes) kept = g_bytes_ref (packet->password);

  brevet_mqtt_packet_free (packet);
  assert_data (kept, "'pw'");
}

/* Whoever sends a password can wipe what was printed: it is all that there is. */
static void
test_printed_password (void)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (BREVET_MQTT_CONNECT);
  g_autofree char *password = g_strnfill (1000, 'p');
  g_autofree gpointer taken = NULL;
  gconstpointer printed;
  GBytes *bytes;
  gsize size;

  packet->client_id = g_strdup ("id");
  packet->user_name = g_strdup ("user");
  packet->password = g_bytes_new (password, 1000);
  bytes = brevet_mqtt_packet_print (packet);
  printed = g_bytes_get_data (bytes, NULL);
  taken = g_bytes_unref_to_data (bytes, &size);
  g_assert_true (taken == printed);
}

static void
add_table (const char *prefix, const Refused *table, gsize n, GTestDataFunc test)
{
  for (gsize i = 0; i < n; i++)
    {
      g_autofree char *path = g_strconcat (prefix, table[i].name, NULL);

      g_test_add_data_func (path, &table[i], test);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_table ("/mqtt/packet/refused/", refused, G_N_ELEMENTS (refused), test_refused);
  add_table ("/mqtt/packet/round-trip/", round_trips, G_N_ELEMENTS (round_trips), test_round_trip);
  g_test_add_func ("/mqtt/packet/qos-2", test_qos_2);
  g_test_add_func ("/mqtt/packet/connect", test_connect);
  g_test_add_func ("/mqtt/packet/other-levels", test_other_levels);
  g_test_add_func ("/mqtt/packet/publish", test_publish);
  g_test_add_func ("/mqtt/packet/subscriptions", test_subscriptions);
  g_test_add_func ("/mqtt/packet/length", test_length);
  g_test_add_func ("/mqtt/packet/longest-text", test_longest_text);
  g_test_add_func ("/mqtt/packet/password", test_password);
  g_test_add_func ("/mqtt/packet/printed-password", test_printed_password);
  return g_test_run ();
}
