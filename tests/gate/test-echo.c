/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-echo.h"

#include "brevet-gate-protocol.h"

#include <string.h>

#define HOLD_MILLISECONDS 500
#define BIG (256 * 1024)

static void
ignore (BrevetGateConnection *connection)
{
}

static void
echo_opened (BrevetGateConnection *connection, gpointer user_data)
{
}

static gsize
echo_received (BrevetGateConnection *connection, const guint8 *data, gsize length)
{
  g_autoptr(GBytes) bytes = g_bytes_new (data, length);

  brevet_gate_connection_write (connection, bytes);
  return length;
}

static void
lines_opened (BrevetGateConnection *connection, gpointer user_data)
{
  brevet_gate_connection_set_state (connection, (gpointer) "reading");
}

static void
answer (BrevetGateConnection *connection, char *text)
{
  g_autoptr(GBytes) bytes = g_bytes_new_take (text, strlen (text));

  brevet_gate_connection_write (connection, bytes);
}

static char *
describe_peer (BrevetGateConnection *connection)
{
  BrevetChain *chain = brevet_gate_connection_get_peer_chain (connection);

  return g_strdup_printf ("%s %s", brevet_gate_connection_get_remote_address (connection),
                          chain == NULL ? "-" : brevet_certificate_get_subject (brevet_chain_get_leaf (chain)));
}

static void
obey (BrevetGateConnection *connection, const char *line)
{
  gboolean is_waiting = strcmp (line, "hold") == 0 || strcmp (line, "wait") == 0;

  brevet_gate_connection_set_reading (connection, FALSE);
  brevet_gate_connection_set_busy (connection, strcmp (line, "busy") == 0);
  if (is_waiting)
    brevet_gate_connection_set_state (connection, (gpointer) "waiting");
  if (strcmp (line, "hold") == 0)
    brevet_gate_connection_set_deadline (connection, HOLD_MILLISECONDS);

  if (strcmp (line, "abort") == 0)
    {
      brevet_gate_connection_abort (connection);
      return;
    }
  answer (connection, strcmp (line, "big") == 0   ? g_strnfill (BIG, 'x')
                      : strcmp (line, "who") == 0 ? describe_peer (connection)
                                                  : g_strdup (line));
  if (strcmp (line, "close") == 0)
    brevet_gate_connection_close (connection);
}

static gsize
lines_received (BrevetGateConnection *connection, const guint8 *data, gsize length)
{
  const guint8 *end = memchr (data, '\n', length);
  g_autofree char *line = NULL;

  if (end == NULL)
    return 0;
  line = g_strndup ((const char *) data, end - data);
  obey (connection, line);
  return strlen (line) + 1;
}

static void
lines_drained (BrevetGateConnection *connection)
{
  if (strcmp (brevet_gate_connection_get_state (connection), "reading") == 0)
    brevet_gate_connection_set_reading (connection, TRUE);
}

static void
lines_expired (BrevetGateConnection *connection)
{
  brevet_gate_connection_set_state (connection, (gpointer) "reading");
  answer (connection, g_strdup ("held"));
}

static void
lines_closed (BrevetGateConnection *connection)
{
  g_print ("left lines\n");
}

static const BrevetGateProtocol echo = {
  .opened = echo_opened, .received = echo_received, .drained = ignore, .expired = ignore, .closed = ignore,
};

static const BrevetGateProtocol lines = {
  .opened = lines_opened, .received = lines_received, .drained = lines_drained, .expired = lines_expired, .closed = lines_closed,
};

void
test_echo_register (void)
{
  g_autoptr(GError) error = NULL;

  if (!brevet_gate_register_protocol ("websocket/echo", &echo, NULL, NULL, &error)
      || !brevet_gate_register_protocol ("websocket/lines", &lines, NULL, NULL, &error))
    g_error ("%s", error->message);
}
