/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-token-private.h"

#include <string.h>

#define SCHEME "pkcs11:"

/* RFC 7512: attributes of the path name what is meant and are separated by semicolons; those behind the question mark say how to
 * get at it and are separated by ampersands. */
static char **
split_path (const char *uri)
{
  const char *path = uri + strlen (SCHEME);
  g_autofree char *text = g_strndup (path, strcspn (path, "?"));

  return g_strsplit (text, ";", -1);
}

static char **
split_query (const char *uri)
{
  const char *query = strchr (uri, '?');

  return g_strsplit (query != NULL ? query + 1 : "", "&", -1);
}

static const char *
get_value (const char *part, const char *attribute)
{
  gsize length = strlen (attribute);

  return strncmp (part, attribute, length) == 0 && part[length] == '=' ? part + length + 1 : NULL;
}

static const char *
find_value (char **parts, const char *attribute)
{
  const char *value = NULL;

  for (gsize i = 0; value == NULL && parts[i] != NULL; i++)
    value = get_value (parts[i], attribute);
  return value;
}

static void
free_parts (char **parts)
{
  for (gsize i = 0; parts[i] != NULL; i++)
    brevet_secret_free_text (parts[i]);
  g_free (parts);
}

static gboolean
is_of_object (const char *part)
{
  return get_value (part, "object") != NULL || get_value (part, "id") != NULL || get_value (part, "type") != NULL ||
         get_value (part, "object-type") != NULL;
}

/* Does the URI say which object of a token is meant? */
gboolean
brevet_token_uri_names_object (const char *uri)
{
  g_auto(GStrv) parts = split_path (uri);

  return find_value (parts, "object") != NULL || find_value (parts, "id") != NULL;
}

/* A word of the path that RFC 7512 does not know, which then matches nothing; NULL if there is none. */
char *
brevet_token_uri_find_unknown (const char *uri)
{
  static const char *const known[] = { "token", "manufacturer", "serial", "model", "library-manufacturer", "library-version",
                                       "library-description", "object", "type", "id", "slot-manufacturer", "slot-description",
                                       "slot-id", "object-type", NULL };
  g_auto(GStrv) parts = split_path (uri);

  for (gsize i = 0; parts[i] != NULL; i++)
    {
      g_autofree char *name = g_strndup (parts[i], strcspn (parts[i], "="));

      if (*parts[i] != '\0' && !g_strv_contains (known, name) && !g_str_has_prefix (name, "x-"))
        return g_steal_pointer (&name);
    }
  return NULL;
}

static gboolean
is_attribute_of_token (const char *part)
{
  static const char *const attributes[] = {
    "token", "serial", "manufacturer", "model", "library-manufacturer", "library-description", "library-version", "slot-id",
    "slot-description", "slot-manufacturer", NULL,
  };
  const char *value = NULL;

  for (gsize i = 0; value == NULL && attributes[i] != NULL; i++)
    value = get_value (part, attributes[i]);
  return value != NULL && *value != '\0' && strpbrk (value, " \t\"<>#") == NULL;
}

gboolean
brevet_token_check_uri (const char *token_uri, GError **error)
{
  g_auto(GStrv) parts = NULL;

  g_return_val_if_fail (token_uri != NULL, FALSE);

  if (!brevet_token_is_uri (token_uri))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                           "The place of a token is a PKCS#11 URI; write for example pkcs11:token=devices");
      return FALSE;
    }
  parts = split_path (token_uri);
  for (gsize i = 0; parts[i] != NULL; i++)
    {
      if (is_of_object (parts[i]))
        g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                             "The PKCS#11 URI shall name a token, and not an object in it; leave out object, id and type");
      else if (!is_attribute_of_token (parts[i]))
        g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                     "“%s” is no part of a PKCS#11 URI that names a token; write for example pkcs11:token=devices, and %%20 for a "
                     "blank", parts[i]);
      else
        continue;
      return FALSE;
    }
  if (find_value (parts, "token") != NULL || find_value (parts, "serial") != NULL)
    return TRUE;
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                       "The PKCS#11 URI names no token; write for example pkcs11:token=devices");
  return FALSE;
}

/* An attribute of the path, decoded; NULL if it is absent. */
char *
brevet_token_uri_get (const char *uri, const char *attribute)
{
  g_auto(GStrv) parts = split_path (uri);
  const char *value = find_value (parts, attribute);

  return value != NULL ? g_uri_unescape_string (value, NULL) : NULL;
}

/* An attribute behind the question mark, decoded; NULL if it is absent. */
char *
brevet_token_uri_get_query (const char *uri, const char *attribute)
{
  char **parts = split_query (uri);
  const char *value = find_value (parts, attribute);
  char *text = value != NULL ? g_uri_unescape_string (value, NULL) : NULL;

  free_parts (parts);
  return text;
}

gboolean
brevet_token_uri_has_pin (const char *uri)
{
  char **parts = split_query (uri);
  gboolean has = find_value (parts, "pin-value") != NULL || find_value (parts, "pin-source") != NULL;

  free_parts (parts);
  return has;
}

static void
append (GString *text, char first, char separator, gsize *count, const char *part)
{
  if (*part == '\0')
    return;
  if ((*count)++ > 0)
    g_string_append_c (text, separator);
  else if (first != '\0')
    g_string_append_c (text, first);
  g_string_append (text, part);
}

static void
append_query (GString *text, const char *uri, BrevetSecret *pin, gboolean keep_pin)
{
  char **parts = split_query (uri);
  gsize count = 0;

  for (gsize i = 0; parts[i] != NULL; i++)
    {
      gboolean is_value = get_value (parts[i], "pin-value") != NULL;
      gboolean is_pin = is_value || get_value (parts[i], "pin-source") != NULL;

      if (is_pin && pin != NULL)
        continue;
      if (!is_value || keep_pin)
        append (text, '?', '&', &count, parts[i]);
    }
  free_parts (parts);
  if (pin != NULL)
    {
      gsize length;
      const guint8 *data = brevet_secret_get_data (pin, &length);
      char *escaped = g_uri_escape_bytes (data, length, NULL);

      append (text, '?', '&', &count, "pin-value=");
      g_string_append (text, escaped);
      brevet_secret_free_text (escaped);
    }
}

/*
 * brevet_token_uri_build:
 * @uri: what to begin with
 * @label: (nullable): object that the new URI shall name; %NULL names none
 * @type: (nullable): its type
 * @pin: (nullable): PIN to put in, in the place of any other
 * @keep_pin: whether a PIN that stands in @uri itself stays
 *
 * Returns: (transfer full): a URI of the same token
 */
char *
brevet_token_uri_build (const char *uri, const char *label, const char *type, BrevetSecret *pin, gboolean keep_pin)
{
  g_auto(GStrv) parts = split_path (uri);
  /* Long enough that no copy of the PIN stays behind in memory that was outgrown. */
  GString *text = g_string_sized_new (strlen (uri) + 4096);
  gsize count = 0;

  g_string_append (text, SCHEME);
  for (gsize i = 0; parts[i] != NULL; i++)
    if (!is_of_object (parts[i]))
      append (text, '\0', ';', &count, parts[i]);
  if (label != NULL)
    {
      g_autofree char *escaped = g_uri_escape_string (label, NULL, FALSE);
      g_autofree char *part = g_strconcat ("object=", escaped, NULL);

      append (text, '\0', ';', &count, part);
    }
  if (type != NULL)
    {
      g_autofree char *part = g_strconcat ("type=", type, NULL);

      append (text, '\0', ';', &count, part);
    }
  append_query (text, uri, pin, keep_pin);
  return g_string_free (text, FALSE);
}

/*
 * brevet_token_uri_with_pin:
 *
 * Returns: (transfer full): a URI of the same object
 */
char *
brevet_token_uri_with_pin (const char *uri, BrevetSecret *pin)
{
  GString *text = g_string_sized_new (strlen (uri) + 4096);

  g_string_append_len (text, uri, strcspn (uri, "?"));
  append_query (text, uri, pin, TRUE);
  return g_string_free (text, FALSE);
}

/* The same object, and nothing of a PIN. */
char *
brevet_token_uri_without_pin (const char *uri)
{
  char **parts = split_query (uri);
  GString *text = g_string_new_len (uri, strcspn (uri, "?"));
  gsize count = 0;

  for (gsize i = 0; parts[i] != NULL; i++)
    if (get_value (parts[i], "pin-value") == NULL && get_value (parts[i], "pin-source") == NULL)
      append (text, '?', '&', &count, parts[i]);
  free_parts (parts);
  return g_string_free (text, FALSE);
}

/* Path of the file that pin-source names; NULL if it names none. */
char *
brevet_token_uri_get_pin_file (const char *uri)
{
  g_autofree char *source = brevet_token_uri_get_query (uri, "pin-source");
  const char *path = source;

  if (source == NULL)
    return NULL;
  if (g_str_has_prefix (path, "file:"))
    path += strlen ("file:");
  while (g_str_has_prefix (path, "//"))
    path++;
  return g_strdup (path);
}

/*
 * brevet_token_uri_find_pin:
 * @pin: (nullable): what was given beside the URI, and counts more
 *
 * Reads the file of pin-source as all files with secrets are read: a line end at its end does not count, as it would for p11-kit.
 *
 * Returns: (transfer full) (nullable): the PIN
 */
BrevetSecret *
brevet_token_uri_find_pin (const char *uri, BrevetSecret *pin)
{
  g_autofree char *path = NULL;
  BrevetSecret *found;
  char *value;

  if (pin != NULL)
    return brevet_secret_ref (pin);
  path = brevet_token_uri_get_pin_file (uri);
  value = brevet_token_uri_get_query (uri, "pin-value");
  if (value != NULL)
    found = brevet_secret_new (value, strlen (value));
  else
    found = path != NULL ? brevet_secret_new_from_file (path, NULL) : NULL;
  g_clear_pointer (&value, brevet_secret_free_text);
  return found;
}
