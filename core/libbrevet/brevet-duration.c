/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-duration.h"

#include <string.h>

typedef struct {
  const char *name;
  gint64 seconds;
} Unit;

/* The largest first, and the name that is written first of those that mean the same. */
static const Unit units[] = {
  { "y", 365 * 86400 }, { "w", 7 * 86400 }, { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "m", 60 }, { "s", 1 },
};

static const Unit *
find_unit (const char *name, gsize length)
{
  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    if (strlen (units[i].name) == length && strncmp (units[i].name, name, length) == 0)
      return &units[i];
  return NULL;
}

static const char *
skip_space (const char *at)
{
  while (g_ascii_isspace (*at))
    at++;
  return at;
}

/* Reads one number and its unit; NULL if there is none. */
static const char *
parse_part (const char *at, gint64 *seconds, gboolean *bare)
{
  const char *word = NULL;
  const Unit *unit = NULL;
  char *end = NULL;
  guint64 number = 0;
  guint64 product = 0;

  if (!g_ascii_isdigit (*at))
    return NULL;
  number = g_ascii_strtoull (at, &end, 10);
  word = skip_space (end);
  for (at = word; g_ascii_isalpha (*at); at++)
    ;
  *bare = at == word;
  unit = *bare ? find_unit ("s", 1) : find_unit (word, at - word);
  if (unit == NULL || !g_uint64_checked_mul (&product, number, (guint64) unit->seconds) || product > G_MAXINT64)
    return NULL;
  *seconds = (gint64) product;
  return skip_space (at);
}

gboolean
brevet_duration_parse (const char *text, gint64 *seconds)
{
  const char *at = NULL;
  gint64 total = 0;
  guint parts = 0;
  gboolean any_bare = FALSE;

  g_return_val_if_fail (text != NULL && seconds != NULL, FALSE);

  at = skip_space (text);
  do
    {
      gboolean bare = FALSE;
      gint64 part = 0;

      at = parse_part (at, &part, &bare);
      if (at == NULL || part > G_MAXINT64 - total)
        return FALSE;
      total += part;
      any_bare |= bare;
      parts++;
    }
  while (*at != '\0');

  /* “1 30” and “1h 30” say too little to be guessed at. */
  if (any_bare && parts > 1)
    return FALSE;
  *seconds = total;
  return TRUE;
}

char *
brevet_duration_format (gint64 seconds)
{
  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    if (seconds != 0 && seconds % units[i].seconds == 0)
      return g_strdup_printf ("%" G_GINT64_FORMAT "%s", seconds / units[i].seconds, units[i].name);
  return g_strdup ("0s");
}
