/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-private.h"

#include "brevet-log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TURN 32                 /* most new connections before the open ones have their turn */
#define PAUSE_MILLISECONDS 50
#define MOST_VICTIMS 4

static void
listen_again (BrevetGateAcceptor *self)
{
  if (!self->listening)
    return;
  if (!brevet_gate_worker_watch (self->worker, &self->watch, EPOLLIN | (self->shared ? EPOLLEXCLUSIVE : 0)))
    g_warning ("Cannot watch a listening socket: %s", g_strerror (errno));
}

static void
on_pause_over (BrevetGateTimer *timer)
{
  gpointer start = (guint8 *) timer - G_STRUCT_OFFSET (BrevetGateAcceptor, pause);

  listen_again (start);
}

static void
pause_accepting (BrevetGateAcceptor *self)
{
  brevet_gate_worker_unwatch (self->worker, &self->watch);
  brevet_gate_worker_arm (self->worker, &self->pause, PAUSE_MILLISECONDS);
}

static void
log_pause (int code)
{
  static gint64 next;
  static GMutex lock;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&lock);
  gint64 now = g_get_monotonic_time ();

  if (now < next)
    return;

  next = now + G_USEC_PER_SEC;
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_LISTENER_PAUSED,
                    "New connections cannot be accepted for a moment; raise the limit of open files or lower maximum-connections",
                    "BREVET_CAUSE", g_strerror (code), NULL);
}

/* Returns: TRUE if a descriptor is free now; else one may soon be: @anybody says whether that is to be hoped for */
static gboolean
evict_somebody (BrevetGateAcceptor *self, gboolean *anybody)
{
  for (guint i = 0; i < MOST_VICTIMS; i++)
    {
      BrevetGateConnection *victim = brevet_gate_census_pick_victim (&self->gate->census, anybody);
      gboolean here;

      if (victim == NULL)
        return FALSE;
      here = victim->worker == self->worker;
      brevet_gate_connection_evict (victim, self->worker);
      if (here)
        return TRUE;
    }
  return FALSE;
}

/* Nobody can make room: at least the client learns it at once instead of waiting in the kernel's queue. */
static void
turn_one_away (BrevetGateAcceptor *self)
{
  int fd;

  if (self->worker->reserve_fd >= 0)
    close (self->worker->reserve_fd);
  fd = accept4 (self->watch.fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0)
    close (fd);
  self->worker->reserve_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Returns: FALSE if accepting pauses */
static gboolean
on_exhausted (BrevetGateAcceptor *self, int code)
{
  gboolean anybody = FALSE;

  log_pause (code);
  if (evict_somebody (self, &anybody))
    return TRUE;

  if (!anybody)
    turn_one_away (self);
  pause_accepting (self);
  return FALSE;
}

static gboolean
is_exhaustion (int code)
{
  return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/* Returns: FALSE if there is nobody more to accept for now */
static gboolean
accept_one (BrevetGateAcceptor *self)
{
  struct sockaddr_storage peer = { 0 };
  socklen_t length = sizeof peer;
  int fd;

  if (!brevet_gate_census_is_ready (&self->gate->census))
    {
      pause_accepting (self);
      return FALSE;
    }

  fd = accept4 (self->watch.fd, (struct sockaddr *) &peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0)
    brevet_gate_connection_accept (self, fd, &peer);
  else if (errno == EAGAIN)
    return FALSE;
  else if (is_exhaustion (errno))
    return on_exhausted (self, errno);

  /* Every other error is the fate of one connection, such as a reset before it was accepted. */
  return TRUE;
}

static void
on_ready (BrevetGateWatch *watch, guint32 events)
{
  for (guint turn = 0; turn < TURN; turn++)
    if (!accept_one ((BrevetGateAcceptor *) watch))
      return;
}

BrevetGateAcceptor *
brevet_gate_acceptor_new (BrevetGate *gate, BrevetGateWorker *worker, int fd, gboolean shared)
{
  BrevetGateAcceptor *self = g_new0 (BrevetGateAcceptor, 1);

  self->watch.fd = fd;
  self->watch.ready = on_ready;
  self->pause.expired = on_pause_over;
  self->gate = gate;
  self->worker = worker;
  self->shared = shared;
  g_queue_init (&self->connections);
  return self;
}

static gboolean
start_here (gpointer data)
{
  BrevetGateAcceptor *self = data;

  self->listening = TRUE;
  listen_again (self);
  return G_SOURCE_REMOVE;
}

void
brevet_gate_acceptor_start (BrevetGateAcceptor *self)
{
  brevet_gate_retain (self->gate);
  brevet_gate_worker_invoke (self->worker, start_here, self, NULL);
}

static gboolean
stop_here (gpointer data)
{
  BrevetGateAcceptor *self = data;

  brevet_gate_worker_unwatch (self->worker, &self->watch);
  brevet_gate_wheel_disarm (&self->pause);
  close (self->watch.fd);
  self->watch.fd = -1;
  self->listening = FALSE;
  for (GList *link = self->connections.head, *next; link != NULL; link = next)
    {
      next = link->next;
      brevet_gate_connection_stop (link->data);
    }
  brevet_gate_release (self->gate);
  return G_SOURCE_REMOVE;
}

void
brevet_gate_acceptor_stop (BrevetGateAcceptor *self)
{
  brevet_gate_worker_invoke (self->worker, stop_here, self, NULL);
}

static gboolean
cut_here (gpointer data)
{
  BrevetGateAcceptor *self = data;

  while (!g_queue_is_empty (&self->connections))
    brevet_gate_connection_abort (g_queue_peek_head (&self->connections));
  brevet_gate_release (self->gate);
  return G_SOURCE_REMOVE;
}

void
brevet_gate_acceptor_cut (BrevetGateAcceptor *self)
{
  brevet_gate_retain (self->gate);
  brevet_gate_worker_invoke (self->worker, cut_here, self, NULL);
}
