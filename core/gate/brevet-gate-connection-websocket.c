/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a connection does because it carries a WebSocket. */
#include "brevet-gate-private.h"

#include <sys/epoll.h>

gboolean
brevet_gate_has_websocket (void)
{
  g_autoptr(BrevetGateWebsocket) websocket = brevet_gate_websocket_new ();

  return websocket != NULL;
}

gboolean
brevet_gate_connection_start_websocket (BrevetGateConnection *self)
{
  g_return_val_if_fail (self->websocket == NULL, FALSE);

  if (self->phase != BREVET_GATE_PHASE_OPEN)
    return FALSE;

  self->websocket = brevet_gate_websocket_new ();
  if (self->websocket == NULL)
    return FALSE;

  if (self->input != NULL)
    g_byte_array_set_size (self->input, brevet_gate_websocket_read (self->websocket, self->input->data, self->input->len));
  return TRUE;
}

void
brevet_gate_connection_push (BrevetGateConnection *self, GBytes *bytes)
{
  self->output_size += g_bytes_get_size (bytes);
  g_queue_push_tail (&self->output, bytes);
}

void
brevet_gate_connection_push_close (BrevetGateConnection *self)
{
  GBytes *end = brevet_gate_websocket_get_end (self->websocket);

  if (end != NULL)
    brevet_gate_connection_push (self, g_bytes_ref (end));
  else if (self->stopping)
    brevet_gate_connection_push (self, brevet_gate_websocket_make_close (BREVET_GATE_WEBSOCKET_GOING_AWAY, ""));
  else
    brevet_gate_connection_push (self, brevet_gate_websocket_make_close (BREVET_GATE_WEBSOCKET_NORMAL, ""));
}

gboolean
brevet_gate_connection_push_pong (BrevetGateConnection *self)
{
  GBytes *pong;

  /* Nothing follows a closing frame. */
  if (self->closing)
    return FALSE;

  pong = brevet_gate_websocket_take_pong (self->websocket);
  if (pong != NULL)
    brevet_gate_connection_push (self, pong);
  return pong != NULL;
}

void
brevet_gate_connection_settle (BrevetGateConnection *self)
{
  if (self->phase != BREVET_GATE_PHASE_OPEN)
    return;

  if (brevet_gate_websocket_get_end (self->websocket) != NULL)
    {
      if (!self->closing)
        brevet_gate_connection_push_close (self);
      brevet_gate_connection_begin_closing (self);
    }
  /* Else the peer does not read, and a pong waits until it does: the last one alone, however many were asked for. */
  else if (g_queue_is_empty (&self->output) && brevet_gate_connection_push_pong (self))
    brevet_gate_tls_send (self);
}

void
brevet_gate_connection_part (BrevetGateConnection *self)
{
  gboolean has_ended = brevet_gate_websocket_get_end (self->websocket) != NULL;
  gboolean is_sent = g_queue_is_empty (&self->output);

  if (has_ended && is_sent)
    {
      self->phase = BREVET_GATE_PHASE_CLOSING;
      brevet_gate_tls_goodbye (self);
      return;
    }
  brevet_gate_worker_change (self->worker, &self->watch, (has_ended ? 0 : EPOLLIN) | (is_sent ? 0 : EPOLLOUT));
}
