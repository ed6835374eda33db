/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-evidence.h"
#include "brevet-plugin.h"

G_BEGIN_DECLS

/**
 * BrevetProver:
 *
 * The device's half of one attestation mechanism.
 */
#define BREVET_TYPE_PROVER (brevet_prover_get_type ())
BREVET_API
G_DECLARE_INTERFACE (BrevetProver, brevet_prover, BREVET, PROVER, BrevetPlugin)

/**
 * BrevetProverInterface:
 * @prove_async: see brevet_prover_prove_async()
 * @prove_finish: see brevet_prover_prove_finish()
 * @accept_async: see brevet_prover_accept_async(); optional
 * @accept_finish: see brevet_prover_accept_finish(); optional
 * @describe_async: see brevet_prover_describe_async(); optional
 * @describe_finish: see brevet_prover_describe_finish(); optional
 */
struct _BrevetProverInterface
{
  GTypeInterface parent_iface;

  void (*prove_async) (BrevetProver *self, const char *id_scope, const char *registration_id, JsonObject *challenge,
                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  BrevetEvidence *(*prove_finish) (BrevetProver *self, GAsyncResult *result, GError **error);
  void (*accept_async) (BrevetProver *self, JsonObject *parameters, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data);
  gboolean (*accept_finish) (BrevetProver *self, GAsyncResult *result, GError **error);
  void (*describe_async) (BrevetProver *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  JsonObject *(*describe_finish) (BrevetProver *self, GAsyncResult *result, GError **error);
};

/**
 * brevet_prover_prove_async:
 * @id_scope: scope of the service
 * @registration_id: this device
 * @challenge: (nullable): what the service sent along with its refusal, or %NULL for the first request
 *
 * Makes fresh evidence.
 */
BREVET_API
void brevet_prover_prove_async (BrevetProver *self, const char *id_scope, const char *registration_id, JsonObject *challenge,
                                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_prover_prove_finish:
 *
 * Returns: (transfer full) (nullable): the evidence; %NULL with %BREVET_ERROR_NOT_CONFIGURED if the credential cannot be used,
 *   %BREVET_ERROR_REJECTED if the challenge cannot be answered, %BREVET_ERROR_BUSY or %BREVET_ERROR_UNREACHABLE if what holds the
 *   credential (a TPM, a token) has no time or is gone, which may pass
 */
BREVET_API
BrevetEvidence *brevet_prover_prove_finish (BrevetProver *self, GAsyncResult *result, GError **error);

/**
 * brevet_prover_accept_async:
 * @parameters: what the service says about the attestation of an assigned device
 *
 * Takes what the device gets along with its assignment, such as the key that it is to use at the hub. A mechanism that expects
 * nothing has nothing to do.
 */
BREVET_API
void brevet_prover_accept_async (BrevetProver *self, JsonObject *parameters, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_prover_accept_finish:
 *
 * Returns: %FALSE with an error of brevet_prover_prove_finish(). The device is assigned all the same.
 */
BREVET_API
gboolean brevet_prover_accept_finish (BrevetProver *self, GAsyncResult *result, GError **error);

/**
 * brevet_prover_describe_async:
 *
 * Looks up what an operator must know to enroll this device: public parts only.
 */
BREVET_API
void brevet_prover_describe_async (BrevetProver *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_prover_describe_finish:
 *
 * Returns: (transfer full) (nullable): members with strings, named as in an enrollment where it has them (`endorsementKey`);
 *   %NULL with %BREVET_ERROR_UNSUPPORTED if the mechanism has nothing to show, or with an error of brevet_prover_prove_finish()
 */
BREVET_API
JsonObject *brevet_prover_describe_finish (BrevetProver *self, GAsyncResult *result, GError **error);

G_END_DECLS
