/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How attempts begin and end, and what is written about them. */

#include "issue-private.h"

#include "brevet-clock.h"
#include "brevet-log.h"
#include "crl-publisher.h"
#include "intent-request.h"
#include "orphans.h"
#include "revocation-worker.h"
#include "service-chores.h"

#define JOURNAL_PAUSE 5000

/* --- the journal -------------------------------------------------------------------------------------------------------------- */

static void
take_note_of_written (BrevetIssue *issue)
{
  if (issue->refused != NULL)
    {
      brevet_service_chores_poke (issue->context->chores, BREVET_CHORE_REVOCATIONS);
      brevet_service_chores_poke (issue->context->chores, BREVET_CHORE_REVOCATION_LISTS);
    }
  if (issue->orphan != NULL)
    brevet_service_chores_poke (issue->context->chores, BREVET_CHORE_ORPHANS);
  g_clear_pointer (&issue->refused, brevet_inventory_entry_free);
  g_clear_pointer (&issue->orphan, brevet_orphan_free);
  issue->unwritten = FALSE;
}

/* Only what has not been asked yet may be given up because it cannot be written. */
static gboolean
may_give_up (const BrevetIssue *issue)
{
  return brevet_issue_is_certain (issue) && issue->orphan == NULL && issue->refused == NULL &&
         brevet_clock_monotonic () >= issue->deadline;
}

static void
on_journal_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    {
      guint pause = issue->pause;

      take_note_of_written (issue);
      issue->pause = 0;
      if (pause > 0)
        brevet_issue_go_on_after (task, pause);
      else
        brevet_issue_go_on (task);
      return;
    }
  g_warning ("The journal of operation %s cannot be written, trying again in %d s: %s", issue->intent->operation_id,
             JOURNAL_PAUSE / 1000, error->message);
  if (may_give_up (issue))
    brevet_issue_fail (task, g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE, "The journal cannot be written: %s",
                                          error->message));
  else
    brevet_issue_rest (task, JOURNAL_PAUSE);
}

void
brevet_issue_write_journal (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  issue->unwritten = TRUE;
  brevet_records_put_intent (batch, issue->intent);
  if (issue->refused != NULL)
    brevet_issue_put_refused (batch, issue->refused, issue->is_revocable);
  if (issue->orphan != NULL)
    brevet_records_put_orphan (batch, issue->orphan, NULL);
  brevet_store_commit_async (issue->context->store, batch, NULL, on_journal_written, g_object_ref (task));
}

/* --- attempts ----------------------------------------------------------------------------------------------------------------- */

void
brevet_issue_make_request (BrevetIssue *issue, gint64 deadline)
{
  g_clear_pointer (&issue->request, brevet_ca_request_unref);
  issue->request = brevet_intent_make_request (issue->intent, issue->csr, deadline);
  for (guint i = 0; issue->known != NULL && i < issue->known->len; i++)
    brevet_ca_request_add_known (issue->request, g_ptr_array_index (issue->known, i));
  g_clear_pointer (&issue->known, g_ptr_array_unref);
}

void
brevet_issue_orphan (BrevetIssue *issue)
{
  BrevetIntent *intent = issue->intent;

  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_ATTEMPT_LOST,
                    "The certificate authority may have issued a certificate that never arrived; it is looked for, to be revoked",
                    "BREVET_CA", intent->authority, "BREVET_REGISTRATION", intent->registration_id, "BREVET_OPERATION",
                    intent->operation_id, NULL);
  g_clear_pointer (&issue->orphan, brevet_orphan_free);
  issue->orphan = g_new0 (BrevetOrphan, 1);
  issue->orphan->intent = brevet_intent_copy (intent);
  issue->unknown = FALSE;
  issue->losses++;
}

static void
reset_attempt (BrevetIssue *issue)
{
  BrevetIntent *intent = issue->intent;

  brevet_intent_renew_key (intent);
  intent->attempt++;
  intent->requested_at = brevet_clock_now_seconds ();
  intent->expires_at = 0;
  intent->unknown_since = 0;
  g_clear_pointer (&intent->ticket, g_free);
  g_clear_pointer (&issue->request, brevet_ca_request_unref);
  g_clear_error (&issue->conflict);
  g_clear_error (&issue->doom);
  issue->finds = 0;
}

/* The same CA is asked at once, so that one write says both: that there is another attempt, and that it may have been asked. */
void
brevet_issue_begin_new_attempt (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetIntent *intent = issue->intent;
  gboolean at_once = issue->authority != NULL;

  if (issue->unknown)
    brevet_issue_orphan (issue);
  reset_attempt (issue);
  g_free (intent->identity);
  intent->identity = at_once ? g_strdup (issue->authority->identity) : NULL;
  intent->sent = at_once;
  issue->unwritten = at_once || issue->orphan != NULL || issue->refused != NULL;
  brevet_issue_go_on (task);
}

/* --- the standby -------------------------------------------------------------------------------------------------------------- */

gboolean
brevet_issue_can_turn (const BrevetIssue *issue)
{
  return issue->intent->standby != NULL && !issue->turned && issue->broken == 0;
}

void
brevet_issue_turn_to_standby (GTask *task, const char *why)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetIntent *intent = issue->intent;
  char *former = intent->authority;
  g_autofree char *message = NULL;

  intent->authority = intent->standby;
  intent->standby = former;
  message = g_strdup_printf ("Turning from the certificate authority “%s” to “%s”: %s", former, intent->authority, why);
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_STANDBY_ASKED, message, "BREVET_CA", intent->authority,
                    "BREVET_REGISTRATION", intent->registration_id, "BREVET_OPERATION", intent->operation_id, NULL);
  if (!issue->ever_turned)
    issue->deadline = brevet_clock_monotonic () + (gint64) issue->context->issuance_timeout * G_USEC_PER_SEC;
  issue->turned = TRUE;
  issue->ever_turned = TRUE;
  issue->misreadings = 0;
  issue->refusals = 0;
  issue->retries = 0;
  brevet_issue_drop_turn (issue);
  g_clear_pointer (&issue->authority, brevet_authority_unref);
  brevet_issue_begin_new_attempt (task);
}

/* --- certificates ------------------------------------------------------------------------------------------------------------- */

BrevetInventoryEntry *
brevet_issue_make_entry (const BrevetIntent *intent, const BrevetAuthority *authority, BrevetCaOutcome *outcome, BrevetChain *chain,
                         const char *status)
{
  BrevetInventoryEntry *entry = g_new0 (BrevetInventoryEntry, 1);

  entry->registration_id = g_strdup (intent->registration_id);
  entry->operation_id = g_strdup (intent->operation_id);
  entry->authority = g_strdup (authority != NULL ? authority->name : intent->authority);
  entry->identity = g_strdup (authority != NULL ? authority->identity : intent->identity);
  entry->backend_reference = g_strdup (brevet_ca_outcome_get_backend_reference (outcome));
  entry->chain = brevet_chain_ref (chain);
  entry->status = g_strdup (status);
  return entry;
}

gboolean
brevet_issue_can_revoke (const BrevetAuthority *authority)
{
  return authority == NULL ||
         (brevet_ca_backend_get_capabilities (authority->backend) & BREVET_CA_CAPABILITY_REVOKE) != 0;
}

void
brevet_issue_put_refused (BrevetBatch *batch, const BrevetInventoryEntry *entry, gboolean can_revoke)
{
  g_autofree char *key = brevet_records_put_certificate (batch, entry);
  BrevetPendingRevocation revocation = {
    .certificate_key = key,
    .authority = entry->authority,
    .identity = entry->identity,
    .reason = BREVET_REVOCATION_SUPERSEDED,
    .not_after = brevet_certificate_get_not_after (brevet_chain_get_leaf (entry->chain)),
  };

  if (can_revoke)
    brevet_records_put_pending_revocation (batch, &revocation, NULL);
}

static GError *
make_second_refusal (const BrevetIssue *issue)
{
  return g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL,
                      "The certificate authority “%s” twice issued a certificate that must not be used", issue->intent->authority);
}

/* Never handed out, but remembered and revoked: the CA did sign it. */
void
brevet_issue_refuse (GTask *task, const char *reason, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetChain *chain = brevet_ca_outcome_get_chain (issue->outcome);

  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CERTIFICATE_REFUSED, reason, "BREVET_CA", issue->intent->authority,
                    "BREVET_REGISTRATION", issue->intent->registration_id, "BREVET_OPERATION", issue->intent->operation_id,
                    "BREVET_SERIAL", brevet_certificate_get_serial (brevet_chain_get_leaf (chain)), NULL);
  issue->refused = brevet_issue_make_entry (issue->intent, issue->authority, issue->outcome, chain, BREVET_INVENTORY_REFUSED);
  issue->refused->reason = g_strdup (reason);
  issue->is_revocable = brevet_issue_can_revoke (issue->authority);
  issue->unwritten = TRUE;
  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  g_clear_pointer (&issue->intent->ticket, g_free);
  if (error == NULL && issue->refusals++ > 0)
    error = make_second_refusal (issue);
  if (error == NULL)
    brevet_issue_begin_new_attempt (task);
  else
    brevet_issue_give_authority_up (task, error);
}
