/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-manager.h"

#ifdef HAVE_SYSTEMD
#include <errno.h>
#include <systemd/sd-daemon.h>
#endif

void
brevet_manager_notify (const char *state)
{
  g_return_if_fail (state != NULL);

#ifdef HAVE_SYSTEMD
  int result = sd_notify (0, state);

  /* Not worth a failure: a manager that waits for the message says so itself. */
  if (result < 0)
    g_debug ("The service manager cannot be told “%s”: %s", state, g_strerror (-result));
#endif
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

#ifdef HAVE_SYSTEMD
static gboolean
on_watchdog (gpointer user_data)
{
  brevet_manager_notify ("WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}
#endif

guint
brevet_manager_start_watchdog (void)
{
#ifdef HAVE_SYSTEMD
  guint64 interval = 0;
  int watched = sd_watchdog_enabled (0, &interval);

  if (watched < 0)
    g_warning ("The watchdog that the service manager asks for cannot be served: %s", g_strerror (-watched));
  if (watched <= 0)
    return 0;
  brevet_manager_notify ("WATCHDOG=1");
  return g_timeout_add (CLAMP (interval / 2000, 1, G_MAXUINT), on_watchdog, NULL);
#else
  return 0;
#endif
}
