/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-wire-json.h"

#include "brevet-json.h"
#include "brevet-wire-private.h"

#include <string.h>

static void
drop_nulls (JsonObject *object)
{
  g_autoptr(GList) members = json_object_get_members (object);

  for (GList *l = members; l != NULL; l = l->next)
    if (json_object_get_null_member (object, l->data))
      json_object_remove_member (object, l->data);
}

static gboolean
is_blank (GBytes *text)
{
  gsize length = 0;
  const char *data = text != NULL ? g_bytes_get_data (text, &length) : NULL;

  for (gsize i = 0; i < length; i++)
    if (strchr (" \t\r\n", data[i]) == NULL || data[i] == '\0')
      return FALSE;
  return TRUE;
}

JsonObject *
brevet_wire_parse_object (GBytes *body, const char *what, GError **error)
{
  g_autoptr(GError) problem = NULL;
  JsonObject *object;

  if (is_blank (body))
    return json_object_new ();
  object = brevet_json_read_object (body, &problem);
  if (object == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The text of %s is not a JSON object: %s", what, problem->message);
      return NULL;
    }
  drop_nulls (object);
  return object;
}

/* The member, unless it is absent or null. */
static JsonNode *
find_member (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node == NULL || JSON_NODE_HOLDS_NULL (node) ? NULL : node;
}

static gboolean
refuse_member (const char *member, const char *expected, GError **error)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “%s” must be %s", member, expected);
  return FALSE;
}

gboolean
brevet_wire_get_string (JsonObject *object, const char *member, const char **value, GError **error)
{
  JsonNode *node = find_member (object, member);

  *value = NULL;
  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return refuse_member (member, "a string", error);
  *value = json_node_get_string (node);
  return TRUE;
}

gboolean
brevet_wire_dup_string (JsonObject *object, const char *member, char **value, GError **error)
{
  const char *text;

  if (!brevet_wire_get_string (object, member, &text, error))
    return FALSE;
  g_free (*value);
  *value = g_strdup (text);
  return TRUE;
}

gboolean
brevet_wire_get_boolean (JsonObject *object, const char *member, gboolean fallback, gboolean *value, GError **error)
{
  JsonNode *node = find_member (object, member);

  *value = fallback;
  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return refuse_member (member, "true or false", error);
  *value = json_node_get_boolean (node);
  return TRUE;
}

gboolean
brevet_wire_get_object (JsonObject *object, const char *member, JsonObject **value, GError **error)
{
  JsonNode *node = find_member (object, member);

  *value = NULL;
  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return refuse_member (member, "an object", error);
  *value = json_node_get_object (node);
  return TRUE;
}

gboolean
brevet_wire_get_strings (JsonObject *object, const char *member, char ***value, GError **error)
{
  JsonNode *node = find_member (object, member);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  JsonArray *array;

  *value = NULL;
  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return refuse_member (member, "a list of strings", error);

  array = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *item = json_array_get_element (array, i);

      if (!JSON_NODE_HOLDS_VALUE (item) || json_node_get_value_type (item) != G_TYPE_STRING)
        return refuse_member (member, "a list of strings", error);
      g_strv_builder_add (builder, json_node_get_string (item));
    }
  *value = g_strv_builder_end (builder);
  return TRUE;
}

static JsonNode *strip_node (JsonNode *node);

JsonObject *
brevet_wire_strip_nulls (JsonObject *object)
{
  g_autoptr(GList) members = json_object_get_members (object);
  JsonObject *copy = json_object_new ();

  for (GList *l = members; l != NULL; l = l->next)
    {
      JsonNode *node = json_object_get_member (object, l->data);

      if (!JSON_NODE_HOLDS_NULL (node))
        json_object_set_member (copy, l->data, strip_node (node));
    }
  return copy;
}

static JsonNode *
strip_node (JsonNode *node)
{
  JsonNode *copy;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return json_node_copy (node);
  copy = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (copy, brevet_wire_strip_nulls (json_node_get_object (node)));
  return copy;
}

static JsonNode *
copy_value (JsonNode *node)
{
  JsonNode *copy = json_node_new (JSON_NODE_VALUE);
  g_auto(GValue) value = G_VALUE_INIT;

  json_node_get_value (node, &value);
  json_node_set_value (copy, &value);
  return copy;
}

static JsonArray *
copy_array (JsonArray *array)
{
  guint length = json_array_get_length (array);
  JsonArray *copy = json_array_sized_new (length);

  for (guint i = 0; i < length; i++)
    json_array_add_element (copy, brevet_wire_copy (json_array_get_element (array, i)));
  return copy;
}

JsonNode *
brevet_wire_copy (JsonNode *node)
{
  JsonNode *copy;

  if (JSON_NODE_HOLDS_VALUE (node))
    return copy_value (node);
  copy = json_node_new (json_node_get_node_type (node));
  if (JSON_NODE_HOLDS_OBJECT (node))
    json_node_take_object (copy, brevet_wire_copy_object (json_node_get_object (node)));
  else if (JSON_NODE_HOLDS_ARRAY (node))
    json_node_take_array (copy, copy_array (json_node_get_array (node)));
  return copy;
}

JsonObject *
brevet_wire_copy_object (JsonObject *object)
{
  g_autoptr(GList) members = json_object_get_members (object);
  JsonObject *copy = json_object_new ();

  for (GList *member = members; member != NULL; member = member->next)
    json_object_set_member (copy, member->data, brevet_wire_copy (json_object_get_member (object, member->data)));
  return copy;
}

void
brevet_wire_mark_corrupt (GError **error, const char *what)
{
  if (error == NULL || *error == NULL)
    return;
  g_prefix_error (error, "The stored %s cannot be read back: ", what);
  (*error)->code = BREVET_ERROR_CORRUPT;
}

/* Length of the string literal at @at with both quotes. */
static gsize
measure_printed_string (const char *at)
{
  const char *p = at + 1;

  p += strcspn (p, "\"\\");
  while (*p == '\\')
    {
      p += 2;
      p += strcspn (p, "\"\\");
    }
  return (gsize) (p + 1 - at);
}

/* json-glib 1.6 writes 1e+57 as “1e+57.0”, which nobody can read: drops “.0” behind an exponent. */
static void
repair_numbers (char *json)
{
  gboolean in_exponent = FALSE;
  char *out = json;

  for (const char *p = json; *p != '\0';)
    {
      gsize length = 1;

      if (in_exponent && g_str_has_prefix (p, ".0"))
        {
          p += 2;
          continue;
        }
      if (*p == '"')
        length = measure_printed_string (p);
      else if (!g_ascii_isdigit (*p) && *p != '+' && *p != '-')
        in_exponent = *p == 'e' && g_ascii_isdigit (p[-1]);
      memmove (out, p, length);
      out += length;
      p += length;
    }
  *out = '\0';
}

/* json-glib writes UTF-8, but some clients take every byte for a character (protocol/dps.md §1.4). */
static GBytes *
escape_to_ascii (const char *json)
{
  GString *ascii = g_string_sized_new (strlen (json));

  for (const char *p = json; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar character = g_utf8_get_char (p);

      if (character < 0x80)
        g_string_append_c (ascii, (char) character);
      else if (character < 0x10000)
        g_string_append_printf (ascii, "\\u%04x", character);
      else
        g_string_append_printf (ascii, "\\u%04x\\u%04x", 0xd800 + ((character - 0x10000) >> 10), 0xdc00 + (character & 0x3ff));
    }
  return g_string_free_to_bytes (ascii);
}

GBytes *
brevet_wire_print (JsonNode *node)
{
  g_autoptr(JsonGenerator) generator = json_generator_new ();
  g_autofree char *json = NULL;
  g_autofree char *valid = NULL;

  json_generator_set_root (generator, node);
  json = json_generator_to_data (generator, NULL);
  repair_numbers (json);
  if (g_str_is_ascii (json))
    {
      gsize length = strlen (json);

      return g_bytes_new_take (g_steal_pointer (&json), length);
    }
  valid = g_utf8_make_valid (json, -1);
  return escape_to_ascii (valid);
}

GBytes *
brevet_wire_print_object (JsonObject *object)
{
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_set_object (node, object);
  return brevet_wire_print (node);
}
