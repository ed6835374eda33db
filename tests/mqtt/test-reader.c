/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-mqtt-reader.h"
#include "mqtt-test.h"

/* What a device says in one registration, and what it hears. */
#define STREAM \
  "10 23 0004'MQTT'04 c2 003c 0007'pump-07' 0004'user' 0008'password'" \
  "82 1d 0001 0018'$dps/registrations/res/#' 01" \
  "32 0e 0003'a/b' 0002 'payload'" \
  "40 02 0001" \
  "c0 00" \
  "20 02 0000" \
  "90 03 0001 01" \
  "30 85 00 0003'a/b'" \
  "e0 00"

static const BrevetMqttPacketType types[] = {
  BREVET_MQTT_CONNECT, BREVET_MQTT_SUBSCRIBE, BREVET_MQTT_PUBLISH, BREVET_MQTT_PUBACK, BREVET_MQTT_PINGREQ, BREVET_MQTT_CONNACK,
  BREVET_MQTT_SUBACK, BREVET_MQTT_PUBLISH, BREVET_MQTT_DISCONNECT,
};

/* Feeds one piece to its end; counts what comes out of it in @count. */
static void
feed (BrevetMqttReader *reader, const guint8 *data, gsize length, guint *count)
{
  gsize done = 0;

  while (done < length)
    {
      g_autofree guint8 *piece = g_memdup2 (data + done, length - done);
      g_autoptr(BrevetMqttPacket) packet = NULL;
      g_autoptr(GError) error = NULL;
      gsize used;

      g_assert_true (brevet_mqtt_reader_read (reader, piece, length - done, &used, &packet, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (used, >, 0);
      done += used;
      if (packet == NULL)
        g_assert_cmpuint (done, ==, length);
      else
        {
          g_assert_cmpuint (*count, <, G_N_ELEMENTS (types));
          g_assert_cmpint (packet->type, ==, types[(*count)++]);
          g_assert_true (brevet_mqtt_reader_is_idle (reader));
        }
    }
}

static void
test_whole (void)
{
  g_autoptr(GByteArray) stream = bytes_from (STREAM);
  BrevetMqttReader reader;
  guint count = 0;

  brevet_mqtt_reader_init (&reader, 1000);
  g_assert_true (brevet_mqtt_reader_is_idle (&reader));
  feed (&reader, stream->data, stream->len, &count);
  g_assert_cmpuint (count, ==, G_N_ELEMENTS (types));
  brevet_mqtt_reader_clear (&reader);
}

static void
test_bytes (void)
{
  g_autoptr(GByteArray) stream = bytes_from (STREAM);
  BrevetMqttReader reader;
  guint count = 0;

  brevet_mqtt_reader_init (&reader, 1000);
  for (guint i = 0; i < stream->len; i++)
    feed (&reader, stream->data + i, 1, &count);
  g_assert_cmpuint (count, ==, G_N_ELEMENTS (types));
  brevet_mqtt_reader_clear (&reader);
}

static void
test_splits (void)
{
  g_autoptr(GByteArray) stream = bytes_from (STREAM);

  for (guint i = 1; i < stream->len; i++)
    {
      BrevetMqttReader reader;
      guint count = 0;

      brevet_mqtt_reader_init (&reader, 1000);
      feed (&reader, stream->data, i, &count);
      feed (&reader, stream->data + i, stream->len - i, &count);
      g_assert_cmpuint (count, ==, G_N_ELEMENTS (types));
      brevet_mqtt_reader_clear (&reader);
    }
}

/* What is read in pieces is what was sent. */
static void
test_contents (void)
{
  g_autoptr(GByteArray) bytes = bytes_from ("32 0e 0003'a/b' 0002 'payload'");
  BrevetMqttReader reader;

  for (guint i = 1; i < bytes->len; i++)
    {
      g_autoptr(BrevetMqttPacket) packet = NULL;
      gsize used;

      brevet_mqtt_reader_init (&reader, 100);
      g_assert_true (brevet_mqtt_reader_read (&reader, bytes->data, i, &used, &packet, NULL));
      g_assert_null (packet);
      g_assert_cmpuint (used, ==, i);
      g_assert_false (brevet_mqtt_reader_is_idle (&reader));
      g_assert_true (brevet_mqtt_reader_read (&reader, bytes->data + i, bytes->len - i, &used, &packet, NULL));
      g_assert_cmpuint (used, ==, bytes->len - i);
      g_assert_cmpstr (packet->topic, ==, "a/b");
      assert_data (packet->payload, "'payload'");
      brevet_mqtt_reader_clear (&reader);
    }
}

/* Returns: how many bytes were used until the reader refused @notation, which must be before it ends */
static gsize
assert_refused (gsize limit, const char *notation, int code, const char *problem)
{
  g_autoptr(GByteArray) bytes = bytes_from (notation);
  g_autoptr(BrevetMqttPacket) packet = NULL;
  g_autoptr(GError) error = NULL;
  BrevetMqttReader reader;
  gsize used;

  brevet_mqtt_reader_init (&reader, limit);
  g_assert_false (brevet_mqtt_reader_read (&reader, bytes->data, bytes->len, &used, &packet, &error));
  g_assert_null (packet);
  g_assert_null (reader.body);
  g_assert_error (error, BREVET_ERROR, code);
  if (strstr (error->message, problem) == NULL)
    g_error ("“%s” does not mention “%s”", error->message, problem);
  brevet_mqtt_reader_clear (&reader);
  return used;
}

static void
test_limit (void)
{
  BrevetMqttReader reader;
  g_autoptr(GByteArray) bytes = bytes_from ("30 05 0003'a/b'");
  guint count = 2;

  brevet_mqtt_reader_init (&reader, 5);
  feed (&reader, bytes->data, bytes->len, &count);
  g_assert_cmpuint (count, ==, 3);
  brevet_mqtt_reader_clear (&reader);

  g_assert_cmpuint (assert_refused (4, "30 05 0003'a/b'", BREVET_ERROR_INVALID, "at most 4 bytes"), ==, 2);
  /* As soon as it is known: what may follow can only make it longer. */
  g_assert_cmpuint (assert_refused (100, "30 ff 80 01", BREVET_ERROR_INVALID, "at most 100 bytes"), ==, 2);
  g_assert_cmpuint (assert_refused (1000, "30 ff ff ff 7f", BREVET_ERROR_INVALID, "at most 1000 bytes"), ==, 3);
}

static void
test_length_too_long (void)
{
  g_assert_cmpuint (assert_refused (BREVET_MQTT_MAXIMUM_LENGTH, "c0 80 80 80 80 00", BREVET_ERROR_INVALID, "more than four bytes"),
                    ==, 5);
  g_assert_cmpuint (assert_refused (G_MAXSIZE, "30 ff ff ff ff 7f", BREVET_ERROR_INVALID, "more than four bytes"), ==, 5);
}

/* Other spellings of a length are allowed, as long as they have four bytes at most. */
static void
test_length_spellings (void)
{
  static const char *const spellings[] = { "c0 00", "c0 80 00", "c0 80 80 00", "c0 80 80 80 00" };

  for (gsize i = 0; i < G_N_ELEMENTS (spellings); i++)
    {
      g_autoptr(GByteArray) bytes = bytes_from (spellings[i]);
      BrevetMqttReader reader;
      guint count = 4;

      brevet_mqtt_reader_init (&reader, 10);
      feed (&reader, bytes->data, bytes->len, &count);
      g_assert_cmpuint (count, ==, 5);
      brevet_mqtt_reader_clear (&reader);
    }
}

/* An announcement costs nothing: memory is taken for what has come. */
static void
test_longest (void)
{
  g_autoptr(GByteArray) bytes = bytes_from ("30 ff ff ff 7f 0003'a/b'");
  g_autoptr(BrevetMqttPacket) packet = NULL;
  BrevetMqttReader reader;
  gsize used;

  brevet_mqtt_reader_init (&reader, BREVET_MQTT_MAXIMUM_LENGTH);
  g_assert_true (brevet_mqtt_reader_read (&reader, bytes->data, bytes->len, &used, &packet, NULL));
  g_assert_null (packet);
  g_assert_cmpuint (used, ==, bytes->len);
  g_assert_cmpuint (reader.body->len, ==, 5);
  brevet_mqtt_reader_clear (&reader);
  g_assert_true (brevet_mqtt_reader_is_idle (&reader));
}

/* What speaks another protocol is noticed with its first byte. */
static void
test_first_byte (void)
{
  g_assert_cmpuint (assert_refused (1000, "'\x16'", BREVET_ERROR_INVALID, "reserved flags"), ==, 1);
  g_assert_cmpuint (assert_refused (1000, "00", BREVET_ERROR_INVALID, "type is reserved"), ==, 1);
  g_assert_cmpuint (assert_refused (1000, "34", BREVET_ERROR_UNSUPPORTED, "QoS 2"), ==, 1);
}

static void
test_malformed_body (void)
{
  g_assert_cmpuint (assert_refused (1000, "40 02 0000", BREVET_ERROR_INVALID, "packet identifier is 0"), ==, 4);
}

/* A packet that has begun keeps the limit that it began with. */
static void
test_set_limit (void)
{
  g_autoptr(GByteArray) bytes = bytes_from ("30 05 0003'a/b' 30 05 0003'a/b'");
  g_autoptr(BrevetMqttPacket) packet = NULL;
  g_autoptr(GError) error = NULL;
  BrevetMqttReader reader;
  gsize used;

  brevet_mqtt_reader_init (&reader, 5);
  g_assert_true (brevet_mqtt_reader_read (&reader, bytes->data, 1, &used, &packet, NULL));
  brevet_mqtt_reader_set_limit (&reader, 4);
  g_assert_true (brevet_mqtt_reader_read (&reader, bytes->data + 1, bytes->len - 1, &used, &packet, NULL));
  g_assert_cmpuint (used, ==, 6);
  g_clear_pointer (&packet, brevet_mqtt_packet_free);
  g_assert_false (brevet_mqtt_reader_read (&reader, bytes->data + 7, 7, &used, &packet, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  brevet_mqtt_reader_clear (&reader);
}

static void
test_nothing (void)
{
  g_autoptr(BrevetMqttPacket) packet = NULL;
  BrevetMqttReader reader;
  gsize used = 1;

  brevet_mqtt_reader_init (&reader, 5);
  g_assert_true (brevet_mqtt_reader_read (&reader, NULL, 0, &used, &packet, NULL));
  g_assert_cmpuint (used, ==, 0);
  g_assert_null (packet);
  brevet_mqtt_reader_clear (&reader);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mqtt/reader/whole", test_whole);
  g_test_add_func ("/mqtt/reader/bytes", test_bytes);
  g_test_add_func ("/mqtt/reader/splits", test_splits);
  g_test_add_func ("/mqtt/reader/contents", test_contents);
  g_test_add_func ("/mqtt/reader/limit", test_limit);
  g_test_add_func ("/mqtt/reader/length-too-long", test_length_too_long);
  g_test_add_func ("/mqtt/reader/length-spellings", test_length_spellings);
  g_test_add_func ("/mqtt/reader/longest", test_longest);
  g_test_add_func ("/mqtt/reader/first-byte", test_first_byte);
  g_test_add_func ("/mqtt/reader/malformed-body", test_malformed_body);
  g_test_add_func ("/mqtt/reader/set-limit", test_set_limit);
  g_test_add_func ("/mqtt/reader/nothing", test_nothing);
  return g_test_run ();
}
