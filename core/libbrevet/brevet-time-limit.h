/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * BrevetTimeLimit:
 *
 * A cancellable for work that has to end: it is cancelled when the time is over, when the caller cancels, or by whoever does the
 * work. To be used and freed on the thread of its main context.
 */
typedef struct _BrevetTimeLimit BrevetTimeLimit;

/**
 * brevet_time_limit_new: (skip)
 * @context: (nullable): where the time runs, usually g_task_get_context(); %NULL for the default one
 * @milliseconds: how long, from now
 * @outer: (nullable): the caller's cancellable
 *
 * Returns: (transfer full): a time limit; free it with brevet_time_limit_free()
 */
BREVET_API
BrevetTimeLimit *brevet_time_limit_new (GMainContext *context, guint milliseconds, GCancellable *outer);

/**
 * brevet_time_limit_free: (skip)
 *
 * Stops the clock. Does not cancel what is still under way.
 */
BREVET_API
void brevet_time_limit_free (BrevetTimeLimit *self);

/**
 * brevet_time_limit_get_cancellable: (skip)
 *
 * Returns: (transfer none): what to give to the work
 */
BREVET_API
GCancellable *brevet_time_limit_get_cancellable (BrevetTimeLimit *self);

/**
 * brevet_time_limit_has_passed: (skip)
 *
 * Returns: %TRUE if it was the time that cancelled the work
 */
BREVET_API
gboolean brevet_time_limit_has_passed (BrevetTimeLimit *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTimeLimit, brevet_time_limit_free)

G_END_DECLS
