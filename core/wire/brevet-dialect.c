/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-dialect.h"

#include "brevet-wire-private.h"

#include <string.h>

#define DATE_LENGTH 10

static gboolean
is_date (const char *text)
{
  static const char shape[] = "dddd-dd-dd";

  for (gsize i = 0; shape[i] != '\0'; i++)
    if (shape[i] == 'd' ? !g_ascii_isdigit (text[i]) : text[i] != shape[i])
      return FALSE;
  return TRUE;
}

/* Versions that are newer than those known here hold what the last known one holds. */
static BrevetDialect
find_dialect (const char *api_version)
{
  if (g_ascii_strcasecmp (api_version, BREVET_API_VERSION_PREVIEW) == 0)
    return BREVET_DIALECT_2021_11_01_PREVIEW;
  if (strncmp (api_version, BREVET_API_VERSION_2025_PREVIEW, DATE_LENGTH) >= 0)
    return BREVET_DIALECT_2025_07_01_PREVIEW;
  return BREVET_DIALECT_STABLE;
}

gboolean
brevet_dialect_parse (const char *api_version, BrevetDialect *dialect, GError **error)
{
  g_autofree char *excerpt = NULL;

  *dialect = BREVET_DIALECT_STABLE;
  if (api_version == NULL || *api_version == '\0')
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                           "The query parameter api-version is missing; add for example api-version=" BREVET_API_VERSION_PREVIEW);
      return FALSE;
    }
  if (is_date (api_version) &&
      (api_version[DATE_LENGTH] == '\0' || g_ascii_strcasecmp (api_version + DATE_LENGTH, "-preview") == 0))
    {
      *dialect = find_dialect (api_version);
      return TRUE;
    }

  excerpt = brevet_wire_excerpt (api_version);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
               "The api-version “%s” is malformed; it is a date with or without -preview, such as " BREVET_API_VERSION_PREVIEW,
               excerpt);
  return FALSE;
}
