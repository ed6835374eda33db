/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a certificate authority is to look for, and what it has found. It goes by public key, and a device may use one key for
 * several certificates: what is in the inventory, issued or refused, answers another question. */

#include "issue-private.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "known-certificates.h"

static void
handle_unreadable (GTask *task, const char *what, const GError *error)
{
  brevet_issue_handle_error (task, BREVET_QUESTION_FIND,
                             g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE, "The %s cannot be read: %s", what,
                                          error->message));
}

/* --- the question ------------------------------------------------------------------------------------------------------------- */

static void
on_inventory_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  g_clear_pointer (&issue->known, g_ptr_array_unref);
  issue->known = brevet_known_certificates_finish (result, &error);
  if (issue->known == NULL)
    handle_unreadable (task, "inventory", error);
  else
    brevet_issue_go_on (task);
}

void
brevet_issue_find (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  if (issue->known != NULL)
    brevet_issue_ask (task, BREVET_QUESTION_FIND);
  else
    brevet_known_certificates_async (issue->context->store, issue->intent->registration_id,
                                     brevet_csr_get_spki_sha256 (issue->csr), NULL, on_inventory_listed, g_object_ref (task));
}

/* --- the answer --------------------------------------------------------------------------------------------------------------- */

/* With another operation of the device under way, it may be what that one has asked for: both may use it. What this attempt has
 * come to is looked for when they are over. */
static void
take_found (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  if (issue->has_company && issue->unknown)
    brevet_issue_orphan (issue);
  brevet_issue_take_outcome (task, g_steal_pointer (&issue->found));
}

/* One that came into the inventory after the search had been told what to pass over: it hides what is behind it. */
static void
leave_known (GTask *task, BrevetRecord *record, const GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  g_clear_pointer (&issue->found, brevet_ca_outcome_unref);
  if (record == NULL)
    handle_unreadable (task, "inventory", error);
  else if (brevet_known_certificates_lacked (issue->request, record))
    brevet_issue_go_on (task);
  else
    brevet_issue_handle_nothing_found (task);
}

static void
on_refused_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    take_found (task);
  else
    leave_known (task, record, error);
}

static void
on_inventory_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  BrevetCertificate *leaf = brevet_chain_get_leaf (brevet_ca_outcome_get_chain (issue->found));
  g_autofree char *key = g_strconcat (BREVET_INVENTORY_REFUSED ":", brevet_certificate_get_sha256 (leaf), NULL);

  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    brevet_store_get_async (issue->context->store, BREVET_COLLECTION_CERTIFICATES, key, NULL, on_refused_searched,
                            g_object_ref (task));
  else
    leave_known (task, record, error);
}

static void
on_journal_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) entries = brevet_store_list_finish (BREVET_STORE (source), result, &error);
  BrevetCertificate *leaf = brevet_chain_get_leaf (brevet_ca_outcome_get_chain (issue->found));
  g_autofree char *key = brevet_records_certificate_key (leaf);

  if (entries == NULL)
    {
      g_clear_pointer (&issue->found, brevet_ca_outcome_unref);
      handle_unreadable (task, "journal", error);
      return;
    }
  issue->has_company = entries->len > 1;
  brevet_store_get_async (issue->context->store, BREVET_COLLECTION_CERTIFICATES, key, NULL, on_inventory_searched,
                          g_object_ref (task));
}

/* A CA need not pass over what is known, and meanwhile there may be more of it. The journal comes first: whatever has left it is in
 * the inventory. */
void
brevet_issue_take_finding (GTask *task, BrevetCaOutcome *outcome)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autofree char *device = brevet_identifier_fold (issue->intent->registration_id);

  if (!brevet_ca_outcome_is_issued (outcome))
    {
      brevet_issue_take_outcome (task, outcome);
      return;
    }
  g_clear_pointer (&issue->found, brevet_ca_outcome_unref);
  issue->found = outcome;
  brevet_store_list_async (issue->context->store, BREVET_COLLECTION_JOURNAL, device, NULL, 2, NULL, on_journal_searched,
                           g_object_ref (task));
}
