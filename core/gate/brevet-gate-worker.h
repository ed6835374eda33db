/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate-wheel.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define BREVET_GATE_RECORD_SIZE 16384   /* longest TLS record */

typedef struct _BrevetGateWorker BrevetGateWorker;
typedef struct _BrevetGateWatch BrevetGateWatch;

/* One file descriptor in a worker's epoll set, embedded in what it belongs to. */
struct _BrevetGateWatch
{
  int     fd;
  guint32 events;
  void (*ready) (BrevetGateWatch *watch, guint32 events);
};

/* A thread with its own main context, which is the thread's default one, and one GSource over one epoll descriptor: GLib polls
 * every descriptor of a context on each turn, epoll does not. Workers belong to the process and are shared by all gates. Unless
 * said otherwise, functions are for the worker's own thread. */
struct _BrevetGateWorker
{
  guint           index;
  GThread        *thread;
  GMainContext   *context;
  GMainLoop      *loop;
  GSource        *source;
  int             epoll_fd;
  int             reserve_fd;      /* given up for a moment when descriptors run out, see the acceptor */
  gboolean        dispatching;
  GPtrArray      *graveyard;
  BrevetGateWheel wheel;
  guint8          scratch[BREVET_GATE_RECORD_SIZE];
};

/* Returns the first @count workers of the process, started if need be; any thread. Each successful call needs a release. */
GPtrArray *brevet_gate_workers_acquire (guint count, GError **error);

/* The last release ends and joins the threads; not from a worker. */
void brevet_gate_workers_release (void);

/* Calls @function on the worker's thread, in order; any thread. */
void brevet_gate_worker_invoke (BrevetGateWorker *self, GSourceFunc function, gpointer data, GDestroyNotify destroy);

gboolean brevet_gate_worker_watch (BrevetGateWorker *self, BrevetGateWatch *watch, guint32 events);

void brevet_gate_worker_change (BrevetGateWorker *self, BrevetGateWatch *watch, guint32 events);

void brevet_gate_worker_unwatch (BrevetGateWorker *self, BrevetGateWatch *watch);

void brevet_gate_worker_arm (BrevetGateWorker *self, BrevetGateTimer *timer, gint64 milliseconds);

/* Frees @object with @destroy once no event of the current batch can refer to it any more. */
void brevet_gate_worker_bury (BrevetGateWorker *self, gpointer object, GDestroyNotify destroy);

G_END_DECLS
