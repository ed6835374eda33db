/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-handles.h"

#include "brevet-error.h"
#include "brevet-text-file.h"
#include "brevet-tpm-device.h"

#include <json-glib/json-glib.h>

/* {"endorsementKey": {"handle": "0x81010001", "keys": [{"name": "000b…", "use": "…"}, …]}, …}: the latest key first. */
#define LARGEST_FILE 65536
#define KEYS_REMEMBERED 2

struct _BrevetTpmHandles
{
  char *path;
  JsonObject *root;
};

char *
brevet_tpm_name_to_text (const TPM2B_NAME *name)
{
  GString *text = g_string_sized_new (2 * (gsize) name->size);

  for (guint i = 0; i < name->size; i++)
    g_string_append_printf (text, "%02x", name->name[i]);
  return g_string_free (text, FALSE);
}

static JsonObject *
load (const char *path, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new ();
  g_autofree char *text = NULL;
  gsize length = 0;
  JsonNode *node;

  text = brevet_text_file_read (path, LARGEST_FILE, &length, error);
  if (text == NULL || !json_parser_load_from_data (parser, text, (gssize) length, error))
    return NULL;
  node = json_parser_get_root (parser);
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    return json_object_ref (json_node_get_object (node));
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "It holds no JSON object");
  return NULL;
}

BrevetTpmHandles *
brevet_tpm_handles_load (const char *path)
{
  BrevetTpmHandles *self = g_new0 (BrevetTpmHandles, 1);
  g_autoptr(GError) error = NULL;

  self->path = g_strdup (path);
  if (path != NULL && g_file_test (path, G_FILE_TEST_EXISTS))
    self->root = load (path, &error);
  if (error != NULL)
    g_warning ("What is remembered of the TPM's keys in %s cannot be read, so they are looked for: %s", path, error->message);
  if (self->root == NULL)
    self->root = json_object_new ();
  return self;
}

void
brevet_tpm_handles_free (BrevetTpmHandles *self)
{
  json_object_unref (self->root);
  g_free (self->path);
  g_free (self);
}

/* Somebody may have edited the file: what is not as it should be is like nothing. */

static JsonObject *
find_record (BrevetTpmHandles *self, const char *key)
{
  JsonNode *node = json_object_get_member (self->root, key);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static const char *
get_text (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static JsonObject *
find_key (BrevetTpmHandles *self, const char *key, guint number)
{
  JsonObject *record = find_record (self, key);
  JsonNode *node = record != NULL ? json_object_get_member (record, "keys") : NULL;
  JsonArray *keys = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (keys == NULL || number >= json_array_get_length (keys))
    return NULL;
  node = json_array_get_element (keys, number);
  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

gboolean
brevet_tpm_handles_get (BrevetTpmHandles *self, const char *key, TPM2_HANDLE *handle)
{
  JsonObject *record = find_record (self, key);
  const char *text = record != NULL ? get_text (record, "handle") : NULL;
  guint64 number;

  if (text == NULL || !g_str_has_prefix (text, "0x") ||
      !g_ascii_string_to_unsigned (text + 2, 16, BREVET_TPM_PERSISTENT_FIRST, BREVET_TPM_PERSISTENT_LAST, &number, NULL))
    return FALSE;
  *handle = (TPM2_HANDLE) number;
  return TRUE;
}

const char *
brevet_tpm_handles_get_name (BrevetTpmHandles *self, const char *key)
{
  JsonObject *latest = find_key (self, key, 0);

  return latest != NULL ? get_text (latest, "name") : NULL;
}

const char *
brevet_tpm_handles_get_use (BrevetTpmHandles *self, const char *key, const TPM2B_NAME *name)
{
  g_autofree char *text = brevet_tpm_name_to_text (name);

  for (guint i = 0; i < KEYS_REMEMBERED; i++)
    {
      JsonObject *known = find_key (self, key, i);

      if (known != NULL && g_strcmp0 (get_text (known, "name"), text) == 0)
        return get_text (known, "use");
    }
  return NULL;
}

static void
save (BrevetTpmHandles *self)
{
  g_autoptr(JsonNode) node = json_node_init_object (json_node_alloc (), self->root);
  g_autofree char *text = json_to_string (node, TRUE);
  g_autoptr(GError) error = NULL;

  if (self->path != NULL &&
      !g_file_set_contents_full (self->path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, &error))
    g_warning ("Where the TPM's keys are cannot be remembered, so they are looked for each time: %s", error->message);
}

static JsonArray *
make_keys (BrevetTpmHandles *self, const char *key, const char *name, const char *use)
{
  JsonArray *keys = json_array_new ();
  JsonObject *latest = json_object_new ();

  json_object_set_string_member (latest, "name", name);
  json_object_set_string_member (latest, "use", use);
  json_array_add_object_element (keys, latest);
  for (guint i = 0; i < KEYS_REMEMBERED && json_array_get_length (keys) < KEYS_REMEMBERED; i++)
    {
      JsonObject *known = find_key (self, key, i);

      if (known != NULL && g_strcmp0 (get_text (known, "name"), name) != 0)
        json_array_add_object_element (keys, json_object_ref (known));
    }
  return keys;
}

void
brevet_tpm_handles_remember (BrevetTpmHandles *self, const char *key, TPM2_HANDLE handle, const TPM2B_NAME *name, const char *use)
{
  g_autofree char *text = brevet_tpm_name_to_text (name);
  g_autofree char *place = g_strdup_printf ("0x%08x", handle);
  JsonObject *record;
  TPM2_HANDLE known = 0;

  if (brevet_tpm_handles_get (self, key, &known) && known == handle &&
      g_strcmp0 (brevet_tpm_handles_get_name (self, key), text) == 0 &&
      g_strcmp0 (brevet_tpm_handles_get_use (self, key, name), use) == 0)
    return;
  record = json_object_new ();
  json_object_set_string_member (record, "handle", place);
  json_object_set_array_member (record, "keys", make_keys (self, key, text, use));
  json_object_set_object_member (self->root, key, record);
  save (self);
}
