/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-prover.h"

#include "brevet-error.h"

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

void
brevet_prover_accept_async (BrevetProver *self, JsonObject *parameters, GCancellable *cancellable, GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (BREVET_IS_PROVER (self));
  g_return_if_fail (parameters != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  if (BREVET_PROVER_GET_IFACE (self)->accept_async != NULL)
    {
      BREVET_PROVER_GET_IFACE (self)->accept_async (self, parameters, cancellable, callback, user_data);
      return;
    }
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, brevet_prover_accept_async);
  g_task_return_boolean (task, TRUE);
}

gboolean
brevet_prover_accept_finish (BrevetProver *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_PROVER (self), FALSE);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), FALSE);

  if (g_async_result_is_tagged (result, brevet_prover_accept_async))
    return g_task_propagate_boolean (G_TASK (result), error);
  return BREVET_PROVER_GET_IFACE (self)->accept_finish (self, result, error);
}

void
brevet_prover_describe_async (BrevetProver *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (BREVET_IS_PROVER (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  if (BREVET_PROVER_GET_IFACE (self)->describe_async != NULL)
    BREVET_PROVER_GET_IFACE (self)->describe_async (self, cancellable, callback, user_data);
  else
    g_task_report_new_error (self, callback, user_data, brevet_prover_describe_async, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED,
                             "This attestation has nothing public that an enrollment would be made of");
}

JsonObject *
brevet_prover_describe_finish (BrevetProver *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_PROVER (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  if (g_async_result_is_tagged (result, brevet_prover_describe_async))
    return g_task_propagate_pointer (G_TASK (result), error);
  return BREVET_PROVER_GET_IFACE (self)->describe_finish (self, result, error);
}
