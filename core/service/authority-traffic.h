/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-backend.h"

G_BEGIN_DECLS

/**
 * BrevetAuthorityTraffic:
 *
 * What stands between the service and one certificate authority: its queue, its rate, its circuit breaker, and what is known of its
 * health. Each certificate authority has its own, so a slow one delays nobody else. Lives as long as the service does, through
 * reloads. Thread-safe and reference counted.
 *
 * The circuit opens after five failures in a row, or when a check finds the CA down: then nobody is let through for 30 seconds, and
 * for twice as long each time that the one who is let through after that fails too, up to ten minutes (protocol/ca-backends.md
 * §8.4). An answer closes it, a refusal included: a CA that says no is not down. Whoever comes while that one is asking waits for
 * its answer. A CA that says that it was too much is left alone for as long as it says, and all wait. After either, one question is
 * let through at first, and more with each answer.
 */
typedef struct _BrevetAuthorityTraffic BrevetAuthorityTraffic;

/**
 * BrevetAuthorityTurn:
 *
 * The right to ask one question. Exactly one end belongs to it.
 */
typedef struct _BrevetAuthorityTurn BrevetAuthorityTurn;

/**
 * BrevetAuthorityPriority:
 * @BREVET_AUTHORITY_PRIORITY_DEVICE: a device waits for the answer
 * @BREVET_AUTHORITY_PRIORITY_BACKGROUND: nobody waits: revocations, orphans, trust; after all others
 * @BREVET_AUTHORITY_PRIORITY_CHECK: a check of the CA, which is let through while the circuit is open, and does not count for it
 */
typedef enum {
  BREVET_AUTHORITY_PRIORITY_DEVICE,
  BREVET_AUTHORITY_PRIORITY_BACKGROUND,
  BREVET_AUTHORITY_PRIORITY_CHECK,
} BrevetAuthorityPriority;

/**
 * BrevetAuthorityCircuit:
 * @BREVET_AUTHORITY_CIRCUIT_CLOSED: everybody is let through
 * @BREVET_AUTHORITY_CIRCUIT_OPEN: nobody is
 * @BREVET_AUTHORITY_CIRCUIT_HALF_OPEN: one is, to see whether the CA is back
 */
typedef enum {
  BREVET_AUTHORITY_CIRCUIT_CLOSED,
  BREVET_AUTHORITY_CIRCUIT_OPEN,
  BREVET_AUTHORITY_CIRCUIT_HALF_OPEN,
} BrevetAuthorityCircuit;

/**
 * BrevetAuthorityLimits:
 * @maximum_in_flight: questions at once, 0 for no limit (setting `maximum-in-flight`)
 * @burst: questions in a row (setting `burst`)
 * @per_second: questions on and on, 0 for no rate (setting `requests-per-minute`, divided by 60)
 * @maximum_queued: those that may wait for their turn; more are refused (setting `maximum-queued`)
 * @check_interval: seconds between two checks (setting `check-interval`)
 *
 * How much is asked of one certificate authority: what its group says, else what its plugin says.
 */
typedef struct {
  guint maximum_in_flight;
  guint burst;
  double per_second;
  guint maximum_queued;
  guint check_interval;
} BrevetAuthorityLimits;

/**
 * BrevetAuthorityReport:
 * @circuit: whether questions are let through
 * @retry_at: when one is let through again, seconds since 1970-01-01 UTC, 0 if not open
 * @failures: failures in a row
 * @in_flight: questions that are being answered
 * @queued: questions that wait for their turn
 * @queued_seconds: for how long the first of them has waited
 * @asked: questions since the service started
 * @failed: those of them that failed
 * @last_success: last answer, seconds since 1970-01-01 UTC, 0 if none
 * @last_failure: last failure, seconds since 1970-01-01 UTC, 0 if none
 * @problem: (nullable): what the last failure was, in words for an operator
 * @health: (nullable): what the last check found
 * @checked_at: when that was, seconds since 1970-01-01 UTC, 0 if never
 * @latency: milliseconds that the last check took
 *
 * What an operator wants to know about a certificate authority. Plain data.
 */
typedef struct {
  BrevetAuthorityCircuit circuit;
  gint64 retry_at;
  guint failures;
  guint in_flight;
  guint queued;
  guint queued_seconds;
  guint64 asked;
  guint64 failed;
  gint64 last_success;
  gint64 last_failure;
  char *problem;
  BrevetCaHealth *health;
  gint64 checked_at;
  guint latency;
} BrevetAuthorityReport;

/**
 * brevet_authority_limits_read:
 * @settings: (nullable): group of the certificate authority
 * @backend: (nullable): its plugin, for what @settings do not say; %NULL to check @settings
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming file, line and key
 */
gboolean brevet_authority_limits_read (BrevetSettings *settings, BrevetCaBackend *backend, BrevetAuthorityLimits *limits,
                                       GError **error);

/**
 * brevet_authority_traffic_new:
 * @name: name of the certificate authority
 *
 * Returns: (transfer full): traffic with no history
 */
BrevetAuthorityTraffic *brevet_authority_traffic_new (const char *name, const BrevetAuthorityLimits *limits);

BrevetAuthorityTraffic *brevet_authority_traffic_ref (BrevetAuthorityTraffic *self);

void brevet_authority_traffic_unref (BrevetAuthorityTraffic *self);

/**
 * brevet_authority_traffic_set_limits:
 *
 * Takes effect for those that wait, too.
 */
void brevet_authority_traffic_set_limits (BrevetAuthorityTraffic *self, const BrevetAuthorityLimits *limits);

/**
 * brevet_authority_traffic_get_limits:
 * @limits: (out): those in force
 */
void brevet_authority_traffic_get_limits (BrevetAuthorityTraffic *self, BrevetAuthorityLimits *limits);

guint brevet_authority_traffic_get_check_interval (BrevetAuthorityTraffic *self);

/**
 * brevet_authority_traffic_try_enter:
 * @error: set if there is no way to wait: %BREVET_CA_ERROR_UNAVAILABLE with the seconds to wait if the circuit is open,
 *   %BREVET_CA_ERROR_RATE_LIMITED if too many wait already. Nothing was asked then.
 *
 * Returns: (transfer full) (nullable): the turn; %NULL without an error if it must be waited for
 */
BrevetAuthorityTurn *brevet_authority_traffic_try_enter (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority,
                                                         GError **error);

/**
 * brevet_authority_traffic_enter_async:
 *
 * Waits for a turn, in the order of priority and arrival. Answered on the caller's thread-default main context.
 */
void brevet_authority_traffic_enter_async (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority,
                                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_authority_traffic_enter_finish:
 *
 * Returns: (transfer full) (nullable): the turn; %NULL with an error as brevet_authority_traffic_try_enter() has it, or
 *   %G_IO_ERROR_CANCELLED
 */
BrevetAuthorityTurn *brevet_authority_traffic_enter_finish (GAsyncResult *result, GError **error);

/**
 * brevet_authority_turn_end:
 * @turn: (transfer full): the turn
 * @error: (nullable): what the plugin returned, %NULL if it answered
 *
 * Says how it went, and lets the next one through. From any thread.
 */
void brevet_authority_turn_end (BrevetAuthorityTurn *turn, const GError *error);

/**
 * brevet_authority_traffic_is_open:
 *
 * Returns: %TRUE if the CA is down as far as is known, and it is not time to try again: a question would be refused now, or wait
 *   for the answer of the one that is being tried. Whoever has another CA to ask, asks that.
 */
gboolean brevet_authority_traffic_is_open (BrevetAuthorityTraffic *self);

/**
 * brevet_authority_traffic_note_health:
 * @health: (nullable): what a check found, %NULL if the check itself failed
 * @error: (nullable): why it failed
 * @latency: milliseconds that it took
 *
 * Opens the circuit if the CA is down; if it is not, lets one question through an open circuit at once. Logs a change for the
 * operator.
 */
void brevet_authority_traffic_note_health (BrevetAuthorityTraffic *self, BrevetCaHealth *health, const GError *error,
                                           guint latency);

/**
 * brevet_authority_traffic_report:
 *
 * Returns: (transfer full): what is known now
 */
BrevetAuthorityReport *brevet_authority_traffic_report (BrevetAuthorityTraffic *self);

void brevet_authority_report_free (BrevetAuthorityReport *self);

/**
 * BrevetAuthorityTraffics:
 *
 * The traffic of all certificate authorities of a service, by name. Thread-safe and reference counted.
 */
typedef struct _BrevetAuthorityTraffics BrevetAuthorityTraffics;

BrevetAuthorityTraffics *brevet_authority_traffics_new (void);

BrevetAuthorityTraffics *brevet_authority_traffics_ref (BrevetAuthorityTraffics *self);

void brevet_authority_traffics_unref (BrevetAuthorityTraffics *self);

/**
 * brevet_authority_traffics_get:
 * @name: name of the certificate authority
 * @identity: which CA that is (brevet_ca_backend_dup_identity()): each has its own, also if a name has stood for several
 * @limits: of a CA that nobody has asked before; others keep theirs until brevet_authority_traffic_set_limits()
 *
 * Returns: (transfer full): its traffic
 */
BrevetAuthorityTraffic *brevet_authority_traffics_get (BrevetAuthorityTraffics *self, const char *name, const char *identity,
                                                       const BrevetAuthorityLimits *limits);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAuthorityTraffic, brevet_authority_traffic_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAuthorityTraffics, brevet_authority_traffics_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAuthorityReport, brevet_authority_report_free)

G_END_DECLS
