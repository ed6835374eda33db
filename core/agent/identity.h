/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-prover.h"
#include "brevet-transport.h"
#include "identity-config.h"
#include "identity-records.h"

G_BEGIN_DECLS

/**
 * BrevetIdentityState:
 *
 * The states of an identity; data/dbus/org.brevet.Agent1.xml says what each means.
 */
typedef enum {
  BREVET_IDENTITY_UNPROVISIONED,
  BREVET_IDENTITY_WAITING_FOR_TIME,
  BREVET_IDENTITY_WAITING_FOR_NETWORK,
  BREVET_IDENTITY_ATTESTING,
  BREVET_IDENTITY_REGISTERING,
  BREVET_IDENTITY_ASSIGNING,
  BREVET_IDENTITY_INSTALLING,
  BREVET_IDENTITY_PROVISIONED,
  BREVET_IDENTITY_RENEWING,
  BREVET_IDENTITY_BACKING_OFF,
  BREVET_IDENTITY_REFUSED,
  BREVET_IDENTITY_DISABLED,
} BrevetIdentityState;

/**
 * brevet_identity_state_to_string:
 *
 * Returns: (transfer none): the word of the D-Bus interface: `waiting-for-time`
 */
const char *brevet_identity_state_to_string (BrevetIdentityState state);

/**
 * BrevetIdentityAction:
 * @BREVET_IDENTITY_PROVISION: get an identity if there is none that is valid
 * @BREVET_IDENTITY_RENEW: get a new certificate now; a new key if the configuration says so
 * @BREVET_IDENTITY_REPROVISION: register from scratch with a new key
 *
 * What somebody may ask an identity for.
 */
typedef enum {
  BREVET_IDENTITY_PROVISION,
  BREVET_IDENTITY_RENEW,
  BREVET_IDENTITY_REPROVISION,
} BrevetIdentityAction;

/**
 * BREVET_IDENTITY_EARLIEST_TIME:
 *
 * 2026-01-01: a clock before it cannot be right, for brevet is younger; certificates cannot be judged then.
 */
#define BREVET_IDENTITY_EARLIEST_TIME 1767225600

/**
 * BrevetIdentity:
 *
 * One identity of the device: a state machine that gets it, keeps it, renews it and never loses it. It acts by itself on the main
 * context on which it was made.
 *
 * What holds: a stored generation is replaced only by a complete and checked one, in one atomic switch; only a definitive answer of
 * the service changes it, no failure does; the previous generation is dropped when the new one was used
 * (brevet_identity_mark_used()), or when yet another one takes its place; it never stops trying: after a refusal too, with pauses
 * that begin at half a minute and grow to `retry-maximum` (brevet_backoff_compute_after_refusal()). A key is staged on stable
 * storage before the service is asked, and the same staged key is asked for again after an interruption, so that an issued
 * certificate whose delivery was cut off is used and not issued twice.
 *
 * Signals: `changed` (anything that the getters return), `renewed` (a new generation is in use), `failed` (an attempt failed; the
 * memory says why), `trust-bundle-changed`.
 */
#define BREVET_TYPE_IDENTITY (brevet_identity_get_type ())
G_DECLARE_FINAL_TYPE (BrevetIdentity, brevet_identity, BREVET, IDENTITY, GObject)

/**
 * brevet_identity_new:
 * @config: what the configuration wants
 * @store: an open store
 * @transport: way to the service
 * @prover: proves that this is the device
 *
 * Returns: (transfer full): an identity that does nothing yet
 */
BrevetIdentity *brevet_identity_new (BrevetIdentityConfig *config, BrevetStore *store, BrevetTransport *transport,
                                     BrevetProver *prover);

/**
 * brevet_identity_load_async:
 *
 * Reads what is stored. Afterwards the getters tell it; nothing is begun. Needs no network. If the store fails, the identity stays
 * unloaded: it does nothing, and so overwrites nothing that it could not read; the caller tries again. What is damaged is told of,
 * and replaced by the previous generation, or by a new registration.
 */
void brevet_identity_load_async (BrevetIdentity *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

gboolean brevet_identity_load_finish (BrevetIdentity *self, GAsyncResult *result, GError **error);

/**
 * brevet_identity_start:
 *
 * Begins to act: provisions if there is nothing valid or the inputs have changed, plans the renewal otherwise; a persisted pause is
 * respected.
 */
void brevet_identity_start (BrevetIdentity *self);

/**
 * brevet_identity_reconfigure:
 * @config: of the same name
 *
 * Takes another configuration. Changed inputs (brevet_identity_config_compute_digest()) begin a reprovisioning in two phases: the
 * identity in use stays until the new one is stored. An attempt that is being made with the old inputs is cancelled. Where the next
 * attempt may end in another way than the last one (another setting of the transport, another kind of key, a certificate or none),
 * a pause after a failure ends, unless the service asked for it. Changes of schedules take effect at once.
 */
void brevet_identity_reconfigure (BrevetIdentity *self, BrevetIdentityConfig *config, BrevetTransport *transport,
                                  BrevetProver *prover);

/**
 * brevet_identity_stop_async:
 *
 * Ends what is being done, at a place where it can be taken up again, and acts no more. What is stored stays.
 */
void brevet_identity_stop_async (BrevetIdentity *self, GAsyncReadyCallback callback, gpointer user_data);

void brevet_identity_stop_finish (BrevetIdentity *self, GAsyncResult *result);

/**
 * brevet_identity_act_async:
 * @action: what is wanted
 *
 * Makes an attempt now, whatever is planned. An attempt that is being made already is joined; if it is a lesser one (a renewal
 * while %BREVET_IDENTITY_REPROVISION is asked for), another follows. Cancelling @cancellable only ends the waiting.
 */
void brevet_identity_act_async (BrevetIdentity *self, BrevetIdentityAction action, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_identity_act_finish:
 *
 * Returns: %TRUE if it succeeded; %FALSE with the error of the attempt, %BREVET_ERROR_NOT_FOUND for a renewal without anything to
 *   renew, %BREVET_ERROR_NOT_CONFIGURED if the identity is switched off, %BREVET_ERROR_FAILED while the clock cannot be right,
 *   %BREVET_ERROR_BUSY before the identity is loaded and after its stop, %G_IO_ERROR_CANCELLED after brevet_identity_cancel()
 */
gboolean brevet_identity_act_finish (BrevetIdentity *self, GAsyncResult *result, GError **error);

/**
 * brevet_identity_cancel:
 *
 * Ends the attempt that is being made; the next one is planned as after a failure, without counting as one.
 */
void brevet_identity_cancel (BrevetIdentity *self);

/**
 * brevet_identity_network_changed:
 * @available: whether there is a network, as far as known
 *
 * A hint: an identity that could not reach the service tries soon when a network has come, spread over some seconds, but not before
 * the time that the service asked for, and, after some failures, not at once after the last one. To be called when something has
 * changed, not at the start, where a persisted pause holds.
 */
void brevet_identity_network_changed (BrevetIdentity *self, gboolean available);

/**
 * brevet_identity_mark_used:
 *
 * Somebody has got the identity in use: the previous one is no longer needed.
 */
void brevet_identity_mark_used (BrevetIdentity *self);

BrevetIdentityConfig *brevet_identity_get_config (BrevetIdentity *self);

BrevetIdentityState brevet_identity_get_state (BrevetIdentity *self);

/**
 * brevet_identity_get_cause:
 *
 * Returns: (transfer none): why it is in this state, a sentence; may be empty
 */
const char *brevet_identity_get_cause (BrevetIdentity *self);

/**
 * brevet_identity_get_next_attempt:
 *
 * Returns: when it acts next by itself (attempt, renewal), seconds since 1970-01-01 UTC; 0 while it acts or if nothing is planned
 */
gint64 brevet_identity_get_next_attempt (BrevetIdentity *self);

/**
 * brevet_identity_get_renewal_time:
 *
 * Returns: when the certificate in use is due for renewal; 0 without certificate
 */
gint64 brevet_identity_get_renewal_time (BrevetIdentity *self);

/**
 * brevet_identity_get_current:
 *
 * Returns: (transfer none) (nullable): the generation in use
 */
BrevetGeneration *brevet_identity_get_current (BrevetIdentity *self);

/**
 * brevet_identity_get_previous:
 *
 * Returns: (transfer none) (nullable): the one before it, while it is kept
 */
BrevetGeneration *brevet_identity_get_previous (BrevetIdentity *self);

/**
 * brevet_identity_get_memory:
 *
 * Returns: (transfer none): failures, last success, last error; never %NULL
 */
const BrevetIdentityMemory *brevet_identity_get_memory (BrevetIdentity *self);

/**
 * brevet_identity_get_records:
 *
 * Returns: (transfer none): where it is stored
 */
BrevetIdentityRecords *brevet_identity_get_records (BrevetIdentity *self);

/**
 * brevet_identity_get_trust_bundle_problems:
 *
 * Returns: (transfer none) (element-type utf8): what is odd in the trust bundle in use, and what of the service's last one was left
 *   out: one sentence each
 */
GPtrArray *brevet_identity_get_trust_bundle_problems (BrevetIdentity *self);

G_END_DECLS
