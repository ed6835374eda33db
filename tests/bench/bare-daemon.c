/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A daemon that owns the name given to it on the session bus and does nothing else: what GLib and D-Bus cost by themselves. */

#include <gio/gio.h>

int
main (int argc, char **argv)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);

  if (argc != 2)
    return 2;
  g_bus_own_name (G_BUS_TYPE_SESSION, argv[1], G_BUS_NAME_OWNER_FLAGS_NONE, NULL, NULL, NULL, NULL, NULL);
  g_main_loop_run (loop);
  return 0;
}
