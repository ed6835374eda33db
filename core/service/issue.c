/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issue-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "service-chores.h"

#define SHORTEST_POLL   5
#define LONGEST_POLL    3600
#define LONGEST_PENDING (7 * 24 * 3600)

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
issue_free (gpointer data)
{
  BrevetIssue *issue = data;

  clear_source (&issue->timer);
  clear_source (&issue->rest);
  brevet_issue_drop_turn (issue);
  brevet_service_context_unref (issue->context);
  brevet_intent_free (issue->intent);
  brevet_csr_unref (issue->csr);
  g_clear_object (&issue->cancellable);
  g_clear_pointer (&issue->authority, brevet_authority_unref);
  g_clear_pointer (&issue->request, brevet_ca_request_unref);
  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  g_clear_pointer (&issue->known, g_ptr_array_unref);
  g_clear_pointer (&issue->found, brevet_ca_outcome_unref);
  g_clear_pointer (&issue->late, brevet_ca_outcome_unref);
  g_clear_pointer (&issue->refused, brevet_inventory_entry_free);
  g_clear_pointer (&issue->orphan, brevet_orphan_free);
  g_clear_error (&issue->error);
  g_clear_error (&issue->conflict);
  g_clear_error (&issue->doom);
  g_free (issue);
}

gboolean
brevet_issue_is_certain (const BrevetIssue *issue)
{
  return !issue->unknown && issue->conflict == NULL && issue->outcome == NULL && issue->intent->ticket == NULL;
}

void
brevet_issue_note_waiting (BrevetIssue *issue)
{
  if (!issue->has_waited && issue->waits != NULL)
    issue->waits (issue->waits_data);
  issue->has_waited = TRUE;
}

/* A certificate that cannot be checked now is not thrown away; one that cannot be checked at all must not be used. */
static void
take_trust (GTask *task, BrevetTrustBundle *trust)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetChain) chain = NULL;

  brevet_authority_pool_note_trust (issue->context->authorities, issue->authority, trust, issue->context->chores);
  chain = brevet_issuance_check_run (issue->authority->check, issue->request, issue->outcome, trust, brevet_clock_now_seconds (),
                                     &error);
  if (chain == NULL)
    brevet_issue_refuse (task, error->message, NULL);
  else
    g_task_return_pointer (task, brevet_issue_make_entry (issue->intent, issue->authority, issue->outcome, chain,
                                                          BREVET_INVENTORY_ISSUED),
                           (GDestroyNotify) brevet_inventory_entry_free);
}

/* A CA that answers after its ticket has ended may issue all the same. */
static void
give_ticket_up (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  brevet_issue_orphan (issue);
  brevet_issue_fail (task, g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_TICKET_EXPIRED,
                                        "The certificate authority “%s” did not decide in time", issue->intent->authority));
}

void
brevet_issue_poll_after (GTask *task, guint seconds)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  gint64 end = issue->intent->requested_at + LONGEST_PENDING;
  gint64 left;

  if (issue->intent->expires_at > 0)
    end = MIN (end, issue->intent->expires_at);
  left = end - brevet_clock_now_seconds ();
  issue->poll_interval = CLAMP (MAX (seconds, issue->poll_interval * 3 / 2), SHORTEST_POLL, LONGEST_POLL);
  brevet_issue_note_waiting (issue);
  if (left <= 0)
    give_ticket_up (task);
  else
    brevet_issue_go_on_after (task, (guint) MIN (issue->poll_interval, left) * 1000);
}

static void
take_ticket (GTask *task, BrevetCaOutcome *outcome)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetIntent *intent = issue->intent;

  issue->unwritten = g_strcmp0 (intent->ticket, brevet_ca_outcome_get_ticket (outcome)) != 0 ||
                     intent->expires_at != brevet_ca_outcome_get_expires_at (outcome);
  g_free (intent->ticket);
  intent->ticket = g_strdup (brevet_ca_outcome_get_ticket (outcome));
  intent->expires_at = brevet_ca_outcome_get_expires_at (outcome);
  brevet_issue_poll_after (task, brevet_ca_outcome_get_poll_after (outcome));
}

/* Whatever is heard of the attempt, its result is no longer unknown. */
void
brevet_issue_take_outcome (GTask *task, BrevetCaOutcome *outcome)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(BrevetCaOutcome) owned = outcome;

  issue->unknown = FALSE;
  issue->intent->unknown_since = 0;
  g_clear_error (&issue->conflict);
  g_clear_pointer (&issue->late, brevet_ca_outcome_unref);
  if (!brevet_ca_outcome_is_issued (outcome))
    {
      take_ticket (task, outcome);
      return;
    }
  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  issue->outcome = g_steal_pointer (&owned);
  brevet_issue_go_on (task);
}

void
brevet_issue_take_answer (GTask *task, BrevetQuestion question, BrevetCaOutcome *outcome, BrevetTrustBundle *trust, GError *error)
{
  g_autoptr(BrevetTrustBundle) owned = trust;

  if (error != NULL)
    brevet_issue_handle_error (task, question, error);
  else if (question == BREVET_QUESTION_TRUST)
    take_trust (task, owned);
  else if (question == BREVET_QUESTION_FIND)
    brevet_issue_take_finding (task, outcome);
  else
    brevet_issue_take_outcome (task, outcome);
}

/* The question that a CA would be asked now. */
static BrevetQuestion
choose_question (const BrevetIssue *issue)
{
  if (issue->outcome != NULL)
    return BREVET_QUESTION_TRUST;
  if (issue->intent->ticket != NULL)
    return BREVET_QUESTION_POLL;
  return issue->unknown || issue->conflict != NULL ? BREVET_QUESTION_FIND : BREVET_QUESTION_ISSUE;
}

/* The CA that was asked is one that this service knows nothing of any more: there is nobody who could tell. */
static void
leave_forgotten_authority (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  g_warning ("The certificate authority “%s” that was asked for a certificate for %s (operation %s, attempt %u) is not known any "
             "more; the one of this name now is asked anew", issue->intent->authority, issue->intent->registration_id,
             issue->intent->operation_id, issue->intent->attempt);
  brevet_issue_orphan (issue);
  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  brevet_issue_begin_new_attempt (task);
}

/* Of other domains are errors of the store, and one that has something else to do just now is not gone. */
static GError *
translate_error (GError *error)
{
  gboolean passes = !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND) &&
                    !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
  GError *translated;

  if (error->domain == BREVET_CA_ERROR)
    return error;
  translated = g_error_new_literal (BREVET_CA_ERROR, passes ? BREVET_CA_ERROR_UNAVAILABLE : BREVET_CA_ERROR_CONFIG, error->message);
  g_error_free (error);
  return translated;
}

static void
on_authority_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(BrevetAuthority) authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &error);
  gboolean bound = !brevet_issue_is_certain (issue) && issue->intent->identity != NULL;

  if (bound && (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND) ||
                (authority != NULL && !g_str_equal (authority->identity, issue->intent->identity))))
    {
      g_clear_error (&error);
      leave_forgotten_authority (task);
      return;
    }
  if (authority == NULL)
    {
      brevet_issue_handle_error (task, choose_question (issue), translate_error (error));
      return;
    }
  issue->authority = g_steal_pointer (&authority);
  /* An entry of a former version does not say who was asked. */
  if (issue->intent->identity == NULL && !brevet_issue_is_certain (issue))
    issue->intent->identity = g_strdup (issue->authority->identity);
  brevet_issue_go_on (task);
}

/* An issuance may live longer than the configuration that it began with. */
static void
refresh_context (BrevetIssue *issue)
{
  BrevetServiceContext *current =
    issue->context->chores != NULL ? brevet_service_chores_ref_context (issue->context->chores) : NULL;

  if (current == NULL)
    return;
  brevet_service_context_unref (issue->context);
  issue->context = current;
}

/* Tickets and attempts whose result is unknown belong to the CA that was asked; anything else goes to the one that the name stands
 * for now. */
static void
resolve (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  brevet_issue_drop_turn (issue);
  refresh_context (issue);
  brevet_authority_pool_resolve_async (issue->context->authorities, issue->intent->authority,
                                       brevet_issue_is_certain (issue) ? NULL : issue->intent->identity, NULL,
                                       on_authority_resolved, g_object_ref (task));
}

static void
go_on_with_authority (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetQuestion question = choose_question (issue);

  if (question == BREVET_QUESTION_FIND)
    brevet_issue_settle (task);
  else if (question == BREVET_QUESTION_ISSUE && brevet_issue_can_turn (issue) &&
           brevet_authority_traffic_is_open (issue->authority->traffic))
    brevet_issue_turn_to_standby (task, "it is down");
  else
    brevet_issue_ask (task, question);
}

void
brevet_issue_go_on (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  if (issue->unwritten)
    brevet_issue_write_journal (task);
  else if (issue->error != NULL)
    brevet_issue_fail (task, g_steal_pointer (&issue->error));
  else if (issue->late != NULL)
    brevet_issue_take_outcome (task, g_steal_pointer (&issue->late));
  else if (issue->authority == NULL)
    resolve (task);
  else
    go_on_with_authority (task);
}

static gboolean
on_pause_over (gpointer user_data)
{
  GTask *task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);

  g_clear_pointer (&issue->rest, g_source_unref);
  issue->turned = FALSE;
  brevet_issue_go_on (task);
  return G_SOURCE_REMOVE;
}

void
brevet_issue_rest (GTask *task, guint milliseconds)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  brevet_issue_drop_turn (issue);
  clear_source (&issue->rest);
  issue->rest = g_timeout_source_new (milliseconds);
  g_source_set_callback (issue->rest, on_pause_over, g_object_ref (task), g_object_unref);
  g_source_attach (issue->rest, g_task_get_context (task));
}

void
brevet_issue_go_on_after (GTask *task, guint milliseconds)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  g_clear_pointer (&issue->authority, brevet_authority_unref);
  if (issue->unwritten)
    {
      issue->pause = milliseconds;
      brevet_issue_write_journal (task);
      return;
    }
  brevet_issue_rest (task, milliseconds);
}

void
brevet_issue_async (BrevetServiceContext *context, BrevetAuthority *authority, BrevetIntent *intent, BrevetCsr *csr,
                    gboolean resumed, BrevetIssueWaitsFunc waits, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, NULL, callback, user_data);
  BrevetIssue *issue = g_new0 (BrevetIssue, 1);
  gint64 now = brevet_clock_monotonic ();

  g_task_set_source_tag (task, brevet_issue_async);
  issue->context = brevet_service_context_ref (context);
  issue->authority = authority != NULL ? brevet_authority_ref (authority) : NULL;
  issue->intent = intent;
  issue->csr = brevet_csr_ref (csr);
  issue->waits = waits;
  issue->waits_data = user_data;
  issue->deadline = now + (gint64) context->issuance_timeout * G_USEC_PER_SEC;
  issue->unknown = resumed && intent->sent && intent->ticket == NULL;
  issue->unknown_from = now;
  if (intent->unknown_since > 0)
    issue->unknown_from -= MAX (brevet_clock_now_seconds () - intent->unknown_since, 0) * G_USEC_PER_SEC;
  g_task_set_task_data (task, issue, issue_free);
  brevet_issue_go_on (task);
}

BrevetInventoryEntry *
brevet_issue_finish (GAsyncResult *result, BrevetOrphan **orphan, GError **error)
{
  BrevetIssue *issue = g_task_get_task_data (G_TASK (result));

  *orphan = g_steal_pointer (&issue->orphan);
  return g_task_propagate_pointer (G_TASK (result), error);
}
