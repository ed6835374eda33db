/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-wire-private.h"

#include "brevet-clock.h"

#include <string.h>

#define EXCERPT_LENGTH 48

char *
brevet_wire_excerpt (const char *value)
{
  g_autofree char *cut = g_strndup (value, EXCERPT_LENGTH);
  g_autofree char *escaped = g_strescape (cut, NULL);

  return g_strconcat (escaped, strlen (value) > EXCERPT_LENGTH ? "…" : "", NULL);
}

char *
brevet_wire_tidy (const char *text, gsize maximum)
{
  g_autofree char *valid = text != NULL ? g_utf8_make_valid (text, -1) : NULL;
  const char *end = valid;
  g_autoptr(GString) tidy = NULL;

  if (text == NULL)
    return NULL;
  tidy = g_string_new (NULL);
  for (; *end != '\0' && (gsize) (end - valid) < maximum; end = g_utf8_next_char (end))
    g_string_append_unichar (tidy, g_unichar_iscntrl (g_utf8_get_char (end)) ? ' ' : g_utf8_get_char (end));
  if (*end != '\0')
    g_string_append (tidy, "…");
  return g_string_free (g_steal_pointer (&tidy), FALSE);
}

char *
brevet_wire_percent_decode (const char *text)
{
  g_autofree char *decoded = g_malloc (strlen (text) + 1);
  char *out = decoded;

  for (const char *p = text; *p != '\0'; p++)
    {
      int high, low;

      if (*p != '%')
        {
          *out++ = *p;
          continue;
        }
      high = g_ascii_xdigit_value (p[1]);
      low = high < 0 ? -1 : g_ascii_xdigit_value (p[2]);
      if (low < 0 || high * 16 + low == 0)
        return NULL;
      *out++ = (char) (high * 16 + low);
      p += 2;
    }
  *out = '\0';
  return g_utf8_validate (decoded, -1, NULL) ? g_steal_pointer (&decoded) : NULL;
}

static gboolean
is_base64 (const char *text)
{
  gsize length = strlen (text);
  gsize letters = strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  gsize padding = strspn (text + letters, "=");

  return length > 0 && length % 4 == 0 && letters + padding == length && padding <= 2;
}

GBytes *
brevet_wire_base64_decode (const char *text)
{
  guchar *data;
  gsize length;

  if (!is_base64 (text))
    return NULL;
  data = g_base64_decode (text, &length);
  return g_bytes_new_take (data, length);
}

void
brevet_wire_add_string (JsonObject *object, const char *member, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, member, value);
}

void
brevet_wire_add_node (JsonObject *object, const char *member, JsonNode *value)
{
  if (value != NULL)
    json_object_set_member (object, member, json_node_copy (value));
}

void
brevet_wire_add_time (JsonObject *object, const char *member, gint64 microseconds)
{
  if (microseconds != 0)
    {
      g_autofree char *text = brevet_clock_format (microseconds);

      json_object_set_string_member (object, member, text);
    }
}

/* GDateTime reads fractions as floating point numbers, which loses the last digit: they are read apart. */
static gint64
take_fraction (char *text)
{
  char *dot = strchr (text, '.');
  gint64 fraction = 0;
  gsize digits;

  if (dot == NULL)
    return 0;
  digits = strspn (dot + 1, "0123456789");
  for (gsize i = 0; i < 6; i++)
    fraction = fraction * 10 + (i < digits ? dot[1 + i] - '0' : 0);
  memmove (dot, dot + 1 + digits, strlen (dot + 1 + digits) + 1);
  return fraction;
}

gint64
brevet_wire_get_time (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);
  g_autoptr(GDateTime) time = NULL;
  g_autofree char *text = NULL;
  gint64 fraction;

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_STRING)
    return 0;
  text = json_node_dup_string (node);
  fraction = take_fraction (text);
  time = g_date_time_new_from_iso8601 (text, NULL);
  return time != NULL ? g_date_time_to_unix (time) * G_USEC_PER_SEC + fraction : 0;
}
