/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate.h"
#include "brevet-gate-census.h"
#include "brevet-gate-proxies.h"
#include "brevet-gate-websocket.h"
#include "brevet-gate-worker.h"

#include <netinet/in.h>

G_BEGIN_DECLS

typedef struct _BrevetGateAcceptor BrevetGateAcceptor;

typedef enum {
  BREVET_GATE_PHASE_PREAMBLE,    /* a proxy says whom it speaks for */
  BREVET_GATE_PHASE_HANDSHAKE,
  BREVET_GATE_PHASE_OPEN,
  BREVET_GATE_PHASE_FAREWELL,    /* WebSocket: no protocol any more; sends what is left and waits for the peer's closing frame */
  BREVET_GATE_PHASE_CLOSING,     /* goodbye not yet sent */
  BREVET_GATE_PHASE_LINGERING,   /* our direction is shut, the peer's is drained */
  BREVET_GATE_PHASE_CLOSED,
} BrevetGatePhase;

struct _BrevetGateConnection
{
  BrevetGateWatch          watch;        /* first: events lead here */
  BrevetGateTimer          timer;
  BrevetGateSeat           seat;
  GList                    link;         /* in the acceptor's connections */
  gatomicrefcount          references;
  BrevetGatePhase          phase;
  BrevetGateAcceptor      *acceptor;     /* NULL once closed */
  BrevetGateWorker        *worker;
  BrevetGateCredentials   *credentials;  /* NULL without TLS */
  BrevetGateProxyHeader   *preamble;     /* NULL unless it is being read */
  BrevetGateProtocolEntry *protocol;     /* NULL until opened */
  gpointer                 state;
  gnutls_session_t         session;      /* NULL without TLS, and before and after it */
  BrevetGateWebsocket     *websocket;    /* NULL if the protocol's bytes are the connection's */
  GQueue                   output;       /* GBytes; the first is sent up to output_offset */
  gsize                    output_offset;
  gsize                    output_size;
  GByteArray              *input;        /* what the protocol has not consumed; NULL if nothing */
  gsize                    lingered;
  BrevetChain             *peer_chain;
  gboolean                 peer_chain_read;
  gboolean                 from_proxy;   /* of the addresses that are believed */
  gboolean                 reading;
  gboolean                 busy;
  gboolean                 stopping;
  gboolean                 closing;      /* close once the output is drained */
  gboolean                 offering;     /* within the protocol's `received` */
  gboolean                 undrained;    /* `drained` is due once the output is sent */
  char                     address[INET6_ADDRSTRLEN];
};

/* One listening socket in one worker. All but its making is for the worker's thread. */
struct _BrevetGateAcceptor
{
  BrevetGateWatch   watch;
  BrevetGateTimer   pause;
  BrevetGate       *gate;
  BrevetGateWorker *worker;
  gboolean          shared;       /* the socket belongs to all workers and to systemd */
  gboolean          listening;
  GQueue            connections;
};

struct _BrevetGate
{
  GObject                parent_instance;

  BrevetSettings        *settings;
  char                  *address;
  guint16                configured_port;
  guint16                port;
  guint                  n_workers;
  guint                  handshake_timeout;   /* milliseconds */
  char                  *protocol;
  BrevetGateProxies      proxies;
  gnutls_datum_t         ticket_key;
  GMutex                 credentials_lock;
  BrevetGateCredentials *credentials;
  BrevetGateCensus       census;
  GPtrArray             *workers;             /* NULL if not started */
  GPtrArray             *acceptors;
  gint                   open;                /* acceptors and connections that are not closed; atomic */
  GTask                 *stop_task;
  guint                  stop_timeout;
};

/* Returns: (nullable): NULL without TLS */
BrevetGateCredentials *brevet_gate_ref_credentials (BrevetGate *self);

void brevet_gate_retain (BrevetGate *self);   /* one more acceptor or connection */
void brevet_gate_release (BrevetGate *self);  /* one less; any thread */

/* brevet-gate-socket.c */
GArray *brevet_gate_open_sockets (const char *address, guint16 port, guint count, guint16 *bound_port, GError **error);
GArray *brevet_gate_take_passed_sockets (const char *name, GError **error);
guint16 brevet_gate_socket_get_port (int fd);
void brevet_gate_read_address (const struct sockaddr_storage *peer, guint8 bytes[16], char text[INET6_ADDRSTRLEN]);

/* brevet-gate-acceptor.c */
BrevetGateAcceptor *brevet_gate_acceptor_new (BrevetGate *gate, BrevetGateWorker *worker, int fd, gboolean shared);
void brevet_gate_acceptor_start (BrevetGateAcceptor *self);   /* any thread, as are these: */
void brevet_gate_acceptor_stop (BrevetGateAcceptor *self);    /* close the socket and what is not busy */
void brevet_gate_acceptor_cut (BrevetGateAcceptor *self);     /* abort what is still open */

/* brevet-gate-connection-entry.c */
void brevet_gate_connection_accept (BrevetGateAcceptor *acceptor, int fd, const struct sockaddr_storage *peer);
void brevet_gate_connection_read_preamble (BrevetGateConnection *self);
void brevet_gate_connection_drop_preamble (BrevetGateConnection *self);
void brevet_gate_connection_opened (BrevetGateConnection *self);

/* brevet-gate-connection.c */
void brevet_gate_connection_on_ready (BrevetGateWatch *watch, guint32 events);
void brevet_gate_connection_on_expired (BrevetGateTimer *timer);
void brevet_gate_connection_enter_protocol (BrevetGateConnection *self, BrevetGateProtocolEntry *protocol);   /* transfer full */
void brevet_gate_connection_evict (BrevetGateConnection *self, BrevetGateWorker *here);   /* transfer full */
void brevet_gate_connection_stop (BrevetGateConnection *self);
void brevet_gate_connection_begin_closing (BrevetGateConnection *self);
void brevet_gate_connection_linger (BrevetGateConnection *self);

/* brevet-gate-connection-websocket.c, for connections that have one */
void brevet_gate_connection_push (BrevetGateConnection *self, GBytes *frame);   /* transfer full; queues only */
void brevet_gate_connection_push_close (BrevetGateConnection *self);
gboolean brevet_gate_connection_push_pong (BrevetGateConnection *self);         /* FALSE if none is due */
void brevet_gate_connection_settle (BrevetGateConnection *self);                /* after bytes were read and offered */
void brevet_gate_connection_part (BrevetGateConnection *self);                  /* says goodbye once both have closed */

/* brevet-gate-stream.c: as the functions of GnuTLS */
gssize brevet_gate_stream_receive (BrevetGateConnection *self, guint8 *data, gsize size);
gssize brevet_gate_stream_send (BrevetGateConnection *self, const guint8 *data, gsize length);
int brevet_gate_stream_say_goodbye (BrevetGateConnection *self);

/* brevet-gate-tls.c: each moves the connection on as far as possible without blocking */
void brevet_gate_tls_handshake (BrevetGateConnection *self);
void brevet_gate_tls_receive (BrevetGateConnection *self);
void brevet_gate_tls_send (BrevetGateConnection *self);
void brevet_gate_tls_farewell (BrevetGateConnection *self);
void brevet_gate_tls_leave (BrevetGateConnection *self);   /* as far as possible: the connection is aborted next */
void brevet_gate_tls_goodbye (BrevetGateConnection *self);
void brevet_gate_tls_drain (BrevetGateConnection *self);
void brevet_gate_tls_offer (BrevetGateConnection *self);

G_END_DECLS
