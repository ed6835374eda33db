/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-memory.h"

#include <string.h>

#define KEY_SIZE 32

/* Clocks of two instances of the service never agree quite. */
#define CLOCK_SKEW_MAX 300

struct _BrevetTpmMemory
{
  char      *fingerprint;       /* of the endorsement key */
  GPtrArray *roots;             /* storage root keys in base64, the latest first */
  GPtrArray *keys;              /* BrevetSecret, the latest first */
  GArray    *times;             /* gint64: when each key was made */
  gint64     now;
  gboolean   changed;
};

static void
add_key (BrevetTpmMemory *self, BrevetSecret *key, gint64 created)
{
  g_ptr_array_add (self->keys, key);
  g_array_append_val (self->times, created);
}

static const char *
get_text (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
           ? json_node_get_string (node)
           : NULL;
}

static void
load_key (JsonArray *array, guint index, JsonNode *node, gpointer user_data)
{
  BrevetTpmMemory *self = user_data;
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *text = object != NULL ? get_text (object, "key") : NULL;
  gint64 created = object != NULL ? json_object_get_int_member_with_default (object, "created", 0) : 0;
  gint64 age = self->now - created;
  BrevetSecret *key;
  gsize length;

  if (text == NULL || age >= BREVET_TPM_KEY_LIFE || age < -CLOCK_SKEW_MAX)
    return;
  key = brevet_secret_new_from_base64 (text, NULL);
  if (key == NULL)
    return;
  brevet_secret_get_data (key, &length);
  if (length == KEY_SIZE)
    add_key (self, key, created);
  else
    brevet_secret_unref (key);
}

static void
load_root (JsonArray *array, guint index, JsonNode *node, gpointer user_data)
{
  BrevetTpmMemory *self = user_data;

  if (self->roots->len < BREVET_TPM_ROOTS_MAX && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    g_ptr_array_add (self->roots, g_strdup (json_node_get_string (node)));
}

static void
load_each (BrevetTpmMemory *self, JsonObject *stored, const char *member, JsonArrayForeach load)
{
  JsonNode *node = json_object_get_member (stored, member);

  if (node != NULL && JSON_NODE_HOLDS_ARRAY (node))
    json_array_foreach_element (json_node_get_array (node), load, self);
}

BrevetTpmMemory *
brevet_tpm_memory_new (JsonObject *stored, const char *endorsement_key, gint64 now)
{
  BrevetTpmMemory *self = g_new0 (BrevetTpmMemory, 1);

  self->fingerprint = g_compute_checksum_for_string (G_CHECKSUM_SHA256, endorsement_key, -1);
  self->roots = g_ptr_array_new_with_free_func (g_free);
  self->keys = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_secret_unref);
  self->times = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->now = now;
  if (stored == NULL || g_strcmp0 (get_text (stored, "endorsementKeySha256"), self->fingerprint) != 0)
    return self;
  load_each (self, stored, "storageRootKeys", load_root);
  load_each (self, stored, "keys", load_key);
  return self;
}

void
brevet_tpm_memory_free (BrevetTpmMemory *self)
{
  if (self == NULL)
    return;
  g_free (self->fingerprint);
  g_ptr_array_unref (self->roots);
  g_ptr_array_unref (self->keys);
  g_array_unref (self->times);
  g_free (self);
}

gboolean
brevet_tpm_memory_has_keys (BrevetTpmMemory *self)
{
  return self->keys->len > 0;
}

static gboolean
is_fresh (BrevetTpmMemory *self)
{
  return self->times->len > 0 && self->now - g_array_index (self->times, gint64, 0) < BREVET_TPM_KEY_REUSE;
}

/* The oldest gives way when there is a new identity key, and not before: so it takes long to push out that of the device. */
static void
remember_root (BrevetTpmMemory *self, const char *storage_root_key, gboolean displaces)
{
  guint index;

  if (g_ptr_array_find_with_equal_func (self->roots, storage_root_key, g_str_equal, &index))
    {
      if (!displaces)
        return;
      g_ptr_array_remove_index (self->roots, index);
    }
  else if (self->roots->len == BREVET_TPM_ROOTS_MAX)
    {
      if (!displaces)
        return;
      g_ptr_array_set_size (self->roots, BREVET_TPM_ROOTS_MAX - 1);
    }
  g_ptr_array_insert (self->roots, 0, g_strdup (storage_root_key));
  self->changed = TRUE;
}

BrevetSecret *
brevet_tpm_memory_challenge (BrevetTpmMemory *self, const char *storage_root_key)
{
  gboolean needs_key = !is_fresh (self);

  remember_root (self, storage_root_key, needs_key);
  if (needs_key)
    {
      g_ptr_array_insert (self->keys, 0, brevet_secret_new_random (KEY_SIZE));
      g_array_prepend_val (self->times, self->now);
    }
  return brevet_sas_derive_key (g_ptr_array_index (self->keys, 0), storage_root_key);
}

static gboolean
is_signed_for (BrevetTpmMemory *self, const BrevetSasToken *token, const char *storage_root_key)
{
  for (guint i = 0; i < self->keys->len; i++)
    {
      g_autoptr(BrevetSecret) key = brevet_sas_derive_key (g_ptr_array_index (self->keys, i), storage_root_key);

      if (brevet_sas_token_verify (token, key))
        return TRUE;
    }
  return FALSE;
}

const char *
brevet_tpm_memory_find_signer (BrevetTpmMemory *self, const BrevetSasToken *token, const char *storage_root_key)
{
  if (storage_root_key != NULL && is_signed_for (self, token, storage_root_key))
    return storage_root_key;
  for (guint i = 0; i < self->roots->len; i++)
    if (is_signed_for (self, token, g_ptr_array_index (self->roots, i)))
      return g_ptr_array_index (self->roots, i);
  return NULL;
}

static JsonArray *
roots_to_json (BrevetTpmMemory *self)
{
  JsonArray *roots = json_array_new ();

  for (guint i = 0; i < self->roots->len; i++)
    json_array_add_string_element (roots, g_ptr_array_index (self->roots, i));
  return roots;
}

static JsonArray *
keys_to_json (BrevetTpmMemory *self)
{
  JsonArray *keys = json_array_new ();

  for (guint i = 0; i < self->keys->len; i++)
    {
      JsonObject *object = json_object_new ();
      char *text = brevet_secret_to_base64 (g_ptr_array_index (self->keys, i));

      json_object_set_string_member (object, "key", text);
      json_object_set_int_member (object, "created", g_array_index (self->times, gint64, i));
      json_array_add_object_element (keys, object);
      brevet_secret_free_text (text);
    }
  return keys;
}

JsonObject *
brevet_tpm_memory_to_json (BrevetTpmMemory *self)
{
  JsonObject *object;

  if (!self->changed)
    return NULL;
  object = json_object_new ();
  json_object_set_string_member (object, "endorsementKeySha256", self->fingerprint);
  json_object_set_array_member (object, "storageRootKeys", roots_to_json (self));
  json_object_set_array_member (object, "keys", keys_to_json (self));
  return object;
}
