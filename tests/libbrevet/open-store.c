/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opens the store whose module is given as the argument, and prints what it says. */
#include <brevet.h>

int
main (int argc, char **argv)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetPlugin) plugin = NULL;
  g_autoptr(GError) error = NULL;

  plugin = brevet_registry_create (registry, BREVET_TYPE_STORE, argv[1], "state", NULL, &error);
  if (plugin != NULL && brevet_store_open (BREVET_STORE (plugin), &error))
    g_print ("open\n");
  else
    g_print ("%s\n", error->message);
  return 0;
}
