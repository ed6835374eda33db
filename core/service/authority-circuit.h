/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-traffic.h"

G_BEGIN_DECLS

/**
 * BrevetCircuit:
 * @state: whether questions pass
 * @failures: in a row
 * @openings: how often it has opened since the last answer
 * @epoch: another one whenever @state has changed: what was begun before says nothing about now
 * @retry_at: while open: when one question passes, in microseconds of brevet_clock_monotonic()
 *
 * A circuit breaker. Plain data without a clock and without a lock; all zero is closed.
 */
typedef struct {
  BrevetAuthorityCircuit state;
  guint failures;
  guint openings;
  guint epoch;
  gint64 retry_at;
} BrevetCircuit;

/**
 * brevet_circuit_lets_pass:
 *
 * Returns: %TRUE if a question may be asked at @now
 */
gboolean brevet_circuit_lets_pass (const BrevetCircuit *self, gint64 now);

/**
 * brevet_circuit_is_due:
 *
 * Returns: %TRUE if it is open, and yet one question may be asked at @now, to see whether the CA is back
 */
gboolean brevet_circuit_is_due (const BrevetCircuit *self, gint64 now);

/**
 * brevet_circuit_pass:
 *
 * Notes that a question is asked, which brevet_circuit_lets_pass() has allowed.
 *
 * Returns: the epoch of the question
 */
guint brevet_circuit_pass (BrevetCircuit *self);

/**
 * brevet_circuit_note_answer:
 *
 * Returns: %TRUE if this has closed it
 */
gboolean brevet_circuit_note_answer (BrevetCircuit *self);

/**
 * brevet_circuit_note_failure:
 * @epoch: of the question that failed
 *
 * Returns: %TRUE if this has opened it
 */
gboolean brevet_circuit_note_failure (BrevetCircuit *self, guint epoch, gint64 now);

/**
 * brevet_circuit_note_nothing:
 * @epoch: of a question that was not asked after all
 *
 * If that was the one to see whether the CA is back, the next one is.
 */
void brevet_circuit_note_nothing (BrevetCircuit *self, guint epoch, gint64 now);

/**
 * brevet_circuit_note_down:
 *
 * Somebody has looked, and the CA is down.
 *
 * Returns: %TRUE if this has opened it
 */
gboolean brevet_circuit_note_down (BrevetCircuit *self, gint64 now);

/**
 * brevet_circuit_note_up:
 *
 * Somebody has looked, and the CA is there: if it is open, one question may be asked at once.
 */
void brevet_circuit_note_up (BrevetCircuit *self, gint64 now);

G_END_DECLS
