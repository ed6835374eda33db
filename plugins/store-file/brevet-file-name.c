/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-name.h"

#include <gnutls/crypto.h>
#include <string.h>

/* File systems allow 255 bytes; this leaves room for what other programs append to a name. */
#define MAXIMUM_NAME_SIZE 200
#define SHA256_SIZE 32

static gboolean
is_plain (char c)
{
  return g_ascii_isalnum (c) || c == '.' || c == '_' || c == '-';
}

char *
brevet_file_name_for_key (const char *key)
{
  g_autoptr(GString) name = g_string_new (NULL);
  g_autofree char *hash = NULL;

  for (const char *at = key; *at != '\0'; at++)
    if (is_plain (*at) && (*at != '.' || at != key))
      g_string_append_c (name, *at);
    else
      g_string_append_printf (name, "%%%02X", (guint8) *at);
  if (name->len <= MAXIMUM_NAME_SIZE)
    return g_string_free (g_steal_pointer (&name), FALSE);
  hash = brevet_file_name_sha256 (key, strlen (key));
  return g_strconcat ("%sha256-", hash, NULL);
}

/* GChecksum would leave a copy of the last bytes in memory, which may be those of a private key. */
char *
brevet_file_name_sha256 (gconstpointer data, gsize length)
{
  guint8 digest[SHA256_SIZE];
  GString *text = g_string_sized_new (2 * SHA256_SIZE);

  if (gnutls_hash_fast (GNUTLS_DIG_SHA256, length > 0 ? data : "", length, digest) < 0)
    g_error ("GnuTLS cannot compute SHA-256 on this system");
  for (guint i = 0; i < SHA256_SIZE; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  return g_string_free (text, FALSE);
}
