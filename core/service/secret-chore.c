/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-chore.h"

#include "authority-pool.h"

#define INTERVAL 60
#define DELAY    5

/* On a thread: the disk may take its time. */
static void
look (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  BrevetServiceContext *context = data;
  GError *error = NULL;

  if (brevet_authority_pool_look_after_secrets (context->authorities, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
run_async (gpointer data, BrevetServiceContext *context, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, run_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, brevet_service_context_ref (context), (GDestroyNotify) brevet_service_context_unref);
  g_task_run_in_thread (task, look);
}

static gboolean
run_finish (gpointer data, GAsyncResult *result, guint *pause, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
brevet_secret_chore_add (BrevetServiceChores *chores)
{
  static const BrevetChore chore = {
    .name = BREVET_CHORE_SECRETS, .interval = INTERVAL, .delay = DELAY, .run_async = run_async, .run_finish = run_finish,
  };

  brevet_service_chores_add (chores, &chore, NULL, NULL);
}
