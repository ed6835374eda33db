/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-private.h"

#include "brevet-gate-certificates.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Most records or reads of one connection before the others have their turn. */
#define TURN 8

/* Most bytes that a peer may still send after we have said goodbye. */
#define LINGER_LIMIT (1024 * 1024)

static gboolean
is_again (gssize status)
{
  return status == GNUTLS_E_AGAIN || status == GNUTLS_E_INTERRUPTED;
}

/* A fault of the peer is answered with the alert that names it, a vanished peer with nothing. */
static void
fail (BrevetGateConnection *self, int status)
{
  g_debug ("TLS with %s failed: %s", self->address, gnutls_strerror (status));
  if (status == GNUTLS_E_PREMATURE_TERMINATION || status == GNUTLS_E_PULL_ERROR || status == GNUTLS_E_PUSH_ERROR)
    {
      brevet_gate_connection_abort (self);
      return;
    }
  gnutls_alert_send_appropriate (self->session, status);
  brevet_gate_connection_linger (self);
}

void
brevet_gate_tls_handshake (BrevetGateConnection *self)
{
  int status = GNUTLS_E_AGAIN;

  for (guint turn = 0; turn < TURN; turn++)
    {
      status = gnutls_handshake (self->session);
      if (status == GNUTLS_E_SUCCESS || is_again (status) || gnutls_error_is_fatal (status))
        break;
    }

  if (status == GNUTLS_E_SUCCESS)
    brevet_gate_connection_opened (self);
  else if (gnutls_error_is_fatal (status))
    fail (self, status);

  if (self->phase == BREVET_GATE_PHASE_HANDSHAKE)
    brevet_gate_worker_change (self->worker, &self->watch, gnutls_record_get_direction (self->session) ? EPOLLOUT : EPOLLIN);
}

static void
choose_events (BrevetGateConnection *self)
{
  guint32 events = EPOLLRDHUP;

  if (self->phase != BREVET_GATE_PHASE_OPEN)
    return;

  if (self->reading)
    events |= EPOLLIN;
  if (!g_queue_is_empty (&self->output))
    events |= EPOLLOUT;
  brevet_gate_worker_change (self->worker, &self->watch, events);
}

/* Returns: how many bytes were used. @length shrinks if a WebSocket begins between them. */
static gsize
offer_bytes (BrevetGateConnection *self, guint8 *data, gsize *length)
{
  gsize used = 0;

  self->offering = TRUE;
  while (self->phase == BREVET_GATE_PHASE_OPEN && self->reading && used < *length)
    {
      gboolean is_framed = self->websocket != NULL;
      gsize taken = self->protocol->functions->received (self, data + used, *length - used);

      used += MIN (taken, *length - used);
      if (!is_framed && self->websocket != NULL)
        *length = used + brevet_gate_websocket_read (self->websocket, data + used, *length - used);
      if (taken == 0)
        break;
    }
  self->offering = FALSE;
  return used;
}

void
brevet_gate_tls_offer (BrevetGateConnection *self)
{
  if (self->offering)
    return;

  if (self->reading && self->input != NULL)
    {
      g_autoptr(GByteArray) input = g_steal_pointer (&self->input);
      gsize length = input->len;
      gsize used = offer_bytes (self, input->data, &length);

      if (used < length && self->phase == BREVET_GATE_PHASE_OPEN)
        {
          g_byte_array_set_size (input, length);
          g_byte_array_remove_range (input, 0, used);
          self->input = g_steal_pointer (&input);
        }
      if (self->websocket != NULL)
        brevet_gate_connection_settle (self);
    }
  choose_events (self);
}

static void
take_bytes (BrevetGateConnection *self, guint8 *data, gsize length)
{
  gsize used;

  if (self->input != NULL)
    {
      g_byte_array_append (self->input, data, length);
      brevet_gate_tls_offer (self);
      return;
    }

  used = offer_bytes (self, data, &length);
  if (used == length || self->phase != BREVET_GATE_PHASE_OPEN)
    return;
  self->input = g_byte_array_new ();
  g_byte_array_append (self->input, data + used, length - used);
}

static void
take_record (BrevetGateConnection *self, guint8 *data, gsize length)
{
  if (self->websocket != NULL)
    length = brevet_gate_websocket_read (self->websocket, data, length);
  if (length > 0)
    take_bytes (self, data, length);
  if (self->websocket != NULL)
    brevet_gate_connection_settle (self);
}

void
brevet_gate_tls_receive (BrevetGateConnection *self)
{
  for (guint turn = 0; turn < TURN && self->phase == BREVET_GATE_PHASE_OPEN && self->reading; turn++)
    {
      gssize count = brevet_gate_stream_receive (self, self->worker->scratch, sizeof self->worker->scratch);

      if (count > 0)
        take_record (self, self->worker->scratch, count);
      else if (is_again (count))
        break;
      else if (count == 0)
        {
          brevet_gate_stream_say_goodbye (self);
          brevet_gate_connection_abort (self);
        }
      else if (gnutls_error_is_fatal (count) || count == GNUTLS_E_REHANDSHAKE)
        fail (self, count);

      /* A protocol that takes nothing and leaves reading on would fill the memory. */
      if (self->phase == BREVET_GATE_PHASE_OPEN && self->reading && self->input != NULL
          && self->input->len > BREVET_GATE_RECORD_SIZE)
        brevet_gate_connection_abort (self);
    }
  choose_events (self);
}

static gboolean
send_some (BrevetGateConnection *self)
{
  GBytes *bytes = g_queue_peek_head (&self->output);
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);
  gssize count = 0;

  if (length > self->output_offset)
    count = brevet_gate_stream_send (self, data + self->output_offset, length - self->output_offset);
  if (count < 0)
    {
      if (!is_again (count))
        brevet_gate_connection_abort (self);
      return FALSE;
    }

  self->output_offset += count;
  if (self->output_offset < length)
    return TRUE;

  self->output_size -= length;
  self->output_offset = 0;
  g_bytes_unref (g_queue_pop_head (&self->output));
  return TRUE;
}

static gboolean
has_output (BrevetGateConnection *self)
{
  return !g_queue_is_empty (&self->output) || (self->websocket != NULL && brevet_gate_connection_push_pong (self));
}

void
brevet_gate_tls_send (BrevetGateConnection *self)
{
  while (self->phase == BREVET_GATE_PHASE_OPEN && has_output (self))
    if (!send_some (self))
      break;

  if (self->phase == BREVET_GATE_PHASE_OPEN && g_queue_is_empty (&self->output))
    {
      if (self->undrained)
        {
          self->undrained = FALSE;
          self->protocol->functions->drained (self);
        }
      if (self->phase == BREVET_GATE_PHASE_OPEN && self->closing && g_queue_is_empty (&self->output))
        brevet_gate_connection_begin_closing (self);
    }
  choose_events (self);
}

/* Nothing that the peer still sends is for anybody; its closing frame alone is waited for. */
static void
skip_input (BrevetGateConnection *self)
{
  for (guint turn = 0; turn < TURN && brevet_gate_websocket_get_end (self->websocket) == NULL; turn++)
    {
      gssize count = brevet_gate_stream_receive (self, self->worker->scratch, sizeof self->worker->scratch);

      if (is_again (count))
        return;
      self->lingered += MAX (count, 0);
      if (count <= 0 || self->lingered > LINGER_LIMIT)
        {
          brevet_gate_connection_abort (self);
          return;
        }
      brevet_gate_websocket_read (self->websocket, self->worker->scratch, count);
    }
}

void
brevet_gate_tls_farewell (BrevetGateConnection *self)
{
  while (self->phase == BREVET_GATE_PHASE_FAREWELL && !g_queue_is_empty (&self->output))
    if (!send_some (self))
      break;
  if (self->phase == BREVET_GATE_PHASE_FAREWELL)
    skip_input (self);
  if (self->phase == BREVET_GATE_PHASE_FAREWELL)
    brevet_gate_connection_part (self);
}

void
brevet_gate_tls_leave (BrevetGateConnection *self)
{
  if (self->websocket != NULL)
    {
      g_autoptr(GBytes) frame = brevet_gate_websocket_make_close (BREVET_GATE_WEBSOCKET_GOING_AWAY, "");
      gsize length;
      const guint8 *data = g_bytes_get_data (frame, &length);

      brevet_gate_stream_send (self, data, length);
    }
  brevet_gate_stream_say_goodbye (self);
}

void
brevet_gate_tls_goodbye (BrevetGateConnection *self)
{
  if (is_again (brevet_gate_stream_say_goodbye (self)))
    brevet_gate_worker_change (self->worker, &self->watch, EPOLLOUT);
  else
    brevet_gate_connection_linger (self);
}

void
brevet_gate_tls_drain (BrevetGateConnection *self)
{
  for (guint turn = 0; turn < TURN; turn++)
    {
      gssize count = recv (self->watch.fd, self->worker->scratch, sizeof self->worker->scratch, 0);

      if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
      self->lingered += MAX (count, 0);
      if (count > 0 && self->lingered <= LINGER_LIMIT)
        continue;
      brevet_gate_connection_abort (self);
      return;
    }
}

static BrevetChain *
read_peer_chain (gnutls_session_t session)
{
  unsigned int count = 0;
  const gnutls_datum_t *peers = session == NULL ? NULL : gnutls_certificate_get_peers (session, &count);
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  if (peers == NULL || count == 0)
    return NULL;

  for (unsigned int i = 0; i < count && error == NULL; i++)
    brevet_gate_certificates_add_der (certificates, peers[i].data, peers[i].size, &error);
  if (error == NULL)
    chain = brevet_chain_new (certificates, &error);
  if (error != NULL)
    g_debug ("A client certificate is passed over: %s", error->message);
  return g_steal_pointer (&chain);
}

BrevetChain *
brevet_gate_connection_get_peer_chain (BrevetGateConnection *self)
{
  if (!self->peer_chain_read)
    self->peer_chain = read_peer_chain (self->session);
  self->peer_chain_read = TRUE;
  return self->peer_chain;
}
