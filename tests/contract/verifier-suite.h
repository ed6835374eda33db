/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-prover.h"
#include "brevet-verifier.h"

G_BEGIN_DECLS

/**
 * VerifierSuite:
 * @name: part of the test paths
 * @has_groups: whether the mechanism works for enrollment groups too
 * @any_scope: whether what a device presents is the same for all id scopes
 * @create: makes a configured verifier
 * @want: what an operator writes to create an enrollment: two calls stand for two different devices or groups
 * @present: what an honest device of the enrollment presents, made out for this scope and registration id
 * @complete: (nullable): the enrollment as the service hands it over when its device comes back: with what the verifier remembers
 * @list_secrets: texts of the enrollment that nobody may be shown
 * @damage: the enrollment as it might come out of a broken store
 *
 * What a mechanism tells the suite about itself. The suite is what every verifier must do, whatever its mechanism.
 */
typedef struct {
  const char *name;
  gboolean has_groups;
  gboolean any_scope;
  BrevetVerifier *(*create) (void);
  BrevetAttestation *(*want) (gboolean is_group);
  BrevetClaims *(*present) (BrevetAttestation *stored, const char *id_scope, const char *registration_id);
  BrevetAttestation *(*complete) (BrevetAttestation *stored);
  char **(*list_secrets) (BrevetAttestation *stored);
  BrevetAttestation *(*damage) (BrevetAttestation *stored);
} VerifierSuite;

/* Adds the tests; @suite must live as long as they do. */
void verifier_suite_add (const VerifierSuite *suite);

/* Verifies and waits on the caller's main context. */
BrevetVerdict *verifier_suite_verify (BrevetVerifier *verifier, BrevetAttestation *attestation, BrevetClaims *claims,
                                      GError **error);

/* Proves and waits on the caller's main context: the device's half of a mechanism. */
BrevetEvidence *verifier_suite_prove (BrevetProver *prover, const char *id_scope, const char *registration_id,
                                      JsonObject *challenge, GError **error);

/* Prepares and fails the test if that is refused. */
BrevetAttestation *verifier_suite_prepare (BrevetVerifier *verifier, BrevetAttestation *wanted, BrevetAttestation *stored);

G_END_DECLS
