/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record-json.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-wire-json.h"

void
brevet_record_prefix_error (BrevetRecord *record, GError **error)
{
  if (error == NULL || *error == NULL)
    return;
  (*error)->domain = BREVET_ERROR;
  (*error)->code = BREVET_ERROR_CORRUPT;
  g_prefix_error (error, "The record “%s” of %s is damaged: ", brevet_record_get_key (record),
                  brevet_record_get_collection (record));
}

JsonObject *
brevet_record_json_parse (BrevetRecord *record, GError **error)
{
  g_autoptr(GError) cause = NULL;
  JsonObject *object = brevet_wire_parse_object (brevet_record_get_body (record), "the stored record", &cause);

  if (object == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, cause->message);
      brevet_record_prefix_error (record, error);
    }
  return object;
}

const char *
brevet_record_json_get_string (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

gboolean
brevet_record_json_require (JsonObject *object, BrevetRecord *record, GError **error, ...)
{
  const char *member;
  gboolean complete = TRUE;
  va_list members;

  va_start (members, error);
  while (complete && (member = va_arg (members, const char *)) != NULL)
    {
      complete = brevet_record_json_get_string (object, member) != NULL;
      if (!complete)
        g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “%s” is missing", member);
    }
  va_end (members);
  if (!complete)
    brevet_record_prefix_error (record, error);
  return complete;
}

static gboolean
holds (JsonObject *object, const char *member, GType type)
{
  JsonNode *node = json_object_get_member (object, member);

  return node == NULL || JSON_NODE_HOLDS_NULL (node) ||
         (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type);
}

gboolean
brevet_record_json_expect (JsonObject *object, BrevetRecord *record, GType type, GError **error, ...)
{
  const char *member;
  gboolean fits = TRUE;
  va_list members;

  va_start (members, error);
  while (fits && (member = va_arg (members, const char *)) != NULL)
    {
      fits = holds (object, member, type);
      if (!fits)
        g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “%s” is of the wrong type", member);
    }
  va_end (members);
  if (!fits)
    brevet_record_prefix_error (record, error);
  return fits;
}

gboolean
brevet_record_json_expect_base64 (JsonObject *object, BrevetRecord *record, GError **error, const char *member)
{
  const char *text = brevet_record_json_get_string (object, member);
  gsize length = 0;
  g_autofree guchar *data = text != NULL ? g_base64_decode (text, &length) : NULL;
  g_autofree char *again = data != NULL ? g_base64_encode (data, length) : NULL;

  /* GLib's decoder passes over what is not base64. */
  if (length > 0 && g_str_equal (text, again))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “%s” is not base64", member);
  brevet_record_prefix_error (record, error);
  return FALSE;
}

char *
brevet_record_json_dup_string (JsonObject *object, const char *member)
{
  return g_strdup (brevet_record_json_get_string (object, member));
}

void
brevet_record_json_set_string (JsonObject *object, const char *member, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, member, value);
}

GBytes *
brevet_record_json_dup_base64 (JsonObject *object, const char *member)
{
  const char *text = brevet_record_json_get_string (object, member);
  guchar *data;
  gsize length;

  if (text == NULL)
    return NULL;
  data = g_base64_decode (text, &length);
  return g_bytes_new_take (data, length);
}

void
brevet_record_json_set_base64 (JsonObject *object, const char *member, gconstpointer data, gsize length)
{
  g_autofree char *text = g_base64_encode (data, length);

  json_object_set_string_member (object, member, text);
}

const char *
brevet_record_json_put (BrevetBatch *batch, const char *collection, const char *id, const char *parent, JsonObject *object,
                        const char *condition)
{
  g_autofree char *key = brevet_identifier_fold (id);
  g_autofree char *parent_key = parent != NULL ? brevet_identifier_fold (parent) : NULL;
  g_autoptr(GBytes) body = brevet_wire_print_object (object);

  return brevet_batch_put (batch, collection, key, parent_key, body, condition);
}
