/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way in: from an accepted socket, through a proxy's header and a TLS handshake where they are due, to the protocol. */
#include "brevet-gate-private.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Left alone, the kernel would keep megabytes for a peer that asks and does not read. */
#define SEND_BUFFER (64 * 1024)

/* Most reads of one header before the others have their turn. */
#define TURN 4

static BrevetGateConnection *
connection_new (BrevetGateAcceptor *acceptor, int fd, const char *address)
{
  BrevetGateConnection *self = g_new0 (BrevetGateConnection, 1);

  g_atomic_ref_count_init (&self->references);
  self->watch.fd = fd;
  self->watch.ready = brevet_gate_connection_on_ready;
  self->timer.expired = brevet_gate_connection_on_expired;
  self->seat.owner = self;
  self->link.data = self;
  self->acceptor = acceptor;
  self->worker = acceptor->worker;
  self->credentials = brevet_gate_ref_credentials (acceptor->gate);
  self->reading = TRUE;
  g_strlcpy (self->address, address, sizeof self->address);
  g_queue_init (&self->output);
  return self;
}

static void
begin_handshake (BrevetGateConnection *self)
{
  BrevetGate *gate = self->acceptor->gate;

  self->phase = BREVET_GATE_PHASE_HANDSHAKE;
  if (!gate->proxies.has_tls)
    {
      brevet_gate_connection_opened (self);
      return;
    }
  if (brevet_gate_credentials_open_session (self->credentials, &gate->ticket_key, &self->session) < 0)
    {
      brevet_gate_connection_abort (self);
      return;
    }
  gnutls_transport_set_int (self->session, self->watch.fd);
}

void
brevet_gate_connection_drop_preamble (BrevetGateConnection *self)
{
  if (self->preamble == NULL)
    return;

  brevet_gate_proxy_header_clear (self->preamble);
  g_clear_pointer (&self->preamble, g_free);
}

static void
refuse_preamble (BrevetGateConnection *self, const char *cause)
{
  brevet_gate_proxies_report (self->address, cause);
  brevet_gate_connection_abort (self);
}

/* Whoever is behind the proxy counts from now on, and not the proxy. Returns: FALSE if there is no room for it */
static gboolean
take_source (BrevetGateConnection *self)
{
  gpointer victim = NULL;
  guint8 bytes[16];
  gboolean has_room;

  if (self->preamble->source.ss_family == AF_UNSPEC)
    return TRUE;

  brevet_gate_read_address (&self->preamble->source, bytes, self->address);
  has_room = brevet_gate_census_move (&self->acceptor->gate->census, &self->seat, bytes, &victim);
  if (victim != NULL)
    brevet_gate_connection_evict (victim, self->worker);
  return has_room;
}

static void
take_preamble (BrevetGateConnection *self)
{
  BrevetGateProxies *proxies = &self->acceptor->gate->proxies;
  g_autoptr(GError) error = NULL;

  /* Where the proxy ends TLS, the certificate of the connection is the proxy's own, if anybody's. */
  self->peer_chain_read = proxies->certificate_type != 0;
  if (!brevet_gate_proxies_read_chain (self->preamble, &self->peer_chain, &error))
    refuse_preamble (self, error->message);
  else if (!take_source (self))
    brevet_gate_connection_abort (self);
  else
    {
      brevet_gate_connection_drop_preamble (self);
      begin_handshake (self);
    }
}

/* Looks before it takes: what is behind the header is TLS' or the protocol's. Returns: FALSE if nothing more is to be had now */
static gboolean
read_some (BrevetGateConnection *self)
{
  guint8 *scratch = self->worker->scratch;
  gssize count = recv (self->watch.fd, scratch, sizeof self->worker->scratch, MSG_PEEK);
  gsize used;

  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return FALSE;
  if (count <= 0)
    {
      brevet_gate_connection_abort (self);
      return FALSE;
    }

  used = brevet_gate_proxy_header_feed (self->preamble, scratch, count);
  if (recv (self->watch.fd, scratch, used, 0) == (gssize) used)
    return TRUE;
  brevet_gate_connection_abort (self);
  return FALSE;
}

void
brevet_gate_connection_read_preamble (BrevetGateConnection *self)
{
  for (guint turn = 0; turn < TURN && self->phase == BREVET_GATE_PHASE_PREAMBLE && read_some (self); turn++)
    {
      if (self->preamble->phase == BREVET_GATE_PROXY_HEADER_FAILED)
        refuse_preamble (self, self->preamble->message);
      else if (self->preamble->phase == BREVET_GATE_PROXY_HEADER_COMPLETE)
        take_preamble (self);
    }
}

static void
begin_preamble (BrevetGateConnection *self)
{
  BrevetGateProxies *proxies = &self->acceptor->gate->proxies;

  self->phase = BREVET_GATE_PHASE_PREAMBLE;
  self->preamble = g_new (BrevetGateProxyHeader, 1);
  brevet_gate_proxy_header_init (self->preamble, proxies->certificate_type, proxies->chain_type);
}

/* Header and handshake have one deadline together. */
static void
begin (BrevetGateConnection *self)
{
  BrevetGate *gate = self->acceptor->gate;
  int on = 1, size = SEND_BUFFER;

  setsockopt (self->watch.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt (self->watch.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (!brevet_gate_worker_watch (self->worker, &self->watch, EPOLLIN))
    {
      brevet_gate_connection_abort (self);
      return;
    }

  brevet_gate_worker_arm (self->worker, &self->timer, gate->handshake_timeout);
  if (gate->proxies.has_header)
    begin_preamble (self);
  else
    begin_handshake (self);
}

void
brevet_gate_connection_accept (BrevetGateAcceptor *acceptor, int fd, const struct sockaddr_storage *peer)
{
  BrevetGateProxies *proxies = &acceptor->gate->proxies;
  gboolean from_proxy = brevet_gate_proxies_include (proxies, peer);
  BrevetGateConnection *self;
  gpointer victim;
  guint8 bytes[16];
  char address[INET6_ADDRSTRLEN];

  brevet_gate_read_address (peer, bytes, address);
  if (!from_proxy && brevet_gate_proxies_are_alone (proxies))
    {
      close (fd);
      brevet_gate_proxies_report (address, "the address is not in proxy-addresses");
      return;
    }

  self = connection_new (acceptor, fd, address);
  self->from_proxy = from_proxy;
  if (!brevet_gate_census_enter (&acceptor->gate->census, &self->seat, bytes, !from_proxy, &victim))
    {
      close (fd);
      brevet_gate_connection_unref (self);
      return;
    }

  brevet_gate_retain (acceptor->gate);
  g_queue_push_tail_link (&acceptor->connections, &self->link);
  if (victim != NULL)
    brevet_gate_connection_evict (victim, self->worker);
  begin (self);
}

void
brevet_gate_connection_opened (BrevetGateConnection *self)
{
  BrevetGateProtocolEntry *protocol = brevet_gate_protocol_lookup (self->acceptor->gate->protocol);
  int on = 1;

  if (protocol == NULL || self->stopping)
    {
      g_clear_pointer (&protocol, brevet_gate_protocol_entry_unref);
      brevet_gate_connection_abort (self);
      return;
    }

  /* The acknowledgement of the handshake would wait 40 ms for data to travel with, and many clients wait for it. */
  setsockopt (self->watch.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  self->phase = BREVET_GATE_PHASE_OPEN;
  brevet_gate_wheel_disarm (&self->timer);
  brevet_gate_census_renew (&self->acceptor->gate->census, &self->seat);
  brevet_gate_connection_enter_protocol (self, protocol);
}
