/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "admin-json.h"

#include "brevet-wire-json.h"

const char *
brevet_admin_json_get_text (JsonObject *object, const char *member)
{
  const char *text = NULL;

  return object != NULL && brevet_wire_get_string (object, member, &text, NULL) ? text : NULL;
}

JsonObject *
brevet_admin_json_get_object (JsonObject *object, const char *member)
{
  JsonObject *value = NULL;

  return object != NULL && brevet_wire_get_object (object, member, &value, NULL) ? value : NULL;
}

JsonArray *
brevet_admin_json_get_array (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

gint64
brevet_admin_json_get_number (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node)
                                                                                                         : 0;
}

gint64
brevet_admin_json_get_time (JsonObject *object, const char *member)
{
  const char *text = brevet_admin_json_get_text (object, member);
  g_autoptr(GDateTime) time = text != NULL ? g_date_time_new_from_iso8601 (text, NULL) : NULL;

  return time != NULL ? g_date_time_to_unix (time) : 0;
}

JsonObject *
brevet_admin_json_get_entry (JsonArray *array, guint index)
{
  JsonNode *node = json_array_get_element (array, index);

  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

const char *
brevet_admin_json_get_entry_text (JsonArray *array, guint index)
{
  JsonNode *node = json_array_get_element (array, index);

  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

guint
brevet_admin_json_length (JsonArray *array)
{
  return array != NULL ? json_array_get_length (array) : 0;
}
