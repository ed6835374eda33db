/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "brevet-error.h"
#include "brevet-mqtt-reader.h"

#include <string.h>

#define LIMIT 4096

typedef struct {
  GByteArray *trace;  /* the packets, printed again */
  gsize used;
  gboolean failed;
} Outcome;

/* What was printed is read as what it was printed from. */
static void
note (Outcome *outcome, const BrevetMqttPacket *packet)
{
  g_autoptr(GBytes) printed = NULL;
  g_autoptr(GBytes) again = NULL;
  g_autoptr(BrevetMqttPacket) copy = NULL;
  g_autoptr(GError) error = NULL;
  BrevetMqttReader reader;
  gsize size, used;
  const guint8 *data;

  if (packet->type == BREVET_MQTT_CONNECT && packet->level != BREVET_MQTT_LEVEL)
    return;
  printed = brevet_mqtt_packet_print (packet);
  data = g_bytes_get_data (printed, &size);

  brevet_mqtt_reader_init (&reader, BREVET_MQTT_MAXIMUM_LENGTH);
  g_assert_true (brevet_mqtt_reader_read (&reader, data, size, &used, &copy, &error));
  g_assert_no_error (error);
  g_assert_nonnull (copy);
  g_assert_cmpuint (used, ==, size);
  again = brevet_mqtt_packet_print (copy);
  g_assert_true (g_bytes_equal (printed, again));
  g_byte_array_append (outcome->trace, data, size);
  brevet_mqtt_reader_clear (&reader);
}

/* Feeds at most @step bytes at a time. */
static void
read_all (const guint8 *data, gsize size, gsize step, Outcome *outcome)
{
  BrevetMqttReader reader;

  brevet_mqtt_reader_init (&reader, LIMIT);
  while (outcome->used < size && !outcome->failed)
    {
      g_autoptr(BrevetMqttPacket) packet = NULL;
      g_autoptr(GError) error = NULL;
      gsize piece = MIN (step, size - outcome->used);
      gsize used;

      outcome->failed = !brevet_mqtt_reader_read (&reader, data + outcome->used, piece, &used, &packet, &error);
      g_assert_true (outcome->failed == (error != NULL));
      g_assert_true (error == NULL || error->domain == BREVET_ERROR);
      g_assert_cmpuint (used, >, 0);
      g_assert_cmpuint (used, <=, piece);
      g_assert_true (packet != NULL || outcome->failed || used == piece);
      outcome->used += used;
      if (packet != NULL)
        note (outcome, packet);
    }
  brevet_mqtt_reader_clear (&reader);
}

/* How the bytes are cut into pieces must not matter. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  Outcome whole = { .trace = g_byte_array_new () };
  Outcome bytes = { .trace = g_byte_array_new () };

  read_all (data, size, size, &whole);
  read_all (data, size, 1, &bytes);
  g_assert_cmpint (whole.failed, ==, bytes.failed);
  g_assert_cmpuint (whole.used, ==, bytes.used);
  g_assert_cmpmem (whole.trace->data, whole.trace->len, bytes.trace->data, bytes.trace->len);
  g_byte_array_unref (whole.trace);
  g_byte_array_unref (bytes.trace);
  return 0;
}
