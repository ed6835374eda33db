/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process of its own with one HTTPS listener, the handler of test-handler.h and the protocols of test-echo.h, to be attacked.
 * test-server FILE: FILE holds [listener test]. Writes `port NUMBER` once it listens, `reloaded` or `not reloaded: WHY` after each
 * SIGHUP, ends on SIGTERM; or writes `failed: WHY` and ends with 1. */
#include "test-echo.h"
#include "test-handler.h"

#include "brevet-config.h"
#include "brevet-listener.h"
#include "brevet-log.h"
#include "brevet-registry.h"

#include <glib-unix.h>

typedef struct
{
  BrevetListener *listener;
  GMainLoop      *loop;
} Server;

static void
say (const char *text, const char *detail)
{
  g_print ("%s%s\n", text, detail);
}

static gboolean
on_hangup (gpointer data)
{
  Server *server = data;
  g_autoptr(GError) error = NULL;

  if (brevet_listener_reload (server->listener, &error))
    say ("reloaded", "");
  else
    say ("not reloaded: ", error->message);
  return G_SOURCE_CONTINUE;
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer data)
{
  Server *server = data;

  brevet_listener_stop_finish (BREVET_LISTENER (source), result, NULL);
  g_main_loop_quit (server->loop);
}

static gboolean
on_terminate (gpointer data)
{
  Server *server = data;

  say ("stopping", "");
  brevet_listener_stop_async (server->listener, NULL, on_stopped, server);
  return G_SOURCE_REMOVE;
}

static BrevetListener *
start (BrevetRegistry *registry, const char *path, GError **error)
{
  g_autoptr(BrevetConfig) config = brevet_config_load (path, error);
  g_autoptr(BrevetPlugin) plugin = NULL;
  g_autoptr(TestHandler) handler = test_handler_new ();
  BrevetSettings *settings;

  if (config == NULL)
    return NULL;
  settings = brevet_config_ensure_group (config, "listener", "test");
  plugin = brevet_registry_create (registry, BREVET_TYPE_LISTENER, "transport-https", "test", settings, error);
  if (plugin == NULL || !brevet_listener_start (BREVET_LISTENER (plugin), BREVET_HANDLER (handler), error))
    return NULL;
  return BREVET_LISTENER (g_steal_pointer (&plugin));
}

int
main (int argc, char **argv)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(BrevetListener) listener = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *port = NULL;
  Server server = { .loop = loop };

  brevet_log_init ("test-server", FALSE);
  test_echo_register ();
  listener = start (registry, argv[1], &error);
  if (listener == NULL)
    {
      say ("failed: ", error->message);
      return 1;
    }

  server.listener = listener;
  g_unix_signal_add (SIGHUP, on_hangup, &server);
  g_unix_signal_add (SIGTERM, on_terminate, &server);
  port = g_strdup_printf ("%u", brevet_listener_get_port (listener));
  say ("port ", port);
  g_main_loop_run (loop);
  return 0;
}
