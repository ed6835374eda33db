/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "brevet-command.h"
#include "brevet-config.h"
#include "brevet-error.h"
#include "brevet-log.h"
#include "brevet-manager.h"
#include "brevet-pkcs11.h"
#include "service.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct {
  GMainLoop *loop;
  BrevetService *service;
  char *config_path;
  gboolean serving;
  gboolean reload_wanted; /* while it starts: what has changed since it read the configuration is read afterwards */
  gboolean stopping;
} Run;

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *run = user_data;

  brevet_service_stop_finish (run->service, result);
  g_main_loop_quit (run->loop);
}

/* Impatience sends a second signal, and often another one than the first. */
static void
begin_stopping (Run *run)
{
  if (run->stopping)
    return;
  run->stopping = TRUE;
  brevet_manager_notify ("STOPPING=1");
  brevet_manager_set_status ("Answering what is in flight, then stopping");
  brevet_service_stop_async (run->service, on_stopped, run);
}

static gboolean
on_terminate (gpointer user_data)
{
  begin_stopping (user_data);
  return G_SOURCE_CONTINUE;
}

static void
show_listeners (BrevetService *service)
{
  GPtrArray *listeners = brevet_service_get_listeners (service);
  g_autoptr(GString) text = g_string_new ("Listening:");

  for (guint i = 0; i < listeners->len; i++)
    {
      BrevetListener *listener = g_ptr_array_index (listeners, i);

      g_string_append_printf (text, "%s %s on port %u", i > 0 ? "," : "", brevet_plugin_get_name (BREVET_PLUGIN (listener)),
                              brevet_listener_get_port (listener));
    }
  brevet_manager_set_status ("%s", text->str);
}

static gboolean
is_open (BrevetService *service, const char *name)
{
  GPtrArray *listeners = brevet_service_get_listeners (service);

  for (guint i = 0; i < listeners->len; i++)
    if (strcmp (brevet_plugin_get_name (g_ptr_array_index (listeners, i)), name) == 0)
      return TRUE;
  return FALSE;
}

/* Whoever adds a listener and reloads would otherwise wonder why nobody answers there. */
static void
report_closed (BrevetService *service, BrevetConfig *config)
{
  g_autoptr(GPtrArray) groups = brevet_config_list_groups (config, "listener");

  for (guint i = 0; i < groups->len; i++)
    {
      const char *name = brevet_settings_get_name (g_ptr_array_index (groups, i));
      g_autofree char *message = NULL;

      if (is_open (service, name))
        continue;
      message = g_strdup_printf ("[listener %s] is new; it is opened when the service starts the next time, so restart it", name);
      brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CONFIGURATION_PROBLEM, message, NULL);
    }
}

static void
reload (Run *run)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_load (run->config_path, &error);
  g_autofree char *message = NULL;

  if (config != NULL && brevet_pkcs11_configure (config, &error) && brevet_service_reload (run->service, config, &error))
    {
      brevet_service_report_unused (config);
      report_closed (run->service, config);
      brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_SERVICE_RELOADED, "Reloaded the configuration", NULL);
      show_listeners (run->service);
      return;
    }
  message = g_strdup_printf ("The configuration was not reloaded, nothing has changed: %s", error->message);
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CONFIGURATION_PROBLEM, message, NULL);
  brevet_manager_set_status ("%s", message);
}

/* A service that stops may still reload, for the sake of what is in flight, but must not say that it is ready again. */
static gboolean
on_reload (gpointer user_data)
{
  Run *run = user_data;

  run->reload_wanted = !run->serving;
  if (run->reload_wanted)
    return G_SOURCE_CONTINUE;
  if (!run->stopping)
    brevet_manager_notify_reloading ();
  reload (run);
  if (!run->stopping)
    brevet_manager_notify ("READY=1");
  return G_SOURCE_CONTINUE;
}

static gboolean
write_ready_file (BrevetService *service, const char *path, GError **error)
{
  GPtrArray *listeners = brevet_service_get_listeners (service);
  g_autoptr(GString) text = g_string_new (NULL);

  for (guint i = 0; i < listeners->len; i++)
    {
      BrevetListener *listener = g_ptr_array_index (listeners, i);

      g_string_append_printf (text, "%s=%u\n", brevet_plugin_get_name (BREVET_PLUGIN (listener)),
                              brevet_listener_get_port (listener));
    }
  return path == NULL || g_file_set_contents (path, text->str, text->len, error);
}

static void
announce (BrevetService *service)
{
  GPtrArray *listeners = brevet_service_get_listeners (service);

  for (guint i = 0; i < listeners->len; i++)
    {
      BrevetListener *listener = g_ptr_array_index (listeners, i);

      g_print (_("Ready: listener %s on port %u\n"), brevet_plugin_get_name (BREVET_PLUGIN (listener)),
               brevet_listener_get_port (listener));
    }
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_SERVICE_STARTED, "The provisioning service is ready", "BREVET_VERSION",
                    BREVET_VERSION, NULL);
  show_listeners (service);
  brevet_manager_notify ("READY=1");
}

/* Every connection is a descriptor. The soft limit is low for the sake of programs that use select(), which this one does not. */
static void
raise_file_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
    return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit (RLIMIT_NOFILE, &limit) < 0)
    g_warning ("The limit of open files stays as it is: %s", g_strerror (errno));
}

static void
serve (Run *run)
{
  guint sources[] = {
    g_unix_signal_add (SIGTERM, on_terminate, run),
    g_unix_signal_add (SIGINT, on_terminate, run),
  };
  guint watchdog;

  announce (run->service);
  run->serving = TRUE;
  if (run->reload_wanted)
    on_reload (run);
  watchdog = brevet_manager_start_watchdog ();
  g_main_loop_run (run->loop);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  g_clear_handle_id (&watchdog, g_source_remove);
}

static int
run_service (Run *run, const char *ready_file)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_load (run->config_path, &error);

  /* Before anything uses TLS, which may be what loads PKCS#11 modules. */
  if (config != NULL && brevet_pkcs11_configure (config, &error))
    run->service = brevet_service_new (config, &error);
  if (run->service == NULL)
    return brevet_command_fail (error);
  brevet_service_report_unused (config);
  if (!brevet_service_start (run->service, &error) || !write_ready_file (run->service, ready_file, &error))
    {
      /* One of several listeners may be open already, with workers that must end before it does. */
      begin_stopping (run);
      g_main_loop_run (run->loop);
      return brevet_command_fail (error);
    }
  serve (run);
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_SERVICE_STOPPED, "The provisioning service has stopped", NULL);
  return BREVET_EXIT_OK;
}

int
brevet_dps_command_run (int argc, char **argv)
{
  g_autofree char *config_path = NULL;
  g_autofree char *ready_file = NULL;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path, N_("Configuration file; its drop-ins are in FILE.d"), N_("FILE") },
    { "ready-file", 0, 0, G_OPTION_ARG_FILENAME, &ready_file,
      N_("Write a line LISTENER=PORT for each listener to FILE once the service is ready"), N_("FILE") },
    { NULL },
  };
  g_autofree char *description =
    g_strdup_printf (_("Runs in the foreground until SIGTERM or SIGINT; SIGHUP reloads configuration and certificates.\n"
                       "Without --config, %s is read.\n"
                       "\n"
                       "Exit codes: 0 stopped cleanly, 1 failed, 2 wrong command line, 3 an address is in use,\n"
                       "4 another process uses the store, 5 the configuration is wrong"), BREVET_DPS_DEFAULT_CONFIGURATION);
  Run run = { 0 };
  int exit_code = BREVET_EXIT_OK;
  guint reloading;

  if (!brevet_command_parse ("run", NULL, entries, description, 0, 0, &argc, &argv, &exit_code))
    return exit_code;
  run.config_path = g_strdup (config_path != NULL ? config_path : BREVET_DPS_DEFAULT_CONFIGURATION);
  run.loop = g_main_loop_new (NULL, FALSE);
  raise_file_limit ();
  /* Before there is a service: the signal would end the program that is about to be one. */
  reloading = g_unix_signal_add (SIGHUP, on_reload, &run);
  exit_code = run_service (&run, ready_file);
  g_source_remove (reloading);
  g_clear_object (&run.service);
  g_main_loop_unref (run.loop);
  g_free (run.config_path);
  return exit_code;
}
