/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What to do when a certificate authority does not simply answer (protocol/ca-backends.md §8.4 and §8.5). */

#include "issue-private.h"

#include "brevet-clock.h"
#include "brevet-log.h"

#define FIND_PAUSE     5000
#define FIND_TRIES     2

/* A CA that loses one answer after the other, and cannot be asked what became of them, is not asked for ever. */
#define MAXIMUM_LOSSES 3

static BrevetCaCapabilities
get_capabilities (const BrevetIssue *issue)
{
  return issue->authority != NULL ? brevet_ca_backend_get_capabilities (issue->authority->backend) : 0;
}

/* --- ends --------------------------------------------------------------------------------------------------------------------- */

void
brevet_issue_fail (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  if (issue->unknown)
    brevet_issue_orphan (issue);
  if (issue->refused != NULL)
    {
      issue->error = error;
      brevet_issue_write_journal (task);
      return;
    }
  brevet_issue_drop_turn (issue);
  g_task_return_error (task, error);
}

void
brevet_issue_lose (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  gboolean first = issue->orphan == NULL && issue->intent->standby != NULL && !issue->ever_turned;

  brevet_issue_orphan (issue);
  if (!first)
    {
      brevet_issue_fail (task, error);
      return;
    }
  brevet_issue_turn_to_standby (task, error->message);
  g_error_free (error);
}

static void
alert (BrevetIssue *issue, const GError *error)
{
  g_autofree char *status = NULL;
  g_autofree char *message = NULL;

  if (issue->alerted)
    return;
  issue->alerted = TRUE;
  if (brevet_ca_error_get_http_status (error) != 0)
    status = g_strdup_printf ("%u", brevet_ca_error_get_http_status (error));
  message = g_strdup_printf ("The certificate authority “%s” needs an operator: %s", issue->intent->authority, error->message);
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_AUTHORITY_TROUBLE, message, "BREVET_CA", issue->intent->authority,
                    "BREVET_REGISTRATION", issue->intent->registration_id, "BREVET_OPERATION", issue->intent->operation_id,
                    "BREVET_UPSTREAM", brevet_ca_error_get_upstream_message (error), "BREVET_UPSTREAM_CODE",
                    brevet_ca_error_get_upstream_code (error), "BREVET_HTTP_STATUS", status, "BREVET_TRANSACTION",
                    brevet_ca_error_get_transaction_id (error), NULL);
}

void
brevet_issue_give_authority_up (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  alert (issue, error);
  if (issue->intent->standby == NULL || issue->broken++ > 0)
    {
      brevet_issue_fail (task, error);
      return;
    }
  issue->alerted = FALSE;
  brevet_issue_turn_to_standby (task, error->message);
  g_error_free (error);
}

/* --- an attempt whose result is unknown --------------------------------------------------------------------------------------- */

static void
become_unknown (BrevetIssue *issue)
{
  if (!issue->unknown)
    issue->unknown_from = brevet_clock_monotonic ();
  issue->unknown = TRUE;
}

/* It can tell by neither way. With a new idempotency key it may issue a second time. */
static void
leave_behind (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  if (issue->doom != NULL)
    {
      brevet_issue_lose (task, g_steal_pointer (&issue->doom));
      return;
    }
  if (issue->losses + 1 >= MAXIMUM_LOSSES)
    {
      brevet_issue_lose (task, g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_AMBIGUOUS, "The certificate authority “%s” loses its "
                                            "answers, and cannot say what it has issued", issue->intent->authority));
      return;
    }
  g_warning ("The certificate authority “%s” may have issued a certificate for %s that never arrived (operation %s, attempt "
             "%u); it can be asked for neither, so a new one is requested", issue->intent->authority,
             issue->intent->registration_id, issue->intent->operation_id, issue->intent->attempt);
  brevet_issue_begin_new_attempt (task);
}

void
brevet_issue_settle (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetCaCapabilities capabilities = get_capabilities (issue);

  if (issue->unknown && issue->retries > 0 && brevet_clock_monotonic () >= brevet_issue_get_limit (issue))
    brevet_issue_lose (task, g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_AMBIGUOUS, "The certificate authority “%s” does not "
                                          "say whether it has issued", issue->intent->authority));
  else if (issue->conflict == NULL && (capabilities & BREVET_CA_CAPABILITY_IDEMPOTENT))
    brevet_issue_ask (task, BREVET_QUESTION_ISSUE);
  else if (capabilities & BREVET_CA_CAPABILITY_FIND)
    brevet_issue_find (task);
  else
    leave_behind (task);
}

void
brevet_issue_handle_nothing_found (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  if (++issue->finds < FIND_TRIES)
    {
      brevet_issue_go_on_after (task, FIND_PAUSE);
      return;
    }
  issue->unknown = FALSE;
  issue->intent->unknown_since = 0;
  if (issue->conflict != NULL)
    brevet_issue_fail (task, g_steal_pointer (&issue->conflict));
  else if (issue->doom != NULL)
    brevet_issue_give_authority_up (task, g_steal_pointer (&issue->doom));
  else
    brevet_issue_begin_new_attempt (task);
}

/* --- errors by their class ---------------------------------------------------------------------------------------------------- */

static gboolean
is_misread (const GError *error)
{
  return g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL);
}

/* Nothing changes by itself. Where it is not known what there is, the standby has to wait until somebody has helped, or the
 * patience ends; without a standby there is nothing to wait for. */
static void
need_operator (GTask *task, BrevetQuestion question, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetCaCapabilities capabilities = get_capabilities (issue);
  gboolean can_find = question == BREVET_QUESTION_ISSUE && (capabilities & BREVET_CA_CAPABILITY_FIND) != 0 &&
                      !(capabilities & BREVET_CA_CAPABILITY_IDEMPOTENT);

  if (!issue->unknown)
    {
      brevet_issue_give_authority_up (task, error);
      return;
    }
  alert (issue, error);
  if (can_find && issue->doom == NULL)
    issue->doom = g_error_copy (error);
  if (can_find || (issue->intent->standby != NULL && !issue->ever_turned))
    brevet_issue_retry (task, error);
  else
    brevet_issue_lose (task, error);
}

/* Two tries are enough to see that an answer cannot be read; what was asked may have been carried out. */
static void
handle_misreading (GTask *task, BrevetQuestion question, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  if (question == BREVET_QUESTION_ISSUE && issue->request != NULL && brevet_ca_request_was_sent (issue->request))
    become_unknown (issue);
  if (issue->misreadings++ == 0)
    brevet_issue_retry (task, error);
  else
    need_operator (task, question, error);
}

static void
handle_conflict (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  if (!(get_capabilities (issue) & BREVET_CA_CAPABILITY_FIND))
    {
      brevet_issue_fail (task, error);
      return;
    }
  g_clear_error (&issue->conflict);
  issue->conflict = error;
  issue->finds = 0;
  brevet_issue_go_on (task);
}

/* A CA that judges the request has not carried it out, now or earlier. */
static gboolean
is_judgement (const GError *error)
{
  static const BrevetCaError codes[] = {
    BREVET_CA_ERROR_INVALID_CSR, BREVET_CA_ERROR_INVALID_REQUEST, BREVET_CA_ERROR_POLICY, BREVET_CA_ERROR_REJECTED,
    BREVET_CA_ERROR_NEW_KEY_REQUIRED,
  };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_error_matches (error, BREVET_CA_ERROR, codes[i]))
      return TRUE;
  return FALSE;
}

static void
handle_issue_error (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetCaErrorClass class = brevet_ca_error_classify (error);

  if (g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFLICT))
    handle_conflict (task, error);
  else if (is_misread (error))
    handle_misreading (task, BREVET_QUESTION_ISSUE, error);
  else if (class == BREVET_CA_ERROR_CLASS_OPERATOR)
    need_operator (task, BREVET_QUESTION_ISSUE, error);
  else if (class == BREVET_CA_ERROR_CLASS_PERMANENT)
    {
      issue->unknown = issue->unknown && !is_judgement (error);
      brevet_issue_fail (task, error);
    }
  else
    {
      if (class == BREVET_CA_ERROR_CLASS_AMBIGUOUS)
        become_unknown (issue);
      brevet_issue_retry (task, error);
    }
}

static void
handle_find_error (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetCaErrorClass class = brevet_ca_error_classify (error);

  if (g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND))
    {
      g_error_free (error);
      brevet_issue_handle_nothing_found (task);
    }
  else if (is_misread (error))
    handle_misreading (task, BREVET_QUESTION_FIND, error);
  else if (class == BREVET_CA_ERROR_CLASS_OPERATOR)
    need_operator (task, BREVET_QUESTION_FIND, error);
  else if (class != BREVET_CA_ERROR_CLASS_PERMANENT)
    brevet_issue_retry (task, error);
  else if (issue->unknown)
    brevet_issue_lose (task, error);
  else
    brevet_issue_fail (task, error);
}

/* A CA may hand over what it has issued once, and the answer was lost on the way. */
static void
look_for_handed_over (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  g_clear_pointer (&issue->intent->ticket, g_free);
  become_unknown (issue);
  handle_conflict (task, error);
}

/* Asking for a ticket twice does no harm, and a human may take days to decide: trouble on the way is no reason to give up. A CA
 * that knows the ticket no more has not said what became of it. */
static void
handle_poll_error (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetCaErrorClass class = brevet_ca_error_classify (error);
  g_autoptr(GError) owned = error;

  if (g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_TICKET_EXPIRED) &&
      (get_capabilities (issue) & BREVET_CA_CAPABILITY_FIND) != 0)
    {
      look_for_handed_over (task, g_steal_pointer (&owned));
      return;
    }
  if (class == BREVET_CA_ERROR_CLASS_PERMANENT)
    {
      if (!is_judgement (error))
        brevet_issue_orphan (issue);
      brevet_issue_fail (task, g_steal_pointer (&owned));
      return;
    }
  if (class == BREVET_CA_ERROR_CLASS_OPERATOR || is_misread (error))
    alert (issue, error);
  brevet_issue_poll_after (task, (guint) MAX (brevet_ca_error_get_retry_after (error), 0));
}

static void
handle_trust_error (GTask *task, GError *error)
{
  BrevetCaErrorClass class = brevet_ca_error_classify (error);

  if (class == BREVET_CA_ERROR_CLASS_RETRYABLE || class == BREVET_CA_ERROR_CLASS_AMBIGUOUS)
    brevet_issue_retry (task, error);
  else
    brevet_issue_refuse (task, "The certificate cannot be checked, because its authority does not say what is to be trusted",
                         error);
}

void
brevet_issue_handle_error (GTask *task, BrevetQuestion question, GError *error)
{
  switch (question)
    {
    case BREVET_QUESTION_ISSUE:
      handle_issue_error (task, error);
      break;
    case BREVET_QUESTION_POLL:
      handle_poll_error (task, error);
      break;
    case BREVET_QUESTION_FIND:
      handle_find_error (task, error);
      break;
    case BREVET_QUESTION_TRUST:
    default:
      handle_trust_error (task, error);
      break;
    }
}
