/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates that come when nobody waits for them any more. */

#include "issue-private.h"

#include "brevet-error.h"
#include "brevet-log.h"
#include "crl-publisher.h"
#include "revocation-worker.h"
#include "service-chores.h"

#define REASON       "The certificate came too late, and nobody waits for it any more"
#define PAUSE_SECONDS 5

typedef struct {
  BrevetServiceContext *context;
  BrevetInventoryEntry *entry;
  gboolean is_revocable;
  GMainContext *main_context;
} Stray;

static void
stray_free (Stray *stray)
{
  brevet_service_context_unref (stray->context);
  brevet_inventory_entry_free (stray->entry);
  g_main_context_unref (stray->main_context);
  g_free (stray);
}

static void look_up (Stray *stray);

static gboolean
on_pause_over (gpointer user_data)
{
  look_up (user_data);
  return G_SOURCE_REMOVE;
}

/* It is signed and in nobody's list: that must not be forgotten because a disk is full for a moment. */
static void
try_later (Stray *stray, const GError *error)
{
  g_autoptr(GSource) source = g_timeout_source_new_seconds (PAUSE_SECONDS);

  g_warning ("A certificate that came too late for operation %s cannot be recorded, trying again in %d s: %s",
             stray->entry->operation_id, PAUSE_SECONDS, error->message);
  g_source_set_callback (source, on_pause_over, stray, NULL);
  g_source_attach (source, stray->main_context);
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Stray *stray = user_data;
  g_autoptr(GError) error = NULL;

  if (!brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    {
      try_later (stray, error);
      return;
    }
  brevet_service_chores_poke (stray->context->chores, BREVET_CHORE_REVOCATIONS);
  brevet_service_chores_poke (stray->context->chores, BREVET_CHORE_REVOCATION_LISTS);
  stray_free (stray);
}

static void
refuse (Stray *stray)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CERTIFICATE_REFUSED, REASON, "BREVET_CA", stray->entry->authority,
                    "BREVET_REGISTRATION", stray->entry->registration_id, "BREVET_OPERATION", stray->entry->operation_id,
                    "BREVET_SERIAL", brevet_certificate_get_serial (brevet_chain_get_leaf (stray->entry->chain)), NULL);
  brevet_issue_put_refused (batch, stray->entry, stray->is_revocable);
  brevet_store_commit_async (stray->context->store, batch, NULL, on_written, stray);
}

static void
on_looked_up (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Stray *stray = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (record != NULL)
    stray_free (stray);
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    refuse (stray);
  else
    try_later (stray, error);
}

static void
look_up (Stray *stray)
{
  g_autofree char *key = brevet_records_certificate_key (brevet_chain_get_leaf (stray->entry->chain));

  brevet_store_get_async (stray->context->store, BREVET_COLLECTION_CERTIFICATES, key, NULL, on_looked_up, stray);
}

void
brevet_issue_discard (BrevetServiceContext *context, const BrevetIntent *intent, BrevetAuthority *authority,
                      BrevetCaOutcome *outcome)
{
  Stray *stray = g_new0 (Stray, 1);

  stray->context = brevet_service_context_ref (context);
  stray->entry = brevet_issue_make_entry (intent, authority, outcome, brevet_ca_outcome_get_chain (outcome),
                                          BREVET_INVENTORY_REFUSED);
  stray->entry->reason = g_strdup (REASON);
  stray->is_revocable = brevet_issue_can_revoke (authority);
  stray->main_context = g_main_context_ref_thread_default ();
  look_up (stray);
}
