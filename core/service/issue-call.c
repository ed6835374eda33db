/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One question to a certificate authority: its turn, how long it may take, and what becomes of an answer that comes too late. */

#include "issue-private.h"

#include "brevet-clock.h"

/* A backend that is told to stop does so within this time, or is not waited for. */
#define GRACE (10 * G_USEC_PER_SEC)

/* What may be asked again without harm need not be waited for until the deadline. */
#define LONGEST_HARMLESS (300 * G_USEC_PER_SEC)

/* A queue that is full is looked at again after this long. */
#define FULL_QUEUE_PAUSE 5

struct _BrevetIssueCall
{
  GTask           *task;
  BrevetQuestion   question;
  guint            attempt;
  BrevetIntent    *intent;    /* what was asked for, once it is abandoned */
  BrevetAuthority *authority;
  BrevetCaRequest *request;
  BrevetAuthorityTurn *turn;
  gboolean         cancelled;
  gboolean         abandoned;
};

static void
call_free (BrevetIssueCall *call)
{
  g_object_unref (call->task);
  g_clear_pointer (&call->intent, brevet_intent_free);
  brevet_authority_unref (call->authority);
  g_clear_pointer (&call->request, brevet_ca_request_unref);
  g_free (call);
}

void
brevet_issue_drop_turn (BrevetIssue *issue)
{
  g_autoptr(GError) unused = NULL;

  if (issue->turn == NULL)
    return;
  unused = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "Nothing was asked");
  brevet_authority_turn_end (g_steal_pointer (&issue->turn), unused);
}

/* --- the answer --------------------------------------------------------------------------------------------------------------- */

static void
finish_call (BrevetIssueCall *call, GObject *source, GAsyncResult *result, BrevetCaOutcome **outcome, BrevetTrustBundle **trust,
             GError **error)
{
  BrevetCaBackend *backend = BREVET_CA_BACKEND (source);

  switch (call->question)
    {
    case BREVET_QUESTION_ISSUE:
      *outcome = brevet_ca_backend_issue_finish (backend, result, error);
      break;
    case BREVET_QUESTION_POLL:
      *outcome = brevet_ca_backend_poll_finish (backend, result, error);
      break;
    case BREVET_QUESTION_FIND:
      *outcome = brevet_ca_backend_find_finish (backend, result, error);
      break;
    case BREVET_QUESTION_TRUST:
    default:
      *trust = brevet_ca_backend_get_trust_finish (backend, result, error);
      break;
    }
}

/* The CA was asked for too long. Whether it may have carried the request out depends on how far that had come. */
static GError *
make_timeout (BrevetIssueCall *call, gboolean ambiguous)
{
  return g_error_new (BREVET_CA_ERROR, ambiguous ? BREVET_CA_ERROR_AMBIGUOUS : BREVET_CA_ERROR_TIMEOUT,
                      "The certificate authority “%s” does not answer", call->authority->name);
}

static void
end_turn (BrevetIssueCall *call, const GError *error)
{
  brevet_authority_turn_end (g_steal_pointer (&call->turn), error);
}

static gboolean
is_known (const BrevetIssue *issue, BrevetCaOutcome *outcome)
{
  return issue->outcome != NULL &&
         brevet_certificate_equal (brevet_chain_get_leaf (brevet_ca_outcome_get_chain (issue->outcome)),
                                   brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome)));
}

/* Only an attempt to issue can come to something that would be lost: whatever else was asked, can be asked again. */
static void
take_late_answer (BrevetIssueCall *call, BrevetCaOutcome *outcome)
{
  BrevetIssue *issue = g_task_get_task_data (call->task);
  gboolean waits = !g_task_get_completed (call->task) && issue->intent->attempt == call->attempt && issue->outcome == NULL &&
                   issue->intent->ticket == NULL;

  if (call->question != BREVET_QUESTION_ISSUE || outcome == NULL)
    return;
  if (!waits)
    {
      if (brevet_ca_outcome_is_issued (outcome) && !is_known (issue, outcome))
        brevet_issue_discard (issue->context, call->intent, call->authority, outcome);
      return;
    }
  g_clear_pointer (&issue->late, brevet_ca_outcome_unref);
  issue->late = brevet_ca_outcome_ref (outcome);
  if (issue->rest == NULL)
    return;
  /* Whatever comes next, need not wait for the end of the pause. */
  g_source_set_ready_time (issue->rest, 0);
}

static void
on_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BrevetIssueCall *call = user_data;
  BrevetIssue *issue = g_task_get_task_data (call->task);
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  BrevetTrustBundle *trust = NULL;
  GError *error = NULL;

  finish_call (call, source, result, &outcome, &trust, &error);
  if (call->abandoned)
    {
      take_late_answer (call, outcome);
      g_clear_pointer (&trust, brevet_trust_bundle_unref);
      g_clear_error (&error);
      call_free (call);
      return;
    }
  issue->call = NULL;
  g_source_set_ready_time (issue->timer, -1);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&error);
      error = make_timeout (call, call->question == BREVET_QUESTION_ISSUE && brevet_ca_request_was_sent (call->request));
    }
  if (call->cancelled)
    g_clear_object (&issue->cancellable);
  end_turn (call, error);
  brevet_issue_take_answer (call->task, call->question, g_steal_pointer (&outcome), trust, error);
  call_free (call);
}

/* --- how long it may take ----------------------------------------------------------------------------------------------------- */

/* It may still be about to send the request, or to answer. */
static void
abandon (BrevetIssueCall *call)
{
  g_autoptr(GTask) task = g_object_ref (call->task);
  BrevetIssue *issue = g_task_get_task_data (task);
  GError *error = make_timeout (call, call->question == BREVET_QUESTION_ISSUE);

  g_warning ("The certificate authority “%s” neither answers nor stops; the service goes on without its answer (operation %s)",
             call->authority->name, issue->intent->operation_id);
  call->abandoned = TRUE;
  call->intent = brevet_intent_copy (issue->intent);
  issue->call = NULL;
  g_clear_object (&issue->cancellable);
  end_turn (call, error);
  brevet_issue_take_answer (task, call->question, NULL, NULL, error);
}

static gboolean
on_time_over (gpointer user_data)
{
  g_autoptr(GTask) task = g_object_ref (G_TASK (user_data));
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GCancellable) cancellable = NULL;
  gint64 end = g_source_get_ready_time (issue->timer);

  /* An answer that came in the same round has stopped the timer, or another question has set it anew. */
  if (issue->call == NULL || end < 0 || brevet_clock_monotonic () < end)
    return G_SOURCE_CONTINUE;
  if (issue->call->cancelled)
    {
      g_source_set_ready_time (issue->timer, -1);
      abandon (issue->call);
      return G_SOURCE_CONTINUE;
    }
  issue->call->cancelled = TRUE;
  g_source_set_ready_time (issue->timer, brevet_clock_monotonic () + GRACE);
  /* The call may be over when this returns. */
  cancellable = g_object_ref (issue->cancellable);
  g_cancellable_cancel (cancellable);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_timer (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

/* One for all calls of an issuance; it holds no reference, as it goes with what it is about. */
static void
set_timer (GTask *task, gint64 end)
{
  static GSourceFuncs functions = { .dispatch = dispatch_timer };
  BrevetIssue *issue = g_task_get_task_data (task);

  if (issue->timer == NULL)
    {
      issue->timer = g_source_new (&functions, sizeof (GSource));
      g_source_set_static_name (issue->timer, "[brevet] end of a question to a CA");
      g_source_set_callback (issue->timer, on_time_over, task, NULL);
      g_source_set_ready_time (issue->timer, end);
      g_source_attach (issue->timer, g_task_get_context (task));
    }
  else
    g_source_set_ready_time (issue->timer, end);
}

/* --- the question ------------------------------------------------------------------------------------------------------------- */

static BrevetIssueCall *
begin_call (GTask *task, BrevetQuestion question, gint64 end)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetIssueCall *call = g_new0 (BrevetIssueCall, 1);

  if (question == BREVET_QUESTION_ISSUE || question == BREVET_QUESTION_FIND || issue->request == NULL)
    brevet_issue_make_request (issue, end);
  if (issue->cancellable == NULL)
    issue->cancellable = g_cancellable_new ();
  call->task = g_object_ref (task);
  call->question = question;
  call->attempt = issue->intent->attempt;
  call->authority = brevet_authority_ref (issue->authority);
  call->request = brevet_ca_request_ref (issue->request);
  call->turn = g_steal_pointer (&issue->turn);
  issue->call = call;
  set_timer (task, end);
  return call;
}

static void
ask_now (GTask *task, BrevetQuestion question)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  gint64 now = brevet_clock_monotonic ();
  gboolean harmless = question != BREVET_QUESTION_ISSUE || issue->unknown;
  BrevetIssueCall *call = begin_call (task, question, harmless ? now + LONGEST_HARMLESS : MAX (issue->deadline, now + GRACE));
  BrevetCaBackend *backend = issue->authority->backend;

  switch (question)
    {
    case BREVET_QUESTION_ISSUE:
      brevet_ca_backend_issue_async (backend, issue->request, issue->cancellable, on_answered, call);
      break;
    case BREVET_QUESTION_POLL:
      brevet_ca_backend_poll_async (backend, issue->intent->ticket, issue->request, issue->cancellable, on_answered, call);
      break;
    case BREVET_QUESTION_FIND:
      brevet_ca_backend_find_async (backend, issue->request, issue->cancellable, on_answered, call);
      break;
    case BREVET_QUESTION_TRUST:
    default:
      brevet_ca_backend_get_trust_async (backend, issue->cancellable, on_answered, call);
      break;
    }
}

/* A full queue is this service's own: nothing that the operation should fail for. */
static void
handle_no_turn (GTask *task, BrevetQuestion question, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  guint pause;

  brevet_issue_note_waiting (issue);
  if (!g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_RATE_LIMITED))
    {
      brevet_issue_handle_error (task, question, error);
      return;
    }
  pause = (guint) MAX (brevet_ca_error_get_retry_after (error), FULL_QUEUE_PAUSE) * 1000;
  pause += (guint) g_random_int_range (0, FULL_QUEUE_PAUSE * 1000);
  g_error_free (error);
  issue->deadline += (gint64) pause * 1000;
  brevet_issue_go_on_after (task, pause);
}

static void
on_turn (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  GError *error = NULL;

  issue->deadline += brevet_clock_monotonic () - issue->queued_at;
  issue->turn = brevet_authority_traffic_enter_finish (result, &error);
  if (issue->turn != NULL)
    brevet_issue_go_on (task);
  else
    handle_no_turn (task, issue->queued_for, error);
}

/* While it stands in a queue nothing is asked, and a restart shall know. */
static void
wait_for_turn (GTask *task, BrevetQuestion question)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  brevet_issue_note_waiting (issue);
  if (question == BREVET_QUESTION_ISSUE && !issue->unknown && issue->intent->sent)
    {
      issue->intent->sent = FALSE;
      brevet_issue_write_journal (task);
      return;
    }
  issue->queued_at = brevet_clock_monotonic ();
  issue->queued_for = question;
  brevet_authority_traffic_enter_async (issue->authority->traffic, BREVET_AUTHORITY_PRIORITY_DEVICE, NULL, on_turn,
                                        g_object_ref (task));
}

/* What the CA cannot do need not be paid for. */
static GError *
check_abilities (const BrevetIssue *issue)
{
  BrevetCaCapabilities capabilities = brevet_ca_backend_get_capabilities (issue->authority->backend);

  if (issue->intent->uri != NULL && !(capabilities & BREVET_CA_CAPABILITY_URI))
    return g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “%s” cannot put the URI into its "
                        "certificates that “subject-uri-prefix” of the group [csr] demands; remove that, or name another one",
                        issue->authority->name);
  if (issue->intent->validity != 0 && !(capabilities & BREVET_CA_CAPABILITY_VALIDITY))
    return g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “%s” decides itself for how long its "
                        "certificates are valid; name another one", issue->authority->name);
  return NULL;
}

/* Who is asked, and that it is, stands in the journal before. Returns FALSE while that is being written. */
static gboolean
is_recorded (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetIntent *intent = issue->intent;

  if (intent->sent && g_strcmp0 (intent->identity, issue->authority->identity) == 0)
    return TRUE;
  intent->sent = TRUE;
  g_free (intent->identity);
  intent->identity = g_strdup (issue->authority->identity);
  brevet_issue_write_journal (task);
  return FALSE;
}

void
brevet_issue_ask (GTask *task, BrevetQuestion question)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  GError *error = question == BREVET_QUESTION_ISSUE && !issue->unknown ? check_abilities (issue) : NULL;

  if (error != NULL)
    {
      brevet_issue_handle_error (task, question, error);
      return;
    }
  if (issue->turn == NULL)
    issue->turn = brevet_authority_traffic_try_enter (issue->authority->traffic, BREVET_AUTHORITY_PRIORITY_DEVICE, &error);
  if (error != NULL)
    handle_no_turn (task, question, error);
  else if (issue->turn == NULL)
    wait_for_turn (task, question);
  else if (question != BREVET_QUESTION_ISSUE || is_recorded (task))
    ask_now (task, question);
}
