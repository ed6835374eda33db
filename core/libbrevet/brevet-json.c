/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-json.h"

#include "brevet-error.h"

#include <math.h>
#include <string.h>

/*
 * json-glib reads more than RFC 8259 allows (comments, several values, other words), recurses without a limit, cuts strings at an
 * escaped zero, and aborts the process at a lone surrogate. This pass looks at the tokens alone and refuses such text before the
 * parser sees it; whether the tokens form an object is left to the parser.
 */

#define MAX_DEPTH 32

static gboolean
refuse (const char *text, const char *at, const char *problem, GError **error)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "%s at byte %" G_GSIZE_FORMAT, problem, (gsize) (at - text));
  return FALSE;
}

/* Reads the four digits behind \u; -1 if there are not four. */
static int
read_unit (const char *digits)
{
  int unit = 0;

  for (guint i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (digits[i]);

      if (digit < 0)
        return -1;
      unit = unit * 16 + digit;
    }
  return unit;
}

/* Length of the escape sequence at @at, 0 if it is none that may stand for a character. */
static gsize
measure_escape (const char *at)
{
  int unit;

  if (at[1] != 'u')
    return at[1] != '\0' && strchr ("\"\\/bfnrt", at[1]) != NULL ? 2 : 0;

  unit = read_unit (at + 2);
  if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff))
    return 0;
  if (unit < 0xd800 || unit > 0xdbff)
    return 6;
  if (at[6] != '\\' || at[7] != 'u')
    return 0;
  unit = read_unit (at + 8);
  return unit >= 0xdc00 && unit <= 0xdfff ? 12 : 0;
}

/* Length of the string literal at @at with both quotes, 0 if it is malformed. */
static gsize
measure_string (const char *at)
{
  const char *p = at + 1;

  while (*p != '"')
    {
      gsize length = *p == '\\' ? measure_escape (p) : (guchar) *p >= 0x20 ? 1 : 0;

      if (length == 0)
        return 0;
      p += length;
    }
  return (gsize) (p + 1 - at);
}

static gsize
count_digits (const char *at)
{
  return strspn (at, "0123456789");
}

/* Length of the number at @at, 0 if it is malformed or out of range. */
static gsize
measure_number (const char *at)
{
  g_autofree char *literal = NULL;
  const char *p = at;
  gboolean is_integer = TRUE;
  gsize digits;

  if (*p == '-')
    p++;
  digits = count_digits (p);
  if (digits == 0 || (digits > 1 && *p == '0'))
    return 0;
  p += digits;
  if (*p == '.')
    {
      digits = count_digits (p + 1);
      if (digits == 0)
        return 0;
      p += digits + 1;
      is_integer = FALSE;
    }
  if (*p == 'e' || *p == 'E')
    {
      gsize sign = p[1] == '+' || p[1] == '-' ? 1 : 0;

      digits = count_digits (p + 1 + sign);
      if (digits == 0)
        return 0;
      p += 1 + sign + digits;
      is_integer = FALSE;
    }

  literal = g_strndup (at, (gsize) (p - at));
  if (is_integer)
    return g_ascii_string_to_signed (literal, 10, G_MININT64, G_MAXINT64, NULL, NULL) ? strlen (literal) : 0;
  return isfinite (g_ascii_strtod (literal, NULL)) ? strlen (literal) : 0;
}

static gsize
measure_word (const char *at)
{
  static const char *const words[] = { "true", "false", "null" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      gsize length = strlen (words[i]);

      if (strncmp (at, words[i], length) == 0 && !g_ascii_isalnum (at[length]))
        return length;
    }
  return 0;
}

static gsize
measure_scalar (const char *at)
{
  if (*at == '"')
    return measure_string (at);
  if (*at == '-' || g_ascii_isdigit (*at))
    return measure_number (at);
  return measure_word (at);
}

static gboolean
check (const char *text, GError **error)
{
  const char *p = text;
  guint depth = 0;

  p += strspn (p, " \t\r\n");
  if (*p != '{')
    return refuse (text, p, "It does not begin with an object", error);

  do
    {
      gsize length = 1;

      if (*p == '{' || *p == '[')
        depth++;
      else if (*p == '}' || *p == ']')
        depth--;
      else if (*p == '\0')
        return refuse (text, p, "It ends too early", error);
      else if (*p != ',' && *p != ':')
        length = measure_scalar (p);

      if (length == 0)
        return refuse (text, p, "There is no valid JSON value", error);
      if (depth > MAX_DEPTH)
        return refuse (text, p, "It is nested too deeply", error);
      p += length;
      p += strspn (p, " \t\r\n");
    }
  while (depth > 0);

  if (*p != '\0')
    return refuse (text, p, "Something follows the object", error);
  return TRUE;
}

JsonObject *
brevet_json_read_object (GBytes *text, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new ();
  g_autofree char *copy = NULL;
  JsonNode *root;
  gsize length;
  const char *data = g_bytes_get_data (text, &length);

  if (length > 0 && !g_utf8_validate_len (data, length, NULL))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "It is not UTF-8");
      return NULL;
    }
  copy = length > 0 ? g_strndup (data, length) : g_strdup ("");
  if (!check (copy, error) || !json_parser_load_from_data (parser, copy, -1, error))
    return NULL;
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "It is no object");
      return NULL;
    }
  return json_node_dup_object (root);
}
