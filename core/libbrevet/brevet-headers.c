/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-headers-private.h"

#include "brevet-secret.h"

typedef struct {
  char *name;
  char *value;
} Header;

/* Headers hold tokens, so their values are wiped. */
static void
header_clear (gpointer data)
{
  Header *header = data;

  g_free (header->name);
  brevet_secret_free_text (header->value);
}

GArray *
brevet_headers_new (void)
{
  GArray *headers = g_array_new (FALSE, FALSE, sizeof (Header));

  g_array_set_clear_func (headers, header_clear);
  return headers;
}

/* A message has a dozen fields at most: a walk is faster than a hash table, and keeps their order. */
static Header *
find_header (GArray *headers, const char *name)
{
  for (guint i = 0; i < headers->len; i++)
    {
      Header *header = &g_array_index (headers, Header, i);

      if (g_ascii_strcasecmp (header->name, name) == 0)
        return header;
    }
  return NULL;
}

const char *
brevet_headers_get (GArray *headers, const char *name)
{
  Header *header = find_header (headers, name);

  return header != NULL ? header->value : NULL;
}

void
brevet_headers_set (GArray *headers, const char *name, const char *value)
{
  Header *header = find_header (headers, name);
  char *copy = g_strdup (value);

  if (header != NULL && copy != NULL)
    {
      brevet_secret_free_text (header->value);
      header->value = copy;
    }
  else if (header != NULL)
    g_array_remove_index (headers, header - &g_array_index (headers, Header, 0));
  else if (copy != NULL)
    {
      Header fresh = { g_ascii_strdown (name, -1), copy };

      g_array_append_val (headers, fresh);
    }
}

void
brevet_headers_foreach (GArray *headers, BrevetHeaderFunc callback, gpointer user_data)
{
  for (guint i = 0; i < headers->len; i++)
    {
      const Header *header = &g_array_index (headers, Header, i);

      callback (header->name, header->value, user_data);
    }
}
