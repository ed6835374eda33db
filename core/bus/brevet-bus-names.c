/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-bus-names.h"

#include "brevet-error.h"

char *
brevet_bus_identity_path (const char *name)
{
  g_autoptr(GString) path = g_string_new (BREVET_BUS_IDENTITIES_PATH "/");

  for (const char *c = name; *c != '\0'; c++)
    {
      if (g_ascii_isalnum (*c))
        g_string_append_c (path, *c);
      else
        g_string_append_printf (path, "_%02x", (guchar) *c);
    }
  return g_string_free (g_steal_pointer (&path), FALSE);
}

gboolean
brevet_bus_type_from_string (const char *text, GBusType *type, GError **error)
{
  if (g_str_equal (text, "system"))
    *type = G_BUS_TYPE_SYSTEM;
  else if (g_str_equal (text, "session"))
    *type = G_BUS_TYPE_SESSION;
  else
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "“%s” is not a bus; write system or session", text);
      return FALSE;
    }
  return TRUE;
}
