/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-config.h"

G_BEGIN_DECLS

/**
 * BrevetLimits:
 *
 * Protects the service from too much: group `[limits]` with `requests-per-device` (requests per minute of one device that has
 * proved who it is; 0 for no limit), `requests-in-flight`, `operations-in-flight` and `operations-waiting`. Thread-safe and
 * reference counted; its memory is bounded.
 *
 * An operation is in flight until it has to wait for a certificate authority that takes its time: that is in its queue, is down, or
 * holds the request as pending. From then on it counts as waiting, so that those of one certificate authority do not keep out those
 * of another. Only when too many wait do further ones stay in flight.
 */
typedef struct _BrevetLimits BrevetLimits;

BrevetLimits *brevet_limits_new (BrevetConfig *config, GError **error);

BrevetLimits *brevet_limits_ref (BrevetLimits *self);

void brevet_limits_unref (BrevetLimits *self);

/**
 * brevet_limits_take_device:
 * @registration_key: folded registration id
 * @now: monotonic microseconds
 *
 * Returns: 0 if the device may go on, else the seconds after which it may
 */
guint brevet_limits_take_device (BrevetLimits *self, const char *registration_key, gint64 now);

/**
 * brevet_limits_begin_request:
 *
 * Returns: %FALSE if too many requests are being handled; else end it with brevet_limits_end_request()
 */
gboolean brevet_limits_begin_request (BrevetLimits *self);

void brevet_limits_end_request (BrevetLimits *self);

/**
 * brevet_limits_begin_operation:
 *
 * Returns: %FALSE if too many issuances are under way; else end it with brevet_limits_end_operation()
 */
gboolean brevet_limits_begin_operation (BrevetLimits *self);

/**
 * brevet_limits_resume_operation:
 *
 * Counts an operation that was begun before a restart, whatever the limit says.
 */
void brevet_limits_resume_operation (BrevetLimits *self);

/**
 * brevet_limits_park_operation:
 *
 * An operation in flight has to wait.
 *
 * Returns: %TRUE if it counts as waiting from now on
 */
gboolean brevet_limits_park_operation (BrevetLimits *self);

/**
 * brevet_limits_end_operation:
 * @parked: what brevet_limits_park_operation() returned, %FALSE if it never waited
 */
void brevet_limits_end_operation (BrevetLimits *self, gboolean parked);

/**
 * brevet_limits_is_busy:
 *
 * Returns: %TRUE while a request or an operation has begun and not ended
 */
gboolean brevet_limits_is_busy (BrevetLimits *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetLimits, brevet_limits_unref)

G_END_DECLS
