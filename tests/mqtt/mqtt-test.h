/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-packet.h"

#include "brevet-error.h"

#include <string.h>

/* Bytes from pairs of hexadecimal digits and 'texts'; spaces mean nothing. */
static inline GByteArray *
bytes_from (const char *notation)
{
  GByteArray *array = g_byte_array_new ();

  for (const char *p = notation; *p != '\0'; p++)
    {
      if (*p == '\'')
        {
          const char *end = strchr (p + 1, '\'');

          g_byte_array_append (array, (const guint8 *) p + 1, end - p - 1);
          p = end;
        }
      else if (*p != ' ')
        {
          guint8 byte = g_ascii_xdigit_value (p[0]) << 4 | g_ascii_xdigit_value (p[1]);

          g_byte_array_append (array, &byte, 1);
          p++;
        }
    }
  return array;
}

/* The first byte is that of the fixed header; there is no remaining length. */
static inline BrevetMqttPacket *
parse_notation (const char *notation, GError **error)
{
  g_autoptr(GByteArray) bytes = bytes_from (notation);
  /* Of this size exactly, so that a sanitizer sees what is read behind the end. */
  g_autofree guint8 *body = g_memdup2 (bytes->data + 1, bytes->len - 1);

  return brevet_mqtt_packet_parse (bytes->data[0], body, bytes->len - 1, error);
}

static inline void
assert_data (GBytes *bytes, const char *expected)
{
  g_autoptr(GByteArray) wanted = bytes_from (expected);

  g_assert_nonnull (bytes);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), wanted->data, wanted->len);
}
