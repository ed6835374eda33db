/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In place of brevet-gate-websocket.c where libwslay is missing: there never is a WebSocket. */
#include "brevet-gate-websocket.h"

BrevetGateWebsocket *
brevet_gate_websocket_new (void)
{
  return NULL;
}

void
brevet_gate_websocket_free (BrevetGateWebsocket *self)
{
  g_assert_not_reached ();
}

gsize
brevet_gate_websocket_read (BrevetGateWebsocket *self, guint8 *data, gsize length)
{
  g_assert_not_reached ();
}

GBytes *
brevet_gate_websocket_take_pong (BrevetGateWebsocket *self)
{
  g_assert_not_reached ();
}

GBytes *
brevet_gate_websocket_get_end (BrevetGateWebsocket *self)
{
  g_assert_not_reached ();
}

GBytes *
brevet_gate_websocket_make_message (GBytes *payload)
{
  g_assert_not_reached ();
}

GBytes *
brevet_gate_websocket_make_close (guint status, const char *reason)
{
  g_assert_not_reached ();
}
