/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-prover.h"

G_DEFINE_INTERFACE (BrevetProver, brevet_prover, BREVET_TYPE_PLUGIN)

static void
brevet_prover_default_init (BrevetProverInterface *iface)
{
}

void
brevet_prover_prove_async (BrevetProver *self, const char *id_scope, const char *registration_id, JsonObject *challenge,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (BREVET_IS_PROVER (self));
  g_return_if_fail (id_scope != NULL && registration_id != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_PROVER_GET_IFACE (self)->prove_async (self, id_scope, registration_id, challenge, cancellable, callback, user_data);
}

BrevetEvidence *
brevet_prover_prove_finish (BrevetProver *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_PROVER (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  return BREVET_PROVER_GET_IFACE (self)->prove_finish (self, result, error);
}
