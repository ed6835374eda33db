/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-attestation.h"
#include "brevet-claims.h"
#include "brevet-plugin.h"

G_BEGIN_DECLS

/**
 * BrevetVerdict:
 *
 * What a verifier answers when it does not refuse: accepted, or a challenge to be answered first. Immutable, reference counted.
 */
typedef struct _BrevetVerdict BrevetVerdict;

#define BREVET_TYPE_VERDICT (brevet_verdict_get_type ())

BREVET_API
GType brevet_verdict_get_type (void);

/**
 * brevet_verdict_new_accepted:
 * @credential: what was proved, in words for the log: `primary key`
 * @parameters: (nullable): what the assigned device is told about its attestation, %NULL for an empty object
 *
 * Returns: (transfer full): a verdict
 */
BREVET_API
BrevetVerdict *brevet_verdict_new_accepted (const char *credential, JsonObject *parameters);

/**
 * brevet_verdict_new_challenge:
 * @parameters: what the device needs to prove itself with its next request
 *
 * Returns: (transfer full): a verdict
 */
BREVET_API
BrevetVerdict *brevet_verdict_new_challenge (JsonObject *parameters);

BREVET_API
BrevetVerdict *brevet_verdict_ref (BrevetVerdict *self);

BREVET_API
void brevet_verdict_unref (BrevetVerdict *self);

/**
 * brevet_verdict_is_accepted:
 *
 * Returns: %TRUE if the device has proved who it is, %FALSE for a challenge
 */
BREVET_API
gboolean brevet_verdict_is_accepted (BrevetVerdict *self);

/**
 * brevet_verdict_get_credential:
 *
 * Returns: (nullable) (transfer none): what was proved; %NULL for a challenge
 */
BREVET_API
const char *brevet_verdict_get_credential (BrevetVerdict *self);

/**
 * brevet_verdict_get_parameters:
 *
 * Returns: (transfer none): what the device is told
 */
BREVET_API
JsonObject *brevet_verdict_get_parameters (BrevetVerdict *self);

/**
 * brevet_verdict_set_memory:
 * @memory: (nullable): what the verifier wants to find again when this device comes back, on whichever instance of the service;
 *   replaces what was remembered. %NULL leaves that as it is.
 *
 * Part of making a verdict: called before it is shared. Kept in the store, like an enrollment; see
 * brevet_attestation_get_memory().
 */
BREVET_API
void brevet_verdict_set_memory (BrevetVerdict *self, JsonObject *memory);

/**
 * brevet_verdict_get_memory:
 *
 * Returns: (nullable) (transfer none): what is to be remembered; %NULL if nothing has changed
 */
BREVET_API
JsonObject *brevet_verdict_get_memory (BrevetVerdict *self);

/**
 * brevet_verdict_set_recipient:
 * @recipient: (nullable): whom the parameters are made for, in any words, if others cannot use them; %NULL if they are good for
 *   every request of the device
 *
 * Part of making a verdict: called before it is shared. A device that asks again while its operation is in flight gets the answer
 * that was made before, unless this one would be for somebody else.
 */
BREVET_API
void brevet_verdict_set_recipient (BrevetVerdict *self, const char *recipient);

/**
 * brevet_verdict_get_recipient:
 *
 * Returns: (nullable) (transfer none): whom the parameters are made for
 */
BREVET_API
const char *brevet_verdict_get_recipient (BrevetVerdict *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetVerdict, brevet_verdict_unref)

/**
 * BrevetVerifier:
 *
 * The service's half of one attestation mechanism (protocol/dps.md §6 to §8). It owns everything that only this mechanism knows:
 * what an operator may write into an enrollment, what of it may be shown, and how a device proves itself.
 */
#define BREVET_TYPE_VERIFIER (brevet_verifier_get_type ())
BREVET_API
G_DECLARE_INTERFACE (BrevetVerifier, brevet_verifier, BREVET, VERIFIER, BrevetPlugin)

/**
 * BrevetVerifierInterface:
 * @prepare: see brevet_verifier_prepare()
 * @describe: see brevet_verifier_describe()
 * @reveal: see brevet_verifier_reveal(); optional
 * @needs_body: see brevet_verifier_needs_body(); optional
 * @has_memory: see brevet_verifier_has_memory(); optional
 * @dup_subject_keys: see brevet_verifier_dup_subject_keys(); optional
 * @dup_references: see brevet_verifier_dup_references(); optional
 * @verify_async: see brevet_verifier_verify_async()
 * @verify_finish: see brevet_verifier_verify_finish()
 */
struct _BrevetVerifierInterface
{
  GTypeInterface parent_iface;

  JsonObject *(*prepare) (BrevetVerifier *self, BrevetAttestation *wanted, BrevetAttestation *stored, GError **error);
  JsonObject *(*describe) (BrevetVerifier *self, BrevetAttestation *stored);
  JsonObject *(*reveal) (BrevetVerifier *self, BrevetAttestation *stored);
  gboolean (*needs_body) (BrevetVerifier *self, BrevetClaims *claims);
  gboolean (*has_memory) (BrevetVerifier *self);
  char **(*dup_subject_keys) (BrevetVerifier *self, BrevetAttestation *attestation);
  char **(*dup_references) (BrevetVerifier *self, BrevetAttestation *attestation);
  void (*verify_async) (BrevetVerifier *self, BrevetAttestation *attestation, BrevetClaims *claims, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data);
  BrevetVerdict *(*verify_finish) (BrevetVerifier *self, GAsyncResult *result, GError **error);
};

/**
 * brevet_verifier_prepare:
 * @wanted: what an operator asks for
 * @stored: (nullable): what the enrollment has now, if it exists and uses the same mechanism: parts that @wanted leaves out on
 *   purpose (keys that were never shown) are taken from here
 *
 * Checks and completes the parameters of an enrollment before it is stored.
 *
 * Returns: (transfer full) (nullable): the parameters to store, or %NULL with %BREVET_ERROR_INVALID naming the member
 */
BREVET_API
JsonObject *brevet_verifier_prepare (BrevetVerifier *self, BrevetAttestation *wanted, BrevetAttestation *stored, GError **error);

/**
 * brevet_verifier_describe:
 *
 * Returns: (transfer full): the parameters as they may be shown: without any secret
 */
BREVET_API
JsonObject *brevet_verifier_describe (BrevetVerifier *self, BrevetAttestation *stored);

/**
 * brevet_verifier_reveal:
 *
 * For an operator who may write the enrollment, as the reply to that and on request.
 *
 * Returns: (transfer full): the parameters with the secrets that the operator shares with the device, such as keys that were made
 *   for it, but not with those that only the service knows; the same as brevet_verifier_describe() for a mechanism without any
 */
BREVET_API
JsonObject *brevet_verifier_reveal (BrevetVerifier *self, BrevetAttestation *stored);

/**
 * brevet_verifier_needs_body:
 *
 * Returns: %TRUE if @claims cannot be judged before the body of the request is read
 */
BREVET_API
gboolean brevet_verifier_needs_body (BrevetVerifier *self, BrevetClaims *claims);

/**
 * brevet_verifier_has_memory:
 *
 * Returns: %TRUE if the verifier remembers something of each device from one request to the next: then
 *   brevet_attestation_get_memory() is filled in before brevet_verifier_verify_async()
 */
BREVET_API
gboolean brevet_verifier_has_memory (BrevetVerifier *self);

/**
 * brevet_verifier_dup_subject_keys:
 * @attestation: of an enrollment group, as brevet_verifier_prepare() made it
 *
 * By which certificates a group is found: a device that presents a chain is led to the groups of its issuers, the nearest first
 * (protocol/dps.md §7.1), instead of being tried against all groups.
 *
 * Returns: (transfer full) (nullable): brevet_certificate_get_subject_sha256() of each certificate in @attestation that may have
 *   issued to its devices; %NULL if groups of this mechanism are found by trying
 */
BREVET_API
char **brevet_verifier_dup_subject_keys (BrevetVerifier *self, BrevetAttestation *attestation);

/**
 * brevet_verifier_dup_references:
 * @attestation: as brevet_verifier_prepare() made it
 *
 * Returns: (transfer full) (nullable): names of the verified CA certificates (protocol/dps.md §7.2) that @attestation refers to,
 *   by which the group is found in the same way; %NULL if there are none
 */
BREVET_API
char **brevet_verifier_dup_references (BrevetVerifier *self, BrevetAttestation *attestation);

/**
 * brevet_verifier_verify_async:
 * @attestation: what the enrollment demands, with the certificates that it refers to and with what is remembered of the device
 * @claims: what the device presents, with the device that it claims to be
 *
 * Judges @claims against @attestation.
 */
BREVET_API
void brevet_verifier_verify_async (BrevetVerifier *self, BrevetAttestation *attestation, BrevetClaims *claims,
                                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_verifier_verify_finish:
 *
 * Returns: (transfer full) (nullable): accepted or challenge; %NULL with %BREVET_ERROR_REJECTED and a reason for the operator if
 *   the claims do not satisfy the attestation, with %BREVET_ERROR_INVALID and a reason for the device if what it sent is malformed,
 *   with %BREVET_ERROR_NOT_FOUND and a reason if they are not about this group at all (the chain does not lead to one of its
 *   certificates), so that others are asked, or %BREVET_ERROR_CORRUPT if the stored parameters cannot be used
 */
BREVET_API
BrevetVerdict *brevet_verifier_verify_finish (BrevetVerifier *self, GAsyncResult *result, GError **error);

G_END_DECLS
