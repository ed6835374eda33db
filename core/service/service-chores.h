/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-context.h"

G_BEGIN_DECLS

/* BrevetServiceChores (service-context.h):
 *
 * What a service does by itself, in the background: jobs that are run now and then, one run of each at a time, on the main context
 * of whoever made the service. They begin when the main loop runs and end with the service. Reference counted; holds neither the
 * service nor, between runs, its context.
 *
 * Pauses are measured by a clock that never jumps, and jittered, so that several services beside each other do not march in
 * step. What depends on the time of day is the job's to look at in each run. A run that fails is repeated soon, and less and less
 * soon; the log tells it once per kind of trouble, and when it is over.
 */

/**
 * BrevetChoreRunFunc:
 * @data: of the chore
 * @context: the context that is current now; a run that goes on takes a reference
 * @cancellable: cancelled when the service stops
 *
 * Begins a run. Always calls @callback in the end, soon after @cancellable is cancelled.
 */
typedef void (*BrevetChoreRunFunc) (gpointer data, BrevetServiceContext *context, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer user_data);

/**
 * BrevetChoreFinishFunc:
 * @data: of the chore
 * @pause: (inout): seconds until the next run, as the chore has it; another number for this once, 0 to wait until it is poked
 *
 * Returns: %FALSE with an error if the run failed and shall be repeated
 */
typedef gboolean (*BrevetChoreFinishFunc) (gpointer data, GAsyncResult *result, guint *pause, GError **error);

/**
 * BrevetChore:
 * @name: which one that is: for the log, and to poke it; a static string such as `revocations`
 * @interval: seconds between two runs, 0 for only when it is poked
 * @delay: seconds from the start of the service to the first run; 0 for at once, but never before the main loop runs
 * @run_async: begins a run
 * @run_finish: ends it
 *
 * A job. Plain data.
 */
typedef struct {
  const char *name;
  guint interval;
  guint delay;
  BrevetChoreRunFunc run_async;
  BrevetChoreFinishFunc run_finish;
} BrevetChore;

/**
 * BrevetChoresContextFunc:
 *
 * Returns: (transfer full): the context that is current now
 */
typedef BrevetServiceContext *(*BrevetChoresContextFunc) (gpointer owner);

/**
 * brevet_service_chores_new:
 * @get_context: called before each run, with a lock held: it must not come back here
 * @owner: for @get_context, until brevet_service_chores_stop()
 *
 * Returns: (transfer full): no jobs yet; they will run on the caller's thread-default main context
 */
BrevetServiceChores *brevet_service_chores_new (BrevetChoresContextFunc get_context, gpointer owner);

BrevetServiceChores *brevet_service_chores_ref (BrevetServiceChores *self);

void brevet_service_chores_unref (BrevetServiceChores *self);

/**
 * brevet_service_chores_add:
 * @chore: copied
 * @data: for its functions
 * @data_free: (nullable): called when no run can come any more
 *
 * Adds a job, by whoever makes the service, and before it serves.
 */
void brevet_service_chores_add (BrevetServiceChores *self, const BrevetChore *chore, gpointer data, GDestroyNotify data_free);

/**
 * brevet_service_chores_poke:
 * @self: (nullable): %NULL for where there is no service
 * @name: (nullable): name of a job, %NULL for all
 *
 * There is something to do: the job runs at once, or once more if it is running. From any thread; costs next to nothing.
 */
void brevet_service_chores_poke (BrevetServiceChores *self, const char *name);

/**
 * brevet_service_chores_ref_context:
 *
 * For what goes on for longer than a configuration lives.
 *
 * Returns: (transfer full) (nullable): the context that is current now, %NULL once the service has stopped. From any thread.
 */
BrevetServiceContext *brevet_service_chores_ref_context (BrevetServiceChores *self);

/**
 * brevet_service_chores_hold:
 * @self: (nullable): %NULL for where there is no service
 *
 * Something was begun that goes on behind the job or the request that began it: a service that stops waits for it as for a run.
 * From any thread.
 *
 * Returns: (transfer full) (nullable): @self, for brevet_service_chores_release()
 */
BrevetServiceChores *brevet_service_chores_hold (BrevetServiceChores *self);

/**
 * brevet_service_chores_release:
 * @self: (transfer full) (nullable): what brevet_service_chores_hold() has returned
 *
 * It has ended.
 */
void brevet_service_chores_release (BrevetServiceChores *self);

/**
 * brevet_service_chores_is_running:
 *
 * Returns: %TRUE while a job runs, or something is held. From any thread.
 */
gboolean brevet_service_chores_is_running (BrevetServiceChores *self);

/**
 * brevet_service_chores_stop:
 *
 * Begins no more runs, cancels those that are under way, and forgets the owner. From any thread, and more than once.
 */
void brevet_service_chores_stop (BrevetServiceChores *self);

/**
 * brevet_service_chores_stop_async:
 *
 * brevet_service_chores_stop(), and waits for the runs that it has cancelled, and for what is held; not for longer than a few
 * seconds. Once.
 */
void brevet_service_chores_stop_async (BrevetServiceChores *self, GAsyncReadyCallback callback, gpointer user_data);

void brevet_service_chores_stop_finish (GAsyncResult *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetServiceChores, brevet_service_chores_unref)

G_END_DECLS
