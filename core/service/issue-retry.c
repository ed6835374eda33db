/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a certificate authority is asked the same once more, and for how long (protocol/ca-backends.md §8.4.5). */

#include "issue-private.h"

#include "brevet-clock.h"

#define LONGEST_RETRY 300

/* For so long nobody minds a record that says a little too much. */
#define SHORT_PAUSE   5000

/* Until when the same is asked again. While only one CA can tell what became of the attempt, the operator's patience counts: nobody
 * else is asked before it ends, and where there is nobody else, the later of the two. */
gint64
brevet_issue_get_limit (const BrevetIssue *issue)
{
  gint64 patience = (gint64) issue->context->ambiguity_patience * G_USEC_PER_SEC;

  if (!issue->unknown)
    return issue->deadline;
  if (issue->intent->standby == NULL)
    return MAX (issue->deadline, issue->unknown_from + patience);
  return patience > 0 ? issue->unknown_from + patience : G_MAXINT64;
}

/* What is unknown waits until just before the limit: somebody else is asked then. */
guint
brevet_issue_choose_pause (BrevetIssue *issue, const GError *error)
{
  gint32 ceiling = MIN (LONGEST_RETRY, 1 << MIN (issue->retries, 16));
  gint64 pause = MAX (brevet_ca_error_get_retry_after (error), 0) * G_GINT64_CONSTANT (1000);
  gint64 left = (brevet_issue_get_limit (issue) - brevet_clock_monotonic ()) / 1000;

  pause += g_random_int_range (1, ceiling * 1000 + 1);
  issue->retries++;
  if (left <= 0 || (pause > left && !issue->unknown))
    return 0;
  return (guint) MIN (MIN (pause, left + 1), G_MAXINT32);
}

/* Once for each operation: a CA may be away for hours. */
static void
log_retry (BrevetIssue *issue, const GError *error)
{
  if (issue->retries == 1)
    g_message ("The certificate for %s has to wait, its certificate authority “%s” is asked again until it answers (operation "
               "%s): %s", issue->intent->registration_id, issue->intent->authority, issue->intent->operation_id, error->message);
}

/* What a restart during the pause must know. */
static void
record_state (BrevetIssue *issue, guint pause)
{
  BrevetIntent *intent = issue->intent;

  if (issue->unknown && intent->unknown_since == 0)
    {
      intent->unknown_since =
        brevet_clock_now_seconds () - (brevet_clock_monotonic () - issue->unknown_from) / G_USEC_PER_SEC;
      issue->unwritten = TRUE;
    }
  else if (brevet_issue_is_certain (issue) && intent->sent && pause >= SHORT_PAUSE)
    {
      intent->sent = FALSE;
      issue->unwritten = TRUE;
    }
}

static void
handle_end_of_time (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  if (issue->outcome != NULL)
    brevet_issue_refuse (task, "The certificate cannot be checked, because its authority does not say what is to be trusted",
                         error);
  else if (issue->unknown)
    brevet_issue_lose (task, error);
  else if (brevet_issue_can_turn (issue) && !issue->ever_turned)
    {
      brevet_issue_turn_to_standby (task, error->message);
      g_error_free (error);
    }
  else
    brevet_issue_fail (task, error);
}

void
brevet_issue_retry (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) owned = error;
  guint pause;

  if (brevet_issue_is_certain (issue) && brevet_issue_can_turn (issue) && issue->authority != NULL &&
      brevet_authority_traffic_is_open (issue->authority->traffic))
    {
      brevet_issue_turn_to_standby (task, error->message);
      return;
    }
  pause = brevet_issue_choose_pause (issue, error);
  if (pause == 0)
    {
      handle_end_of_time (task, g_steal_pointer (&owned));
      return;
    }
  log_retry (issue, error);
  brevet_issue_note_waiting (issue);
  record_state (issue, pause);
  brevet_issue_go_on_after (task, pause);
}
