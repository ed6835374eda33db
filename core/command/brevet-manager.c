/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-manager.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <unistd.h>

/* Enough for whatever a daemon has to tell while its manager is busy. */
#define MOST_WAITING 32

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

/* What the manager had no room for yet, and the socket that tells when it has. Only of the thread that turns the main loop. */
static GQueue waiting = G_QUEUE_INIT;
static GSource *room;

/* Connected, as the kernel says only of such a socket when the other side has room. */
static GSocket *
open_socket (const char *name, GError **error)
{
  g_autoptr(GSocketAddress) address = make_address (name);
  g_autoptr(GSocket) socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, error);

  if (socket == NULL)
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  return g_socket_connect (socket, address, NULL, error) ? g_steal_pointer (&socket) : NULL;
}

/* Not worth a failure: a manager that waits for the message says so itself. */
static void
note_trouble (const char *state, const GError *error)
{
  g_debug ("The service manager cannot be told “%s”: %s", state, error->message);
}

/* Returns: whether there is room for more */
static gboolean
send_state (GSocket *socket, const char *state)
{
  g_autoptr(GError) error = NULL;

  if (g_socket_send (socket, state, strlen (state), NULL, &error) >= 0)
    return TRUE;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return FALSE;
  note_trouble (state, error);
  return TRUE;
}

static gboolean
on_room (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  while (!g_queue_is_empty (&waiting) && send_state (socket, g_queue_peek_head (&waiting)))
    g_free (g_queue_pop_head (&waiting));
  if (!g_queue_is_empty (&waiting))
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&room, g_source_unref);
  return G_SOURCE_REMOVE;
}

/* Of a text for people, and of a sign of life, only the last is of use. */
static gboolean
replaces (const char *state, const char *older)
{
  return (g_str_has_prefix (state, "STATUS=") && g_str_has_prefix (older, "STATUS=")) ||
         (g_str_equal (state, "WATCHDOG=1") && g_str_equal (older, state));
}

static void
put_off (const char *state)
{
  for (GList *link = waiting.head, *next = NULL; link != NULL; link = next)
    {
      next = link->next;
      if (!replaces (state, link->data))
        continue;
      g_free (link->data);
      g_queue_delete_link (&waiting, link);
    }
  if (g_queue_get_length (&waiting) == MOST_WAITING)
    g_free (g_queue_pop_head (&waiting));
  g_queue_push_tail (&waiting, g_strdup (state));
}

static void
send_or_put_off (const char *name, const char *state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocket) socket = open_socket (name, &error);

  if (socket == NULL)
    note_trouble (state, error);
  else if (!send_state (socket, state))
    {
      put_off (state);
      room = g_socket_create_source (socket, G_IO_OUT, NULL);
      g_source_set_callback (room, G_SOURCE_FUNC (on_room), NULL, NULL);
      g_source_attach (room, NULL);
    }
}

void
brevet_manager_notify (const char *state)
{
  const char *name = g_getenv ("NOTIFY_SOCKET");

  g_return_if_fail (state != NULL);

  if (name == NULL || (*name != '/' && *name != '@'))
    return;
  if (room != NULL)
    put_off (state);
  else
    send_or_put_off (name, state);
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
