/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-manager.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <unistd.h>

/* A datagram to a socket is all that the manager's protocol is (sd_notify(3), “Notes”). libsystemd has it too, at the price of a
 * tenth of the agent's start and memory: it comes with four compressors and a cryptographic library. */
static GSocketAddress *
make_address (const char *name)
{
  /* An abstract name, whose zero is written as “@”. */
  if (*name == '@')
    return g_unix_socket_address_new_with_type (name + 1, (int) strlen (name + 1), G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  return g_unix_socket_address_new (name);
}

static gboolean
send_state (const char *name, const char *state, GError **error)
{
  g_autoptr(GSocketAddress) address = make_address (name);
  g_autoptr(GSocket) socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, error);

  return socket != NULL && g_socket_send_to (socket, address, state, strlen (state), NULL, error) >= 0;
}

void
brevet_manager_notify (const char *state)
{
  const char *name = g_getenv ("NOTIFY_SOCKET");
  g_autoptr(GError) error = NULL;

  g_return_if_fail (state != NULL);

  /* Not worth a failure: a manager that waits for the message says so itself. */
  if (name != NULL && (*name == '/' || *name == '@') && !send_state (name, state, &error))
    g_debug ("The service manager cannot be told “%s”: %s", state, error->message);
}

void
brevet_manager_set_status (const char *format, ...)
{
  g_autofree char *status = NULL;
  g_autofree char *state = NULL;
  va_list arguments;

  va_start (arguments, format);
  status = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  /* A line break would begin another assignment. */
  g_strdelimit (status, "\r\n", ' ');
  state = g_strconcat ("STATUS=", status, NULL);
  brevet_manager_notify (state);
}

void
brevet_manager_notify_reloading (void)
{
  g_autofree char *state = g_strdup_printf ("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time ());

  brevet_manager_notify (state);
}

static gboolean
on_watchdog (gpointer user_data)
{
  brevet_manager_notify ("WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}

/* Microseconds; 0 if this process is not watched: what is in the environment may be meant for the one that started it. */
static guint64
get_watchdog_interval (void)
{
  const char *text = g_getenv ("WATCHDOG_USEC");
  const char *process = g_getenv ("WATCHDOG_PID");
  guint64 interval = 0;
  guint64 watched = 0;

  if (text == NULL)
    return 0;
  if (!g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT64 - 1, &interval, NULL) ||
      (process != NULL && !g_ascii_string_to_unsigned (process, 10, 1, G_MAXINT32, &watched, NULL)))
    {
      g_warning ("The watchdog that the service manager asks for cannot be served: WATCHDOG_USEC=%s WATCHDOG_PID=%s", text,
                 process != NULL ? process : "");
      return 0;
    }
  return process == NULL || watched == (guint64) getpid () ? interval : 0;
}

guint
brevet_manager_start_watchdog (void)
{
  guint64 interval = get_watchdog_interval ();

  if (interval == 0)
    return 0;
  brevet_manager_notify ("WATCHDOG=1");
  return g_timeout_add ((guint) CLAMP (interval / 2000, 1, G_MAXUINT), on_watchdog, NULL);
}
