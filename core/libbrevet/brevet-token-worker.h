/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * BrevetTokenWorker:
 *
 * A thread for what a token is asked: one thing after the other, in the order in which they were begun, each within a time. A token
 * that hangs holds this thread and nothing else; what waits behind it is answered when its time is over, and is then not begun any
 * more. To be used and freed on one thread.
 */
typedef struct _BrevetTokenWorker BrevetTokenWorker;

/**
 * BrevetTokenJob: (skip)
 * @data: what the job was given
 *
 * Something that blocks. Runs on the thread.
 *
 * Returns: (transfer full) (nullable): the result, or %NULL with an error
 */
typedef gpointer (*BrevetTokenJob) (gpointer data, GError **error);

/**
 * brevet_token_worker_new: (skip)
 *
 * Returns: (transfer full): a worker; free it with brevet_token_worker_free()
 */
BREVET_API
BrevetTokenWorker *brevet_token_worker_new (void);

/**
 * brevet_token_worker_free: (skip)
 *
 * What is being done ends on its own, and nobody hears of it.
 */
BREVET_API
void brevet_token_worker_free (BrevetTokenWorker *self);

/**
 * brevet_token_worker_run_async: (skip)
 * @source: (nullable): what @callback gets as its source
 * @token: what is named in errors
 * @seconds: time for waiting and doing together
 * @job: what to do
 * @data: (transfer full): for @job; nobody else may use it any more
 * @free_data: how it is freed: on the worker's thread, as a key in it may close its session with the token
 * @free_result: how a result is freed that nobody waits for any more
 * @cancellable: (nullable): ends the waiting, not what is being done
 */
BREVET_API
void brevet_token_worker_run_async (BrevetTokenWorker *self, gpointer source, const char *token, guint seconds, BrevetTokenJob job,
                                    gpointer data, GDestroyNotify free_data, GDestroyNotify free_result, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_token_worker_run_finish: (skip)
 *
 * Returns: (transfer full) (nullable): the result; %NULL with the job's error, %BREVET_ERROR_UNREACHABLE if the time is over, or
 *   %G_IO_ERROR_CANCELLED
 */
BREVET_API
gpointer brevet_token_worker_run_finish (GAsyncResult *result, GError **error);

/**
 * brevet_token_worker_release: (skip)
 * @data: (transfer full): what may hold a session with a token, such as a key
 * @free_data: how it is freed
 *
 * Frees @data on the worker's thread: to end a session takes a token that answers.
 */
BREVET_API
void brevet_token_worker_release (BrevetTokenWorker *self, gpointer data, GDestroyNotify free_data);

/**
 * brevet_token_worker_settle: (skip)
 * @seconds: how long to wait at most
 *
 * Waits, at the end of the process, for what all workers were given to do: the libraries of tokens do not like to be used while the
 * process ends.
 *
 * Returns: %FALSE if a token still hangs
 */
BREVET_API
gboolean brevet_token_worker_settle (guint seconds);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTokenWorker, brevet_token_worker_free)

G_END_DECLS
