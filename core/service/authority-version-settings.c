/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A version of a CA and the settings of its plugin: strings by key, secrets as objects with the one member `sealed`. */

#include "authority-versions.h"

#include "brevet-clock.h"
#include "brevet-error.h"

#include <string.h>

#define SEALED "sealed"

static char *
make_place (const BrevetCaVersion *version, const char *key)
{
  g_autofree char *record = brevet_records_ca_version_key (version->name, version->identity);

  return g_strdup_printf ("%s/%s/%s", BREVET_COLLECTION_CA_VERSIONS, record, key);
}

static JsonNode *
make_sealed_node (const char *sealed)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  json_object_set_string_member (object, SEALED, sealed);
  json_node_take_object (node, object);
  return node;
}

/* Returns NULL for a setting that is not sealed. */
static const char *
peek_sealed (JsonNode *node)
{
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return NULL;
  return json_object_get_string_member_with_default (json_node_get_object (node), SEALED, "");
}

/* A CA can be asked as long as it is configured, also where its secret cannot be kept for later. */
static char *
seal_or_leave_out (const BrevetCaVersion *version, const char *key, const char *value, BrevetSecretSeal *seal)
{
  g_autofree char *place = make_place (version, key);
  g_autoptr(BrevetSecret) secret = brevet_secret_new (value, strlen (value));
  g_autoptr(GError) error = NULL;
  char *sealed = brevet_secret_seal_close (seal, place, secret, &error);

  if (sealed != NULL)
    return sealed;
  g_warning ("The setting %s of the certificate authority “%s” is not kept for the time after another CA has taken its place: %s",
             key, version->name, error->message);
  return g_strdup ("");
}

static void
add_setting (BrevetCaVersion *version, BrevetSettings *settings, const char *key, BrevetSecretSeal *seal)
{
  const char *value = brevet_settings_peek (settings, key);
  g_autofree char *sealed = NULL;

  if (!brevet_settings_is_secret (settings, key) || *value == '\0')
    {
      json_object_set_string_member (version->settings, key, value);
      return;
    }
  sealed = seal_or_leave_out (version, key, value, seal);
  json_object_set_member (version->settings, key, make_sealed_node (sealed));
}

BrevetCaVersion *
brevet_authority_version_new (const char *name, const char *module, BrevetCaBackend *backend, BrevetSecretSeal *seal)
{
  BrevetSettings *settings = brevet_plugin_get_settings (BREVET_PLUGIN (backend));
  BrevetCaVersion *version = g_new0 (BrevetCaVersion, 1);
  g_autoptr(GPtrArray) keys = brevet_settings_list_keys (settings);

  version->name = g_strdup (name);
  version->identity = brevet_ca_backend_dup_identity (backend);
  version->module = g_strdup (module);
  version->base_directory = g_strdup (brevet_settings_get_base_directory (settings));
  version->since = brevet_clock_now_seconds ();
  version->settings = json_object_new ();
  for (guint i = 0; i < keys->len; i++)
    add_setting (version, settings, g_ptr_array_index (keys, i), seal);
  return version;
}

static gboolean
open_setting (const BrevetCaVersion *version, BrevetSettings *settings, const char *key, JsonNode *node, BrevetSecretSeal *seal,
              GError **error)
{
  static const char origin[] = "what is kept of the certificate authority";
  const char *sealed = peek_sealed (node);
  g_autofree char *place = sealed != NULL ? make_place (version, key) : NULL;
  g_autoptr(BrevetSecret) secret = NULL;

  if (sealed == NULL)
    {
      const char *text = json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : "";

      brevet_settings_set (settings, key, text, origin);
      return TRUE;
    }
  if (*sealed == '\0')
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The setting %s was not kept, as it could not be sealed", key);
      return FALSE;
    }
  secret = brevet_secret_seal_open (seal, place, sealed, error);
  if (secret != NULL)
    brevet_settings_set (settings, key, (const char *) brevet_secret_get_data (secret, NULL), origin);
  return secret != NULL;
}

BrevetSettings *
brevet_authority_version_open (const BrevetCaVersion *version, BrevetSecretSeal *seal, GError **error)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", version->name, version->base_directory);
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;

  json_object_iter_init (&iter, version->settings);
  while (json_object_iter_next (&iter, &key, &node))
    if (!open_setting (version, settings, key, node, seal, error))
      return NULL;
  return g_steal_pointer (&settings);
}

static char *
seal_anew (const BrevetCaVersion *version, const char *key, const char *sealed, BrevetSecretSeal *seal)
{
  g_autofree char *place = make_place (version, key);
  g_autoptr(BrevetSecret) secret = brevet_secret_seal_open (seal, place, sealed, NULL);

  return secret != NULL ? brevet_secret_seal_close (seal, place, secret, NULL) : NULL;
}

gboolean
brevet_authority_version_seal (BrevetCaVersion *version, BrevetSecretSeal *seal)
{
  g_autoptr(GList) keys = json_object_get_members (version->settings);
  gboolean is_changed = FALSE;

  for (GList *item = keys; item != NULL; item = item->next)
    {
      g_autofree char *key = g_strdup (item->data);
      const char *sealed = peek_sealed (json_object_get_member (version->settings, key));
      g_autofree char *again = NULL;

      if (sealed == NULL || *sealed == '\0' || brevet_secret_seal_is_current (seal, sealed))
        continue;
      again = seal_anew (version, key, sealed, seal);
      if (again != NULL)
        json_object_set_member (version->settings, key, make_sealed_node (again));
      is_changed = is_changed || again != NULL;
    }
  return is_changed;
}

gboolean
brevet_authority_version_is_sealed (const BrevetCaVersion *version, BrevetSecretSeal *seal, gboolean *lost)
{
  gboolean is_sealed = FALSE;
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;

  *lost = FALSE;
  json_object_iter_init (&iter, version->settings);
  while (json_object_iter_next (&iter, &key, &node))
    {
      const char *sealed = peek_sealed (node);

      if (sealed == NULL || *sealed == '\0')
        continue;
      is_sealed = TRUE;
      *lost = *lost || !brevet_secret_seal_can_open (seal, sealed);
    }
  return is_sealed;
}
