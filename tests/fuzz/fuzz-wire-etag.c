/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-etag.h"

#include <string.h>

/* The input is the value of an If-None-Match header. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *list = g_strndup ((const char *) data, size);
  g_autofree char *longer = g_strconcat (list, ",W/\"0a01\"", NULL);
  g_autofree char *first = g_strconcat ("\"0a01\",", list, NULL);
  g_autofree char *bare = brevet_etag_normalise (list);
  gboolean listed = brevet_etag_is_listed (list, "0a01");

  g_assert_true (brevet_etag_is_listed (first, "0a01"));
  /* A quote that was never closed swallows what comes behind it. */
  if (listed || strchr (list, '"') == NULL)
    g_assert_true (brevet_etag_is_listed (longer, "0a01"));
  g_assert_cmpuint (strlen (bare), <=, strlen (list));
  if (brevet_etag_is_sendable (bare))
    g_assert_null (strpbrk (bare, " \t\r\n\""));
  return 0;
}
