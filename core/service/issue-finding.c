/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a certificate authority has found. */

#include "issue-private.h"

#include "brevet-error.h"

static void
on_refused_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    brevet_issue_take_outcome (task, g_steal_pointer (&issue->found));
  else
    {
      g_clear_pointer (&issue->found, brevet_ca_outcome_unref);
      brevet_issue_handle_nothing_found (task);
    }
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
    {
      g_clear_pointer (&issue->found, brevet_ca_outcome_unref);
      if (record != NULL)
        brevet_issue_handle_nothing_found (task);
      else
        brevet_issue_handle_error (task, BREVET_QUESTION_FIND, g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE,
                                                                            "The inventory cannot be read: %s", error->message));
    }
}

/* A CA is asked for a public key, and a device may renew with the one it has: what is in the inventory already, issued or refused,
 * answers an earlier question. */
void
brevet_issue_take_finding (GTask *task, BrevetCaOutcome *outcome)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autofree char *key = NULL;

  if (!brevet_ca_outcome_is_issued (outcome))
    {
      brevet_issue_take_outcome (task, outcome);
      return;
    }
  g_clear_pointer (&issue->found, brevet_ca_outcome_unref);
  issue->found = outcome;
  key = brevet_records_certificate_key (brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome)));
  brevet_store_get_async (issue->context->store, BREVET_COLLECTION_CERTIFICATES, key, NULL, on_inventory_searched,
                          g_object_ref (task));
}
