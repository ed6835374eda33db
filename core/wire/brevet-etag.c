/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-etag.h"

#include <string.h>

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
