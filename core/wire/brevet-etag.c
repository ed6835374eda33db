/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-etag.h"

#include <string.h>

#define MAXIMUM_SIZE 256

static gboolean
is_wrapping (char character)
{
  /* A backslash is there when a tag was copied with its escapes out of JSON text. */
  return character == '"' || character == '\\' || g_ascii_isspace (character);
}

char *
brevet_etag_normalise (const char *text)
{
  const char *end = text + strlen (text);

  while (g_ascii_isspace (*text))
    text++;
  if (g_str_has_prefix (text, "W/"))
    text += 2;
  while (is_wrapping (*text))
    text++;
  while (end > text && is_wrapping (end[-1]))
    end--;
  return g_strndup (text, (gsize) (end - text));
}

gboolean
brevet_etag_is_sendable (const char *etag)
{
  gsize length = 0;

  while (g_ascii_isgraph (etag[length]) && etag[length] != '"' && length <= MAXIMUM_SIZE)
    length++;
  return etag[length] == '\0' && length >= 1 && length <= MAXIMUM_SIZE;
}

char *
brevet_etag_quote (const char *etag)
{
  return g_strconcat ("\"", etag, "\"", NULL);
}

char *
brevet_etag_encode (const char *etag)
{
  g_autofree char *quoted = brevet_etag_quote (etag);

  return g_base64_encode ((const guchar *) quoted, strlen (quoted));
}

/* A comma inside of quotes belongs to the tag. */
static const char *
find_end (const char *tag)
{
  const char *quote = g_str_has_prefix (tag, "W/") ? tag + 2 : tag;
  const char *end = *quote == '"' ? strchr (quote + 1, '"') : NULL;

  return end != NULL ? end + 1 : tag + strcspn (tag, ",");
}

gboolean
brevet_etag_is_listed (const char *list, const char *etag)
{
  const char *tag = list + strspn (list, ", \t");

  while (*tag != '\0')
    {
      const char *end = find_end (tag);
      g_autofree char *written = g_strndup (tag, (gsize) (end - tag));
      g_autofree char *bare = brevet_etag_normalise (written);

      if (g_str_equal (g_strchomp (written), "*") || g_str_equal (bare, etag))
        return TRUE;
      tag = end + strspn (end, ", \t");
    }
  return FALSE;
}
