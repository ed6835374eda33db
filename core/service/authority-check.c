/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-check.h"

#include "brevet-clock.h"

#define PATIENCE_SECONDS 30

/* Shared by the tasks and by the plugin's call, which may come back after they have given it up. */
typedef struct {
  BrevetAuthority     *authority;
  GCancellable        *cancellable; /* of the call */
  BrevetAuthorityTurn *turn;
  gint64               begun;
  GSource             *patience;
  GSource             *cancellation; /* of the task */
  GTask               *task;     /* NULL once it has returned */
  GPtrArray           *joined;   /* under the lock: tasks of others who want to know */
  gboolean             given_up; /* under the lock */
} Check;

static GMutex lock; /* also for what is under way at each backend */

static G_DEFINE_QUARK (brevet-authority-check, under_way)

static void
check_clear (gpointer data)
{
  Check *check = data;

  brevet_authority_unref (check->authority);
  g_object_unref (check->cancellable);
  g_ptr_array_unref (check->joined);
}

static void
check_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, check_clear);
}

/* One call at a time: whoever comes meanwhile waits for the same answer. A plugin whose call does not come back is not called
 * again: it would only hold more. Returns FALSE if @task is taken care of. */
static gboolean
begin_call (Check *check, GTask *task)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  GObject *backend = G_OBJECT (check->authority->backend);
  Check *current = g_object_get_qdata (backend, under_way_quark ());

  if (current == NULL)
    g_object_set_qdata (backend, under_way_quark (), check);
  else if (!current->given_up)
    g_ptr_array_add (current->joined, g_object_ref (task));
  else
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The last check has not come back yet");
  return current == NULL;
}

static GPtrArray *
end_call (Check *check, gboolean came_back)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  GPtrArray *joined = check->joined;

  check->joined = g_ptr_array_new_with_free_func (g_object_unref);
  check->given_up = TRUE;
  if (came_back)
    g_object_set_qdata (G_OBJECT (check->authority->backend), under_way_quark (), NULL);
  return joined;
}

static void
tell_joined (GPtrArray *joined, BrevetCaHealth *health, const GError *error)
{
  for (guint i = 0; i < joined->len; i++)
    if (error != NULL)
      g_task_return_error (g_ptr_array_index (joined, i), g_error_copy (error));
    else
      g_task_return_pointer (g_ptr_array_index (joined, i), brevet_ca_health_ref (health), (GDestroyNotify) brevet_ca_health_unref);
}

static void
note_finding (Check *check, BrevetCaHealth *health, const GError *error)
{
  gint64 latency = (brevet_clock_monotonic () - check->begun) / 1000;

  if (!g_cancellable_is_cancelled (g_task_get_cancellable (check->task)))
    brevet_authority_traffic_note_health (check->authority->traffic, health, error, (guint) latency);
}

static void
drop_source (GSource **source)
{
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
return_finding (Check *check, gboolean came_back, BrevetCaHealth *health, GError *error)
{
  g_autoptr(GPtrArray) joined = end_call (check, came_back);
  g_autoptr(GTask) task = check->task;

  drop_source (&check->patience);
  drop_source (&check->cancellation);
  note_finding (check, health, error);
  brevet_authority_turn_end (g_steal_pointer (&check->turn), error);
  check->task = NULL;
  tell_joined (joined, health, error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, health, (GDestroyNotify) brevet_ca_health_unref);
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Check *check = user_data;
  GError *error = NULL;
  BrevetCaHealth *health = brevet_ca_backend_check_finish (BREVET_CA_BACKEND (source), result, &error);

  if (check->task != NULL)
    return_finding (check, TRUE, health, error);
  else
    {
      g_autoptr(GPtrArray) joined G_GNUC_UNUSED = end_call (check, TRUE);

      g_clear_pointer (&health, brevet_ca_health_unref);
      g_clear_error (&error);
    }
  check_unref (check);
}

static gboolean
on_patience_ended (gpointer user_data)
{
  Check *check = user_data;

  return_finding (check, FALSE, NULL,
                  g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "There was no answer within %d s", PATIENCE_SECONDS));
  g_cancellable_cancel (check->cancellable);
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Check *check = user_data;

  g_cancellable_cancel (check->cancellable);
  return G_SOURCE_REMOVE;
}

static GSource *
add_source (Check *check, GSource *source, GSourceFunc function)
{
  g_source_set_callback (source, function, g_atomic_rc_box_acquire (check), check_unref);
  g_source_attach (source, g_task_get_context (check->task));
  return source;
}

static void
begin (Check *check, GTask *task)
{
  check->begun = brevet_clock_monotonic ();
  check->task = g_object_ref (task);
  check->turn = brevet_authority_traffic_try_enter (check->authority->traffic, BREVET_AUTHORITY_PRIORITY_CHECK, NULL);
  check->patience = add_source (check, g_timeout_source_new_seconds (PATIENCE_SECONDS), on_patience_ended);
  check->cancellation = add_source (check, g_cancellable_source_new (g_task_get_cancellable (task)), G_SOURCE_FUNC (on_cancelled));
  brevet_ca_backend_check_async (check->authority->backend, check->cancellable, on_checked, check);
}

void
brevet_authority_check_async (BrevetAuthority *authority, GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Check *check;

  g_task_set_source_tag (task, brevet_authority_check_async);
  if (g_task_return_error_if_cancelled (task))
    return;
  check = g_atomic_rc_box_new0 (Check);
  check->authority = brevet_authority_ref (authority);
  check->cancellable = g_cancellable_new ();
  check->joined = g_ptr_array_new_with_free_func (g_object_unref);
  if (begin_call (check, task))
    begin (check, task);
  else
    check_unref (check);
}

BrevetCaHealth *
brevet_authority_check_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
