/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "records.h"

G_BEGIN_DECLS

/**
 * BrevetWaiters:
 *
 * Who waits for which operation in this process. Reference counted: an issuance in the background may outlive the service. A waiter
 * belongs to the thread that made it; notifications come from any thread.
 */
typedef struct _BrevetWaiters BrevetWaiters;

typedef struct _BrevetWaiter BrevetWaiter;

BrevetWaiters *brevet_waiters_new (void);

BrevetWaiters *brevet_waiters_ref (BrevetWaiters *self);

void brevet_waiters_unref (BrevetWaiters *self);

/**
 * brevet_waiters_add:
 * @operation_id: the operation
 *
 * Registers interest before the operation is looked at, so that its end cannot be missed.
 *
 * Returns: (transfer full): a waiter; free it on the same thread
 */
BrevetWaiter *brevet_waiters_add (BrevetWaiters *self, const char *operation_id);

/**
 * brevet_waiters_notify:
 * @operation: (transfer none): a finished operation, with certificate in its state
 */
void brevet_waiters_notify (BrevetWaiters *self, const BrevetOperation *operation);

/**
 * brevet_waiters_release:
 *
 * Ends every wait like a time-out, also those that are yet to begin. From any thread.
 */
void brevet_waiters_release (BrevetWaiters *self);

/**
 * brevet_waiter_wait_async:
 * @seconds: longest time to wait
 *
 * Waits for the end of the operation. At most once per waiter. Cancelling ends the wait like a time-out.
 */
void brevet_waiter_wait_async (BrevetWaiter *self, guint seconds, GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data);

/**
 * brevet_waiter_wait_finish:
 *
 * Returns: (transfer full) (nullable): the finished operation, or %NULL if the time is over
 */
BrevetOperation *brevet_waiter_wait_finish (GAsyncResult *result);

void brevet_waiter_free (BrevetWaiter *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetWaiters, brevet_waiters_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetWaiter, brevet_waiter_free)

G_END_DECLS
