/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an operator brings from the service: who has which trust bundle, and who uses which CA. The statuses of the service API are
 * looked for at any depth, because one answer may hold several of them. */

#include "ceremony-census.h"

#include "brevet-error.h"
#include "brevet-json.h"

#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK          65536
#define LONGEST_CENSUS (64 * 1024 * 1024)

typedef struct {
  const char *name;    /* of the CA; what is said of others does not count */
  const char *root;    /* SHA-256 */
  guint bundles;
  guint authorities;
  gint64 without_root; /* devices whose bundle has no such root, or that have none */
  gint64 not_moved;    /* devices with a certificate of an earlier version */
  gint64 unreadable;   /* records that may speak for any number of devices */
} Count;

static gint64
get_number (JsonObject *object, const char *member)
{
  return json_object_get_int_member_with_default (object, member, 0);
}

static JsonArray *
get_array (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static JsonObject *
get_entry (JsonArray *array, guint index)
{
  JsonNode *node = json_array_get_element (array, index);

  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static gboolean
holds_root (JsonObject *version, const char *root)
{
  JsonArray *certificates = get_array (version, "certificates");

  for (guint i = 0; certificates != NULL && i < json_array_get_length (certificates); i++)
    {
      JsonObject *certificate = get_entry (certificates, i);

      if (certificate != NULL &&
          g_strcmp0 (json_object_get_string_member_with_default (certificate, "sha256", NULL), root) == 0)
        return TRUE;
    }
  return FALSE;
}

/* A bundle that does not follow the CA is no way to its roots. */
static gboolean
follows (JsonObject *bundle, const char *name)
{
  JsonArray *names = get_array (bundle, "certificateAuthorities");

  for (guint i = 0; names != NULL && i < json_array_get_length (names); i++)
    if (g_ascii_strcasecmp (json_array_get_string_element (names, i), name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
is_named (JsonObject *authority, const char *name)
{
  return g_ascii_strcasecmp (json_object_get_string_member_with_default (authority, "name", ""), name) == 0;
}

static void
count_bundle (Count *count, JsonObject *bundle, JsonArray *versions)
{
  count->bundles++;
  count->unreadable = MAX (count->unreadable, get_number (bundle, "unreadableRecords"));
  count->without_root += get_number (bundle, "devicesWithout");
  for (guint i = 0; i < json_array_get_length (versions); i++)
    {
      JsonObject *version = get_entry (versions, i);

      if (version != NULL && (count->root == NULL || !holds_root (version, count->root)))
        count->without_root += get_number (version, "devices");
    }
}

static void
count_authority (Count *count, JsonObject *authority, JsonArray *earlier)
{
  count->authorities++;
  count->unreadable = MAX (count->unreadable, get_number (authority, "unreadableRecords"));
  for (guint i = 0; i < json_array_get_length (earlier); i++)
    {
      JsonObject *version = get_entry (earlier, i);

      if (version != NULL)
        count->not_moved += get_number (version, "devices") + get_number (version, "devicesToCome") +
                            get_number (version, "issuancesUnderWay");
    }
}

static void walk (Count *count, JsonNode *node);

static void
walk_object (Count *count, JsonObject *object)
{
  g_autoptr(GList) members = json_object_get_values (object);
  JsonArray *versions = get_array (object, "versions");
  JsonArray *earlier = get_array (object, "earlierVersions");

  if (versions != NULL && json_object_has_member (object, "devicesWithout") && follows (object, count->name))
    count_bundle (count, object, versions);
  else if (earlier != NULL && is_named (object, count->name))
    count_authority (count, object, earlier);
  for (GList *member = members; member != NULL; member = member->next)
    walk (count, member->data);
}

static void
walk (Count *count, JsonNode *node)
{
  JsonArray *array;

  if (JSON_NODE_HOLDS_OBJECT (node))
    walk_object (count, json_node_get_object (node));
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return;
  array = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (array); i++)
    walk (count, json_array_get_element (array, i));
}

static GInputStream *
open_census (const char *path, GError **error)
{
  g_autoptr(GFile) file = NULL;

  if (strcmp (path, "-") == 0)
    return g_unix_input_stream_new (STDIN_FILENO, FALSE);
  file = g_file_new_for_path (path);
  return (GInputStream *) g_file_read (file, NULL, error);
}

/* As a member of an object: what is read as one cannot do any harm by how it is nested or written. */
static GBytes *
read_census (const char *path, GError **error)
{
  g_autoptr(GInputStream) input = open_census (path, error);
  g_autoptr(GByteArray) text = g_byte_array_new ();
  g_autoptr(GBytes) chunk = NULL;

  g_byte_array_append (text, (const guint8 *) "{\"census\":", strlen ("{\"census\":"));
  while (input != NULL && (chunk == NULL || g_bytes_get_size (chunk) > 0))
    {
      g_clear_pointer (&chunk, g_bytes_unref);
      chunk = g_input_stream_read_bytes (input, CHUNK, NULL, error);
      if (chunk == NULL)
        return NULL;
      g_byte_array_append (text, g_bytes_get_data (chunk, NULL), (guint) g_bytes_get_size (chunk));
      if (text->len <= LONGEST_CENSUS)
        continue;
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” is longer than %d bytes; is it the right file?", path,
                   LONGEST_CENSUS);
      return NULL;
    }
  g_byte_array_append (text, (const guint8 *) "}", 1);
  return input != NULL ? g_byte_array_free_to_bytes (g_steal_pointer (&text)) : NULL;
}

static gboolean
take (Count *count, const char *path, GError **error)
{
  g_autoptr(GError) cause = NULL;
  g_autoptr(GBytes) text = read_census (path, &cause);
  g_autoptr(JsonObject) object = text != NULL ? brevet_json_read_object (text, &cause) : NULL;

  if (object != NULL)
    {
      walk (count, json_object_get_member (object, "census"));
      return TRUE;
    }
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "--census: “%s” cannot be used: %s; nothing was changed", path,
               cause->message);
  return FALSE;
}

static gboolean
refuse_lack (const char *path, const char *what, const char *name, GError **error)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "--census: “%s” says nothing of %s “%s”; nothing was "
                                                                 "changed", path,
               what, name);
  return FALSE;
}

/* Fewer than there are were counted, perhaps. */
static gboolean
check_unreadable (const Count *count, GError **error)
{
  if (count->unreadable == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
               "%" G_GINT64_FORMAT " records of the service cannot be read, so nobody knows which devices they count for; "
               "“brevet-dps store check” lists them; nothing was changed", count->unreadable);
  return FALSE;
}

gboolean
brevet_ceremony_census_has_moved (const char *path, const char *name, GError **error)
{
  Count count = { .name = name };

  if (!take (&count, path, error))
    return FALSE;
  if (count.authorities == 0)
    return refuse_lack (path, "the CA", name, error);
  if (count.not_moved == 0)
    return check_unreadable (&count, error);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
               "%" G_GINT64_FORMAT " devices still have certificates of what the CA was before; nothing was changed",
               count.not_moved);
  return FALSE;
}

gboolean
brevet_ceremony_census_has_bundle (const char *path, const char *name, BrevetCertificate *root, GError **error)
{
  Count count = { .name = name, .root = brevet_certificate_get_sha256 (root) };

  if (!take (&count, path, error))
    return FALSE;
  if (count.bundles == 0)
    return refuse_lack (path, "a trust bundle that follows the CA", name, error);
  if (count.without_root == 0)
    return check_unreadable (&count, error);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
               "%" G_GINT64_FORMAT " devices have no trust bundle with the root “%s” yet; nothing was changed", count.without_root,
               brevet_certificate_get_subject (root));
  return FALSE;
}
