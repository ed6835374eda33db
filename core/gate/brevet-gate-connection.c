/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-private.h"

#include <sys/epoll.h>
#include <unistd.h>

/* How long a closed connection may still send before it is reset. */
#define LINGER_MILLISECONDS 2000

BrevetGateConnection *
brevet_gate_connection_ref (BrevetGateConnection *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
brevet_gate_connection_unref (BrevetGateConnection *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;

  brevet_gate_connection_drop_preamble (self);
  g_clear_pointer (&self->input, g_byte_array_unref);
  g_clear_pointer (&self->websocket, brevet_gate_websocket_free);
  g_clear_pointer (&self->peer_chain, brevet_chain_unref);
  g_clear_pointer (&self->credentials, brevet_gate_credentials_unref);
  g_free (self);
}

static void
leave_protocol (BrevetGateConnection *self)
{
  BrevetGateProtocolEntry *protocol = g_steal_pointer (&self->protocol);

  if (protocol == NULL)
    return;

  protocol->functions->closed (self);
  self->state = NULL;
  self->undrained = FALSE;
  brevet_gate_protocol_entry_unref (protocol);
}

/* A peer that has not read is not sent the rest: the kernel would keep it for minutes. */
static void
reset_on_close (int fd)
{
  struct linger linger = { .l_onoff = 1, .l_linger = 0 };

  setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void
drop_output (BrevetGateConnection *self)
{
  g_queue_clear_full (&self->output, (GDestroyNotify) g_bytes_unref);
  self->output_size = self->output_offset = 0;
}

void
brevet_gate_connection_abort (BrevetGateConnection *self)
{
  BrevetGateAcceptor *acceptor = self->acceptor;

  if (self->phase == BREVET_GATE_PHASE_CLOSED)
    return;

  self->phase = BREVET_GATE_PHASE_CLOSED;
  self->acceptor = NULL;
  brevet_gate_wheel_disarm (&self->timer);
  brevet_gate_worker_unwatch (self->worker, &self->watch);
  g_clear_pointer (&self->session, gnutls_deinit);
  if (!g_queue_is_empty (&self->output))
    reset_on_close (self->watch.fd);
  close (self->watch.fd);
  self->watch.fd = -1;
  leave_protocol (self);
  drop_output (self);
  brevet_gate_census_leave (&acceptor->gate->census, &self->seat);
  g_queue_unlink (&acceptor->connections, &self->link);
  brevet_gate_worker_bury (self->worker, self, (GDestroyNotify) brevet_gate_connection_unref);
  brevet_gate_release (acceptor->gate);
}

/* For a peer that did nothing wrong: says goodbye if that is possible without waiting. */
static void
dismiss (BrevetGateConnection *self)
{
  if (self->phase == BREVET_GATE_PHASE_OPEN && g_queue_is_empty (&self->output))
    brevet_gate_tls_leave (self);
  brevet_gate_connection_abort (self);
}

void
brevet_gate_connection_linger (BrevetGateConnection *self)
{
  leave_protocol (self);
  drop_output (self);
  g_clear_pointer (&self->session, gnutls_deinit);
  g_clear_pointer (&self->input, g_byte_array_unref);
  self->phase = BREVET_GATE_PHASE_LINGERING;
  shutdown (self->watch.fd, SHUT_WR);
  brevet_gate_connection_set_busy (self, FALSE);
  brevet_gate_worker_arm (self->worker, &self->timer, LINGER_MILLISECONDS);
  brevet_gate_worker_change (self->worker, &self->watch, EPOLLIN);
}

void
brevet_gate_connection_begin_closing (BrevetGateConnection *self)
{
  leave_protocol (self);
  self->phase = self->websocket != NULL ? BREVET_GATE_PHASE_FAREWELL : BREVET_GATE_PHASE_CLOSING;
  brevet_gate_connection_set_busy (self, FALSE);
  brevet_gate_worker_arm (self->worker, &self->timer, LINGER_MILLISECONDS);
  if (self->websocket != NULL)
    brevet_gate_connection_part (self);
  else
    brevet_gate_tls_goodbye (self);
}

static void
on_open_ready (BrevetGateConnection *self, guint32 events)
{
  /* Nobody reads: whatever the peer has still sent, it does not wait for an answer any more. */
  if (!self->reading && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    {
      brevet_gate_connection_abort (self);
      return;
    }

  if ((events & EPOLLOUT) != 0)
    brevet_gate_tls_send (self);
  if (self->phase == BREVET_GATE_PHASE_OPEN && self->reading)
    brevet_gate_tls_receive (self);
}

void
brevet_gate_connection_on_ready (BrevetGateWatch *watch, guint32 events)
{
  g_autoptr(BrevetGateConnection) self = brevet_gate_connection_ref ((BrevetGateConnection *) watch);

  switch (self->phase)
    {
    case BREVET_GATE_PHASE_PREAMBLE:
      brevet_gate_connection_read_preamble (self);
      break;
    case BREVET_GATE_PHASE_HANDSHAKE:
      brevet_gate_tls_handshake (self);
      break;
    case BREVET_GATE_PHASE_OPEN:
      on_open_ready (self, events);
      break;
    case BREVET_GATE_PHASE_FAREWELL:
      brevet_gate_tls_farewell (self);
      break;
    case BREVET_GATE_PHASE_CLOSING:
      brevet_gate_tls_goodbye (self);
      break;
    case BREVET_GATE_PHASE_LINGERING:
      brevet_gate_tls_drain (self);
      break;
    case BREVET_GATE_PHASE_CLOSED:
    default:
      break;
    }
}

void
brevet_gate_connection_on_expired (BrevetGateTimer *timer)
{
  gpointer start = (guint8 *) timer - G_STRUCT_OFFSET (BrevetGateConnection, timer);
  g_autoptr(BrevetGateConnection) self = brevet_gate_connection_ref (start);

  if (self->phase == BREVET_GATE_PHASE_OPEN && self->protocol != NULL)
    self->protocol->functions->expired (self);
  else
    brevet_gate_connection_abort (self);
}

static gboolean
evict_here (gpointer data)
{
  BrevetGateConnection *self = data;

  /* A request may have become complete since it was picked: that one is answered. */
  if (!self->busy && self->phase != BREVET_GATE_PHASE_CLOSED)
    dismiss (self);
  return G_SOURCE_REMOVE;
}

void
brevet_gate_connection_evict (BrevetGateConnection *self, BrevetGateWorker *here)
{
  if (self->worker != here)
    {
      brevet_gate_worker_invoke (self->worker, evict_here, self, (GDestroyNotify) brevet_gate_connection_unref);
      return;
    }

  evict_here (self);
  brevet_gate_connection_unref (self);
}

static gboolean
dismiss_here (gpointer data)
{
  BrevetGateConnection *self = data;

  if (self->phase == BREVET_GATE_PHASE_OPEN)
    dismiss (self);
  return G_SOURCE_REMOVE;
}

void
brevet_gate_connection_dismiss (BrevetGateConnection *self)
{
  brevet_gate_worker_invoke (self->worker, dismiss_here, brevet_gate_connection_ref (self),
                             (GDestroyNotify) brevet_gate_connection_unref);
}

void
brevet_gate_connection_stop (BrevetGateConnection *self)
{
  self->stopping = TRUE;
  if (!self->busy)
    dismiss (self);
}

void
brevet_gate_connection_enter_protocol (BrevetGateConnection *self, BrevetGateProtocolEntry *protocol)
{
  self->protocol = protocol;
  protocol->functions->opened (self, protocol->user_data);
}

gboolean
brevet_gate_connection_set_protocol (BrevetGateConnection *self, const char *name)
{
  BrevetGateProtocolEntry *protocol = brevet_gate_protocol_lookup (name);

  if (protocol == NULL)
    return FALSE;

  leave_protocol (self);
  brevet_gate_wheel_disarm (&self->timer);
  brevet_gate_connection_enter_protocol (self, protocol);
  brevet_gate_connection_set_reading (self, TRUE);
  return TRUE;
}

void
brevet_gate_connection_set_state (BrevetGateConnection *self, gpointer state)
{
  self->state = state;
}

gpointer
brevet_gate_connection_get_state (BrevetGateConnection *self)
{
  return self->state;
}

void
brevet_gate_connection_write (BrevetGateConnection *self, GBytes *bytes)
{
  g_autoptr(BrevetGateConnection) guard = brevet_gate_connection_ref (self);

  if (self->phase != BREVET_GATE_PHASE_OPEN || self->closing)
    return;

  if (self->output_size > BREVET_GATE_OUTPUT_LIMIT)
    {
      brevet_gate_connection_abort (self);
      return;
    }

  self->undrained = TRUE;
  brevet_gate_connection_push (self, self->websocket != NULL ? brevet_gate_websocket_make_message (bytes) : g_bytes_ref (bytes));
  brevet_gate_tls_send (self);
}

void
brevet_gate_connection_set_reading (BrevetGateConnection *self, gboolean reading)
{
  g_autoptr(BrevetGateConnection) guard = brevet_gate_connection_ref (self);

  if (self->phase != BREVET_GATE_PHASE_OPEN || self->closing)
    return;

  self->reading = reading;
  brevet_gate_tls_offer (self);
}

void
brevet_gate_connection_set_busy (BrevetGateConnection *self, gboolean busy)
{
  if (self->busy == busy || self->phase == BREVET_GATE_PHASE_CLOSED)
    return;

  self->busy = busy;
  brevet_gate_census_set_waiting (&self->acceptor->gate->census, &self->seat, !busy);
}

void
brevet_gate_connection_set_deadline (BrevetGateConnection *self, guint milliseconds)
{
  if (self->phase != BREVET_GATE_PHASE_OPEN)
    return;

  if (milliseconds == 0)
    brevet_gate_wheel_disarm (&self->timer);
  else
    brevet_gate_worker_arm (self->worker, &self->timer, milliseconds);
}

gboolean
brevet_gate_connection_is_stopping (BrevetGateConnection *self)
{
  return self->stopping;
}

void
brevet_gate_connection_close (BrevetGateConnection *self)
{
  g_autoptr(BrevetGateConnection) guard = brevet_gate_connection_ref (self);
  gboolean is_sent;

  if (self->phase != BREVET_GATE_PHASE_OPEN || self->closing)
    return;

  self->closing = TRUE;
  self->reading = FALSE;
  is_sent = g_queue_is_empty (&self->output);
  if (self->websocket != NULL)
    {
      brevet_gate_connection_push_close (self);
      brevet_gate_tls_send (self);
    }
  /* The protocol has no deadline for what it has not written: a closing frame that the peer does not take. */
  if (is_sent && self->phase == BREVET_GATE_PHASE_OPEN)
    brevet_gate_connection_begin_closing (self);
}

const char *
brevet_gate_connection_get_remote_address (BrevetGateConnection *self)
{
  return self->address;
}

gboolean
brevet_gate_connection_is_from_proxy (BrevetGateConnection *self)
{
  return self->from_proxy;
}

void
brevet_gate_connection_set_peer (BrevetGateConnection *self, BrevetChain *chain, const char *address)
{
  g_return_if_fail (self->from_proxy);

  g_clear_pointer (&self->peer_chain, brevet_chain_unref);
  self->peer_chain = chain == NULL ? NULL : brevet_chain_ref (chain);
  self->peer_chain_read = TRUE;
  g_strlcpy (self->address, address, sizeof self->address);
}
