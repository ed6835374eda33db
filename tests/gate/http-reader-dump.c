/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http-reader-dump FILE...: what our reader makes of each file, one line of JSON for each, to be compared with other parsers:
 * {"file":..,"accepted":bool,"status":..,"requests":[{"method":..,"target":..,"headers":[[name,value]..],"body":base64}..]} */
#include "http-reader.h"

#include <json-glib/json-glib.h>

static void
add_pair (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_begin_array (builder);
  json_builder_add_string_value (builder, name);
  json_builder_add_string_value (builder, value);
  json_builder_end_array (builder);
}

static void
add_request (JsonBuilder *builder, HttpReader *reader)
{
  g_autofree char *target = reader->query == NULL ? g_strdup (reader->path) : g_strconcat (reader->path, "?", reader->query, NULL);
  g_autofree char *body = reader->body == NULL ? g_strdup ("") : g_base64_encode (reader->body->data, reader->body->len);

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "method");
  json_builder_add_string_value (builder, reader->method);
  json_builder_set_member_name (builder, "target");
  json_builder_add_string_value (builder, target);
  json_builder_set_member_name (builder, "headers");
  json_builder_begin_array (builder);
  for (guint i = 0; i < reader->fields->len; i++)
    {
      HttpReaderField *field = &g_array_index (reader->fields, HttpReaderField, i);

      add_pair (builder, field->name, field->value);
    }
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "body");
  json_builder_add_string_value (builder, body);
  json_builder_end_object (builder);
}

/* Returns: TRUE if @data is a whole number of good requests */
static gboolean
read_all (JsonBuilder *builder, HttpReader *reader, const guint8 *data, gsize length)
{
  gsize used = 0;

  while (used < length && reader->phase != HTTP_READER_FAILED)
    {
      used += http_reader_feed (reader, data + used, length - used);
      if (reader->phase == HTTP_READER_ADMISSION)
        http_reader_read_body (reader, 64 * 1024);
      if (reader->phase != HTTP_READER_COMPLETE)
        continue;
      add_request (builder, reader);
      http_reader_reset (reader);
    }
  return reader->phase == HTTP_READER_HEAD && reader->head->len == 0;
}

static void
dump (const char *path)
{
  g_autoptr(JsonBuilder) builder = json_builder_new ();
  g_autoptr(JsonNode) root = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *data = NULL, *name = g_path_get_basename (path), *text = NULL;
  HttpReader reader;
  gboolean accepted;
  gsize length;

  if (!g_file_get_contents (path, &data, &length, &error))
    g_error ("%s", error->message);

  http_reader_init (&reader, 16 * 1024);
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "requests");
  json_builder_begin_array (builder);
  accepted = read_all (builder, &reader, (const guint8 *) data, length);
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "file");
  json_builder_add_string_value (builder, name);
  json_builder_set_member_name (builder, "accepted");
  json_builder_add_boolean_value (builder, accepted);
  json_builder_set_member_name (builder, "status");
  json_builder_add_int_value (builder, reader.status);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  g_print ("%s\n", text);
  http_reader_clear (&reader);
}

int
main (int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    dump (argv[i]);
  return 0;
}
