/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What one certificate authority is asked, one question behind the other. */

#include "backlog.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-log.h"
#include "brevet-time-limit.h"

/* How long somebody waits for his turn, and for the answer. */
#define TURN_MILLISECONDS (60 * 1000)
#define ANSWER_MILLISECONDS (60 * 1000)

/* For whom a record is taken: longer than both. Whoever dies meanwhile leaves the question to the others. */
#define LEASE_SECONDS 180

/* Between two tries. */
#define SHORTEST_PAUSE 60
#define LONGEST_PAUSE 3600

typedef struct {
  const BrevetBacklogKind *kind;
  BrevetBacklogQuestion question;
  GPtrArray *items;
  guint next;
  gint64 deadline;
  BrevetTimeLimit *limit;
  BrevetAuthorityTurn *turn;
  gint64 former_time; /* of the current item */
  guint pause;
  gint64 next_time; /* of those that are to be asked again the first, 0 for none */
  gboolean changes_more; /* than the current record */
} Lane;

static void
clear_question (Lane *lane)
{
  if (lane->question.state != NULL)
    lane->kind->free_state (g_steal_pointer (&lane->question.state));
  g_clear_pointer (&lane->question.batch, brevet_batch_unref);
  lane->question.again_at = 0;
  lane->changes_more = FALSE;
}

static void
lane_free (gpointer data)
{
  Lane *lane = data;

  clear_question (lane);
  g_clear_pointer (&lane->limit, brevet_time_limit_free);
  brevet_service_context_unref (lane->question.context);
  g_clear_pointer (&lane->question.authority, brevet_authority_unref);
  g_ptr_array_unref (lane->items);
  g_free (lane);
}

static BrevetBacklogFields
get_fields (Lane *lane)
{
  return lane->kind->get_fields (lane->question.item);
}

static void take_next (GTask *task);

static void
note_time (Lane *lane, gint64 time)
{
  lane->next_time = lane->next_time > 0 ? MIN (lane->next_time, time) : time;
}

static guint
count_pause (Lane *lane)
{
  gint64 pause = lane->next_time > 0 ? MAX (lane->next_time - brevet_clock_now_seconds (), 1) : 0;

  if (lane->pause > 0 && pause > 0)
    return MIN (lane->pause, (guint) pause);
  return MAX (lane->pause, (guint) pause);
}

/* The CA is left alone for some time. */
static void
stop_lane (GTask *task, guint pause)
{
  Lane *lane = g_task_get_task_data (task);

  lane->pause = pause;
  lane->next = lane->items->len;
  take_next (task);
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Lane *lane = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  gboolean written = brevet_store_commit_finish (BREVET_STORE (source), result, &error);

  if (written && lane->changes_more && lane->kind->note_changes != NULL)
    lane->kind->note_changes (lane->question.context);
  /* Somebody else has changed the record meanwhile: there is something new to ask, or he has asked. */
  if (written || g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    take_next (task);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
write_batch (GTask *task, BrevetBatch *batch)
{
  Lane *lane = g_task_get_task_data (task);

  /* Not cancelled: what the CA has done shall be known. */
  brevet_store_commit_async (lane->question.context->store, batch, NULL, on_written, g_object_ref (task));
}

static void
delete_record (Lane *lane, BrevetBatch *batch)
{
  g_autoptr(BrevetBatch) written = brevet_batch_new ();
  const BrevetChange *change;

  /* The key is where the record would be written. */
  lane->kind->put (written, lane->question.item, NULL);
  change = g_ptr_array_index (brevet_batch_get_changes (written), 0);
  brevet_batch_delete (batch, change->collection, change->key, *get_fields (lane).etag);
}

/* Has the record go, with what changes along. */
static void
settle (GTask *task)
{
  Lane *lane = g_task_get_task_data (task);

  lane->changes_more = brevet_batch_get_changes (lane->question.batch)->len > 0;
  delete_record (lane, lane->question.batch);
  write_batch (task, lane->question.batch);
}

static gint64
choose_pause (guint tries, const GError *error)
{
  gint64 ceiling = MIN (LONGEST_PAUSE, (gint64) SHORTEST_PAUSE << MIN (tries, 10));
  gint64 pause = g_random_int_range ((gint32) ceiling / 2, (gint32) ceiling + 1);

  return CLAMP (brevet_ca_error_get_retry_after (error), pause, BREVET_BACKLOG_LONGEST_WAIT);
}

static gboolean
passes (const GError *error)
{
  BrevetCaErrorClass class = brevet_ca_error_classify (error);

  return error->domain == G_IO_ERROR || class == BREVET_CA_ERROR_CLASS_RETRYABLE || class == BREVET_CA_ERROR_CLASS_AMBIGUOUS;
}

/* Each problem once. */
static void
note_problem (Lane *lane, BrevetBacklogFields *fields, const GError *error)
{
  g_autofree char *what = lane->kind->describe (lane->question.item);
  g_autofree char *message = g_strdup_printf ("%s fails, and is tried again: %s", what, error->message);

  if (g_strcmp0 (*fields->problem, error->message) == 0)
    return;
  g_free (*fields->problem);
  *fields->problem = g_strdup (error->message);
  brevet_log_event (passes (error) ? G_LOG_LEVEL_INFO : G_LOG_LEVEL_WARNING, lane->kind->message_id, message, "BREVET_CA",
                    fields->authority, "BREVET_UPSTREAM", brevet_ca_error_get_upstream_message (error), NULL);
}

static void
put_later (Lane *lane, BrevetBatch *batch, const GError *error)
{
  BrevetBacklogFields fields = get_fields (lane);

  if (lane->kind->is_over (lane->question.item, error))
    {
      delete_record (lane, batch);
      return;
    }
  note_problem (lane, &fields, error);
  *fields.not_before = brevet_clock_now_seconds () + choose_pause (*fields.tries, error);
  ++*fields.tries;
  note_time (lane, *fields.not_before);
  lane->kind->put (batch, lane->question.item, *fields.etag);
}

static void
ask_later (GTask *task, const GError *error)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  put_later (g_task_get_task_data (task), batch, error);
  write_batch (task, batch);
}

static void
ask_again (GTask *task)
{
  Lane *lane = g_task_get_task_data (task);
  BrevetBacklogFields fields = get_fields (lane);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  *fields.not_before = lane->question.again_at;
  note_time (lane, lane->question.again_at);
  ++*fields.tries;
  g_clear_pointer (fields.problem, g_free);
  lane->kind->put (batch, lane->question.item, *fields.etag);
  write_batch (task, batch);
}

/* Nothing was asked, or the service stops: the record is given back as it was, and the CA left alone. */
static void
give_back (GTask *task, const GError *error)
{
  Lane *lane = g_task_get_task_data (task);
  BrevetBacklogFields fields = get_fields (lane);
  int pause = brevet_ca_error_get_retry_after (error);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  *fields.not_before = lane->former_time;
  lane->kind->put (batch, lane->question.item, *fields.etag);
  lane->pause = pause > 0 ? (guint) pause : SHORTEST_PAUSE;
  lane->next = lane->items->len;
  write_batch (task, batch);
}

/* A call that took too long: nobody knows what the CA has done. */
static void
name_timeout (Lane *lane, GError **error)
{
  if (!g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED) || !brevet_time_limit_has_passed (lane->limit))
    return;
  g_clear_error (error);
  g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_TIMEOUT, "The certificate authority “%s” has not answered within %d s",
               lane->question.authority->name, ANSWER_MILLISECONDS / 1000);
}

static void
on_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Lane *lane = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  gboolean answered = lane->kind->ask_finish (&lane->question, result, &error);

  name_timeout (lane, &error);
  brevet_authority_turn_end (g_steal_pointer (&lane->turn), error);
  g_clear_pointer (&lane->limit, brevet_time_limit_free);
  if (!answered && g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    give_back (task, error);
  else if (!answered)
    ask_later (task, error);
  else if (lane->question.again_at > 0)
    ask_again (task);
  else
    settle (task);
}

static void
on_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Lane *lane = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  lane->turn = brevet_authority_traffic_enter_finish (result, &error);
  g_clear_pointer (&lane->limit, brevet_time_limit_free);
  if (lane->turn == NULL)
    {
      give_back (task, error);
      return;
    }
  lane->limit = brevet_time_limit_new (g_task_get_context (task), ANSWER_MILLISECONDS, g_task_get_cancellable (task));
  lane->kind->ask_async (&lane->question, brevet_time_limit_get_cancellable (lane->limit), on_answered, g_object_ref (task));
}

static void
on_prepared (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Lane *lane = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (lane->kind->prepare_finish (&lane->question, result, &error))
    {
      lane->limit = brevet_time_limit_new (g_task_get_context (task), TURN_MILLISECONDS, g_task_get_cancellable (task));
      brevet_authority_traffic_enter_async (lane->question.authority->traffic, BREVET_AUTHORITY_PRIORITY_BACKGROUND,
                                            brevet_time_limit_get_cancellable (lane->limit), on_entered, g_object_ref (task));
    }
  else if (error == NULL)
    settle (task);
  else if (g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    give_back (task, error);
  else
    ask_later (task, error);
}

static void
on_leased (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Lane *lane = g_task_get_task_data (task);
  BrevetBacklogFields fields = get_fields (lane);
  g_autoptr(BrevetBatch) batch = g_steal_pointer (&lane->question.batch);
  const BrevetChange *change = g_ptr_array_index (brevet_batch_get_changes (batch), 0);
  g_autoptr(GError) error = NULL;

  if (!brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    {
      if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
        take_next (task);
      else
        g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  g_free (*fields.etag);
  *fields.etag = g_strdup (change->etag);
  lane->question.batch = brevet_batch_new ();
  lane->kind->prepare_async (&lane->question, g_task_get_cancellable (task), on_prepared, g_object_ref (task));
}

static void
take_next (GTask *task)
{
  Lane *lane = g_task_get_task_data (task);
  BrevetBacklogFields fields;

  clear_question (lane);
  if (lane->next < lane->items->len && brevet_clock_monotonic () > lane->deadline)
    {
      stop_lane (task, 1);
      return;
    }
  if (lane->next == lane->items->len || g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    {
      g_task_return_int (task, count_pause (lane));
      return;
    }
  lane->question.item = g_ptr_array_index (lane->items, lane->next++);
  fields = get_fields (lane);
  lane->former_time = *fields.not_before;
  *fields.not_before = brevet_clock_now_seconds () + LEASE_SECONDS;
  lane->question.batch = brevet_batch_new ();
  lane->kind->put (lane->question.batch, lane->question.item, *fields.etag);
  brevet_store_commit_async (lane->question.context->store, lane->question.batch, NULL, on_leased, g_object_ref (task));
}

/* There is nobody whom any of this could be asked. */
static void
put_all_later (GTask *task, const GError *error)
{
  Lane *lane = g_task_get_task_data (task);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  for (guint i = 0; i < lane->items->len; i++)
    {
      lane->question.item = g_ptr_array_index (lane->items, i);
      put_later (lane, batch, error);
    }
  lane->next = lane->items->len;
  write_batch (task, batch);
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Lane *lane = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  lane->question.authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &error);
  if (lane->question.authority != NULL)
    take_next (task);
  else if (g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    put_all_later (task, error);
}

void
brevet_backlog_lane_run_async (const BrevetBacklogKind *kind, BrevetServiceContext *context, GPtrArray *items, gint64 deadline,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Lane *lane = g_new0 (Lane, 1);
  BrevetBacklogFields fields;

  g_task_set_source_tag (task, brevet_backlog_lane_run_async);
  g_task_set_check_cancellable (task, FALSE);
  lane->kind = kind;
  lane->question.context = brevet_service_context_ref (context);
  lane->items = items;
  lane->deadline = deadline;
  g_task_set_task_data (task, lane, lane_free);
  fields = kind->get_fields (g_ptr_array_index (items, 0));
  brevet_authority_pool_resolve_async (context->authorities, fields.authority, fields.identity, cancellable, on_resolved,
                                       g_object_ref (task));
}

gssize
brevet_backlog_lane_run_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_int (G_TASK (result), error);
}
