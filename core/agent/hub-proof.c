/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub-proof.h"

#include "brevet-hub.h"

static void
on_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  BrevetMqttClient *client = brevet_hub_enter_finish (result, &error);

  if (client == NULL)
    {
      if (error->domain != G_IO_ERROR)
        g_prefix_error (&error, "The new certificate waits for its hub: ");
      g_task_return_error (task, error);
      return;
    }
  brevet_hub_leave (client);
  g_task_return_boolean (task, TRUE);
}

void
brevet_hub_proof_async (BrevetGeneration *candidate, guint16 port, guint timeout, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  BrevetHubVisit visit = {
    .host = candidate->assigned_hub,
    .port = port,
    .timeout = timeout,
    .trust = candidate->trust_bundle,
    .device_id = candidate->device_id,
    .chain = candidate->chain,
    .key = candidate->key,
  };

  g_task_set_source_tag (task, brevet_hub_proof_async);
  g_task_set_check_cancellable (task, FALSE);
  brevet_hub_enter_async (&visit, cancellable, on_entered, g_steal_pointer (&task));
}

gboolean
brevet_hub_proof_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_hub_proof_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
