/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-index.h"

#include "brevet-error.h"
#include "brevet-file-entry.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define FORMAT_VERSION 1
#define MAXIMUM_DEPTH 8
#define SHA256_DIGITS 64
#define MAXIMUM_COLLECTION_SIZE 64
#define MAXIMUM_KEY_SIZE 512

static gpointer
fail (GError **error, const char *what)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "The index is damaged: %s", what);
  return NULL;
}

static void
add_field (GString *fields, const char *text)
{
  g_string_append_len (fields, text != NULL ? text : "", text != NULL ? strlen (text) + 1 : 1);
}

/* The hash over what the index says, so that a flipped bit in a name or a date is noticed, which would still be good JSON. */
static char *
compute_digest (BrevetFileIndex *self)
{
  g_autoptr(GPtrArray) entries = brevet_file_index_list_all (self);
  g_autoptr(GString) fields = g_string_new (NULL);

  g_string_append_printf (fields, "%d %" G_GUINT64_FORMAT, FORMAT_VERSION, brevet_file_index_get_generation (self));
  for (guint i = 0; i < entries->len; i++)
    {
      BrevetFileEntry *entry = g_ptr_array_index (entries, i);

      add_field (fields, entry->collection);
      add_field (fields, entry->key);
      add_field (fields, entry->parent);
      add_field (fields, entry->etag);
      add_field (fields, entry->sha256);
      g_string_append_printf (fields, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " ", entry->created,
                              entry->updated, entry->size);
    }
  return brevet_file_entry_sha256 (fields->str, fields->len);
}

static void
add_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_integer (JsonBuilder *builder, const char *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

static void
add_entry (JsonBuilder *builder, const BrevetFileEntry *entry)
{
  json_builder_begin_object (builder);
  add_string (builder, "collection", entry->collection);
  add_string (builder, "key", entry->key);
  if (entry->parent != NULL)
    add_string (builder, "parent", entry->parent);
  add_string (builder, "etag", entry->etag);
  add_integer (builder, "created", entry->created);
  add_integer (builder, "updated", entry->updated);
  add_string (builder, "file", entry->file);
  add_string (builder, "sha256", entry->sha256);
  add_integer (builder, "size", entry->size);
  json_builder_end_object (builder);
}

char *
brevet_file_index_print (BrevetFileIndex *self, gsize *length)
{
  g_autoptr(GPtrArray) entries = brevet_file_index_list_all (self);
  g_autoptr(JsonBuilder) builder = json_builder_new ();
  g_autoptr(JsonGenerator) generator = json_generator_new ();
  g_autoptr(JsonNode) root = NULL;
  g_autofree char *digest = compute_digest (self);

  json_builder_begin_object (builder);
  add_integer (builder, "format", FORMAT_VERSION);
  add_integer (builder, "generation", (gint64) brevet_file_index_get_generation (self));
  json_builder_set_member_name (builder, "records");
  json_builder_begin_array (builder);
  for (guint i = 0; i < entries->len; i++)
    add_entry (builder, g_ptr_array_index (entries, i));
  json_builder_end_array (builder);
  add_string (builder, "digest", digest);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  return json_generator_to_data (generator, length);
}

/* json-glib descends once per level, so a text of nothing but brackets would exhaust the stack. */
static gboolean
is_shallow (const char *text, gsize length)
{
  gboolean quoted = FALSE;
  gsize depth = 0;

  for (gsize i = 0; i < length; i++)
    if (quoted && text[i] == '\\')
      i++;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && (text[i] == '[' || text[i] == '{') && ++depth > MAXIMUM_DEPTH)
      return FALSE;
    else if (!quoted && (text[i] == ']' || text[i] == '}') && depth > 0)
      depth--;
  return TRUE;
}

static const char *
get_string (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static gboolean
get_integer (JsonObject *object, const char *name, gint64 *value)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_INT64)
    return FALSE;
  *value = json_node_get_int (node);
  return TRUE;
}

static gboolean
is_made_of (const char *text, const char *characters, gsize minimum, gsize maximum)
{
  gsize length = text != NULL ? strspn (text, characters) : 0;

  return length >= minimum && length <= maximum && text[length] == '\0';
}

static gboolean
is_key (const char *text)
{
  return text != NULL && *text != '\0' && strlen (text) <= MAXIMUM_KEY_SIZE && g_utf8_validate (text, -1, NULL);
}

static BrevetFileEntry *
parse_entry (JsonNode *node, GError **error)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  g_autoptr(BrevetFileEntry) entry = NULL;
  const char *collection, *key, *parent, *etag, *sha256;
  gint64 created, updated, size;

  if (object == NULL || !get_integer (object, "created", &created) || !get_integer (object, "updated", &updated) ||
      !get_integer (object, "size", &size) || size < 0)
    return fail (error, "a record has no times or size");
  collection = get_string (object, "collection");
  key = get_string (object, "key");
  parent = get_string (object, "parent");
  etag = get_string (object, "etag");
  sha256 = get_string (object, "sha256");
  if (!is_made_of (collection, "abcdefghijklmnopqrstuvwxyz0123456789-", 1, MAXIMUM_COLLECTION_SIZE) || !is_key (key))
    return fail (error, "a record has no collection or no key");
  if ((parent == NULL ? json_object_has_member (object, "parent") : !is_key (parent)) || etag == NULL || *etag == '\0' ||
      !is_made_of (sha256, "0123456789abcdef", SHA256_DIGITS, SHA256_DIGITS))
    return fail (error, "a record has a wrong parent, no version or no hash");
  entry = brevet_file_entry_new (collection, key, parent, etag, created, updated, sha256, size);
  /* The name follows from the key, so an index cannot point at anything outside of its generation. */
  if (g_strcmp0 (get_string (object, "file"), entry->file) != 0)
    return fail (error, "a record has a file that does not belong to its key");
  return g_steal_pointer (&entry);
}

static gboolean
parse_records (JsonArray *records, BrevetFileIndex *index, GError **error)
{
  for (guint i = 0; i < json_array_get_length (records); i++)
    {
      BrevetFileEntry *entry = parse_entry (json_array_get_element (records, i), error);

      if (entry == NULL)
        return FALSE;
      if (brevet_file_index_lookup (index, entry->collection, entry->key) != NULL)
        {
          brevet_file_entry_unref (entry);
          fail (error, "a record occurs twice");
          return FALSE;
        }
      brevet_file_index_put (index, entry);
    }
  return TRUE;
}

static BrevetFileIndex *
parse_root (JsonObject *root, GError **error)
{
  JsonNode *records = json_object_get_member (root, "records");
  g_autoptr(BrevetFileIndex) index = NULL;
  g_autofree char *digest = NULL;
  gint64 format, generation;

  if (!get_integer (root, "format", &format) || format < 1)
    return fail (error, "it does not say its format");
  if (format > FORMAT_VERSION)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The index has format %" G_GINT64_FORMAT ", this brevet knows format %d at most; install a newer brevet", format,
                   FORMAT_VERSION);
      return NULL;
    }
  if (!get_integer (root, "generation", &generation) || generation < 1 || records == NULL || !JSON_NODE_HOLDS_ARRAY (records))
    return fail (error, "it has no generation or no records");
  index = brevet_file_index_new ((guint64) generation);
  if (!parse_records (json_node_get_array (records), index, error))
    return NULL;
  digest = compute_digest (index);
  if (g_strcmp0 (get_string (root, "digest"), digest) != 0)
    return fail (error, "its content has another hash than it says");
  return g_steal_pointer (&index);
}

BrevetFileIndex *
brevet_file_index_parse (const char *text, gsize length, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new_immutable ();
  JsonNode *root;

  /* An empty text is no error for json-glib, and leaves the parser without a root. */
  if (length == 0 || !g_utf8_validate_len (text, length, NULL) || !is_shallow (text, length) ||
      !json_parser_load_from_data (parser, text, (gssize) length, NULL))
    return fail (error, "it is no JSON");
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return fail (error, "it is no JSON object");
  return parse_root (json_node_get_object (root), error);
}
