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
 */
struct _BrevetProverInterface
{
  GTypeInterface parent_iface;

  void (*prove_async) (BrevetProver *self, const char *id_scope, const char *registration_id, JsonObject *challenge,
                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  BrevetEvidence *(*prove_finish) (BrevetProver *self, GAsyncResult *result, GError **error);
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
 *   %BREVET_ERROR_REJECTED if the challenge cannot be answered
 */
BREVET_API
BrevetEvidence *brevet_prover_prove_finish (BrevetProver *self, GAsyncResult *result, GError **error);

G_END_DECLS
