/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backlog.h"

#include "brevet-clock.h"
#include "brevet-identifier.h"
#include "record-damage.h"
#include "record-walk.h"

/* How much of one CA's share is taken at once, and for how long new questions are begun. */
#define LANE_LENGTH 200
#define RUN_SECONDS 60

/* Another service over the same store may have left something behind. */
#define LONGEST_PAUSE 300

typedef struct {
  const BrevetBacklogKind *kind;
  BrevetServiceContext *context;
  gint64 now;
  GHashTable *lanes; /* CA → GPtrArray of items */
  gboolean more;     /* some lane was full */
  gint64 next;       /* when the first of those comes that are not due, 0 for none */
  guint running;
  guint pause;       /* the shortest that a lane asks for, 0 for none */
  GError *error;
} Run;

static void
run_free (gpointer data)
{
  Run *run = data;

  brevet_service_context_unref (run->context);
  g_hash_table_unref (run->lanes);
  g_clear_error (&run->error);
  g_free (run);
}

static guint
choose_pause (Run *run)
{
  gint64 pause = LONGEST_PAUSE;

  if (run->next > 0)
    pause = CLAMP (run->next - brevet_clock_now_seconds (), 1, LONGEST_PAUSE);
  if (run->pause > 0)
    pause = MIN (pause, run->pause);
  return run->more ? 1 : (guint) pause;
}

static void
return_if_done (GTask *task)
{
  Run *run = g_task_get_task_data (task);

  if (run->running > 0)
    return;
  if (run->error != NULL)
    g_task_return_error (task, g_steal_pointer (&run->error));
  else
    g_task_return_int (task, choose_pause (run));
}

static void
on_lane_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Run *run = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  gssize pause = brevet_backlog_lane_run_finish (result, &error);

  run->running--;
  if (error != NULL && run->error == NULL)
    run->error = g_steal_pointer (&error);
  if (pause > 0)
    run->pause = run->pause > 0 ? MIN (run->pause, (guint) pause) : (guint) pause;
  return_if_done (task);
}

static void
run_lanes (GTask *task)
{
  Run *run = g_task_get_task_data (task);
  gint64 deadline = brevet_clock_monotonic () + RUN_SECONDS * G_USEC_PER_SEC;
  GHashTableIter iter;
  gpointer items;

  run->running = g_hash_table_size (run->lanes);
  if (run->running == 0)
    {
      return_if_done (task);
      return;
    }
  g_hash_table_iter_init (&iter, run->lanes);
  while (g_hash_table_iter_next (&iter, NULL, &items))
    brevet_backlog_lane_run_async (run->kind, run->context, g_ptr_array_ref (items), deadline, g_task_get_cancellable (task),
                                   on_lane_done, g_object_ref (task));
}

static GPtrArray *
ensure_lane (Run *run, const BrevetBacklogFields *fields)
{
  g_autofree char *name = brevet_identifier_fold (fields->authority);
  g_autofree char *key = g_strconcat (name, "\n", fields->identity, NULL);
  GPtrArray *lane = g_hash_table_lookup (run->lanes, key);

  if (lane == NULL)
    {
      lane = g_ptr_array_new_with_free_func ((GDestroyNotify) run->kind->free);
      g_hash_table_insert (run->lanes, g_steal_pointer (&key), lane);
    }
  return lane;
}

static void
consider (BrevetRecord *record, gpointer data)
{
  Run *run = data;
  g_autoptr(GError) error = NULL;
  gpointer item = run->kind->read (record, &error);
  BrevetBacklogFields fields;
  GPtrArray *lane;

  /* One that is damaged must not keep the others waiting. */
  if (item == NULL)
    {
      brevet_record_damage_report (record, error, "the certificate authority is not asked what it wanted");
      return;
    }
  fields = run->kind->get_fields (item);
  if (*fields.not_before > run->now && *fields.not_before - run->now <= BREVET_BACKLOG_LONGEST_WAIT)
    run->next = run->next > 0 ? MIN (run->next, *fields.not_before) : *fields.not_before;
  else if ((lane = ensure_lane (run, &fields))->len < LANE_LENGTH)
    {
      g_ptr_array_add (lane, item);
      return;
    }
  else
    run->more = TRUE;
  run->kind->free (item);
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;

  if (brevet_record_walk_finish (result, &error))
    run_lanes (task);
  else
    g_task_return_error (task, error);
}

static void
run_async (gpointer data, BrevetServiceContext *context, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data)
{
  const BrevetBacklogKind *kind = data;
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Run *run = g_new0 (Run, 1);

  g_task_set_source_tag (task, run_async);
  run->kind = kind;
  run->context = brevet_service_context_ref (context);
  run->now = brevet_clock_now_seconds ();
  run->lanes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  g_task_set_task_data (task, run, run_free);
  brevet_record_walk_async (context->store, kind->collection, NULL, consider, run, cancellable, on_listed, g_object_ref (task));
}

static gboolean
run_finish (gpointer data, GAsyncResult *result, guint *pause, GError **error)
{
  gssize seconds = g_task_propagate_int (G_TASK (result), error);

  if (seconds >= 0)
    *pause = (guint) seconds;
  return seconds >= 0;
}

void
brevet_backlog_add (BrevetServiceChores *chores, const char *name, const BrevetBacklogKind *kind)
{
  BrevetChore chore = {
    .name = name,
    .interval = LONGEST_PAUSE,
    .run_async = run_async,
    .run_finish = run_finish,
  };

  brevet_service_chores_add (chores, &chore, (gpointer) kind, NULL);
}
