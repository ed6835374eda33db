/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub-proof.h"

#include "brevet-hub.h"

/* Seconds for a hub to see that the device has gone. */
#define FAREWELL 5

static BrevetHubVisit
plan_visit (BrevetGeneration *candidate, BrevetKey *key, guint16 port, guint timeout)
{
  return (BrevetHubVisit) {
    .host = candidate->assigned_hub,
    .port = port,
    .timeout = timeout,
    .trust = candidate->trust_bundle,
    .device_id = candidate->device_id,
    .chain = candidate->chain,
    .key = key,
  };
}

/* Takes @error. */
static void
fail (GTask *task, GError *error)
{
  if (error->domain != G_IO_ERROR)
    g_prefix_error (&error, "The new certificate waits for its hub: ");
  g_task_return_error (task, error);
}

/* With a key in memory. */

static void
on_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  BrevetMqttClient *client = brevet_hub_enter_finish (result, &error);

  if (client == NULL)
    {
      fail (task, error);
      return;
    }
  brevet_hub_leave (client);
  g_task_return_boolean (task, TRUE);
}

/* With a key in a token: on the thread for tokens, with a main loop of its own. TLS reads the key when it is set up, and waits for
 * the thread that signs. */

typedef struct {
  BrevetGeneration *candidate;
  BrevetKey *key;
  guint16 port;
  guint timeout;
  gboolean answered;
  gboolean left;
  BrevetMqttClient *client;
  GError *error;
} Visit;

static void
visit_free (gpointer data)
{
  Visit *visit = data;

  brevet_generation_unref (visit->candidate);
  brevet_key_unref (visit->key);
  g_clear_error (&visit->error);
  g_free (visit);
}

static void
on_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Visit *visit = user_data;

  visit->client = brevet_hub_enter_finish (result, &visit->error);
  visit->answered = TRUE;
}

static void
on_left (gpointer data, GObject *client)
{
  ((Visit *) data)->left = TRUE;
}

static gboolean
on_patience_over (gpointer data)
{
  ((Visit *) data)->left = TRUE;
  return G_SOURCE_CONTINUE;
}

static void
leave (Visit *visit, GMainContext *context)
{
  BrevetMqttClient *client = g_steal_pointer (&visit->client);
  g_autoptr(GSource) patience = g_timeout_source_new_seconds (FAREWELL);
  GWeakRef weak;

  g_source_set_callback (patience, on_patience_over, visit, NULL);
  g_source_attach (patience, context);
  g_weak_ref_init (&weak, client);
  g_object_weak_ref (G_OBJECT (client), on_left, visit);
  brevet_hub_leave (client);
  while (!visit->left)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (patience);
  client = g_weak_ref_get (&weak);
  if (client != NULL)
    {
      g_object_weak_unref (G_OBJECT (client), on_left, visit);
      g_object_unref (client);
    }
  g_weak_ref_clear (&weak);
}

static gpointer
visit_job (gpointer data, GError **error)
{
  Visit *visit = data;
  BrevetHubVisit plan = plan_visit (visit->candidate, visit->key, visit->port, visit->timeout);
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  brevet_hub_enter_async (&plan, NULL, on_answered, visit);
  while (!visit->answered)
    g_main_context_iteration (context, TRUE);
  if (visit->client != NULL)
    leave (visit, context);
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);
  if (visit->error == NULL)
    return g_strdup (visit->candidate->assigned_hub);
  g_propagate_error (error, g_steal_pointer (&visit->error));
  return NULL;
}

static void
on_visited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autofree char *hub = brevet_token_worker_run_finish (result, &error);

  if (hub != NULL)
    g_task_return_boolean (task, TRUE);
  else
    fail (task, error);
}

static void
visit_on_thread (GTask *task, BrevetGeneration *candidate, BrevetKey *key, BrevetKeyVault *vault, guint16 port, guint timeout)
{
  Visit *visit = g_new0 (Visit, 1);

  visit->candidate = brevet_generation_ref (candidate);
  visit->key = brevet_key_ref (key);
  visit->port = port;
  visit->timeout = timeout;
  brevet_key_vault_run_async (vault, candidate->key_token, timeout + FAREWELL, visit_job, visit, visit_free, g_free,
                              g_task_get_cancellable (task), on_visited, g_object_ref (task));
}

void
brevet_hub_proof_async (BrevetGeneration *candidate, BrevetKey *key, BrevetKeyVault *vault, guint16 port, guint timeout,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  BrevetHubVisit visit = plan_visit (candidate, key, port, timeout);

  g_task_set_source_tag (task, brevet_hub_proof_async);
  g_task_set_check_cancellable (task, FALSE);
  if (candidate->key_label != NULL)
    visit_on_thread (task, candidate, key, vault, port, timeout);
  else
    brevet_hub_enter_async (&visit, cancellable, on_entered, g_steal_pointer (&task));
}

gboolean
brevet_hub_proof_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_hub_proof_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
