/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-identifier.h"
#include "brevet-route.h"

#include <string.h>

/* A client that builds the path of a device from what was read gets to the same device. */
static void
assert_same_device (const BrevetRoute *route)
{
  g_autofree char *path = brevet_route_build_registration_path (route->id_scope, route->id, NULL);
  guint status = 0;
  g_autoptr(BrevetRoute) again = brevet_route_parse ("POST", path, "api-version=2019-03-31", &status, NULL);

  g_assert_nonnull (again);
  g_assert_cmpint (again->kind, ==, BREVET_ROUTE_REGISTRATION);
  g_assert_cmpstr (again->id_scope, ==, route->id_scope);
  g_assert_cmpstr (again->id, ==, route->id);
}

/* The input is the request line: METHOD PATH[?QUERY]. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *line = g_strndup ((const char *) data, size);
  g_autoptr(BrevetRoute) route = NULL;
  g_autoptr(GError) error = NULL;
  char *path = strchr (line, ' ');
  char *query = NULL;
  guint status = 0;

  if (path == NULL)
    return 0;
  *path++ = '\0';
  query = strchr (path, '?');
  if (query != NULL)
    *query++ = '\0';

  route = brevet_route_parse (line, path, query, &status, &error);
  if (route == NULL)
    {
      g_assert_true (status == 400 || status == 404 || status == 405);
      g_assert_nonnull (error);
      return 0;
    }
  g_assert_no_error (error);
  g_assert_true (route->api_version != NULL || brevet_route_is_public (route));
  if (brevet_route_is_device_api (route))
    assert_same_device (route);
  return 0;
}
