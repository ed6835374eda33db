/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recovery.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "intent-request.h"
#include "issuance.h"

#define ENTRIES_PER_PAGE 100

static BrevetRecord *
get_by_id (BrevetServiceContext *context, const char *collection, const char *id, GError **error)
{
  g_autofree char *key = brevet_identifier_fold (id);

  return brevet_store_get (context->store, collection, key, error);
}

static BrevetOperation *
load_operation (BrevetServiceContext *context, const char *operation_id, GError **error)
{
  g_autoptr(BrevetRecord) record = get_by_id (context, BREVET_COLLECTION_OPERATIONS, operation_id, error);

  return record != NULL ? brevet_records_read_operation (record, error) : NULL;
}

/* The registration as it becomes when the operation succeeds; NULL if a newer operation has taken it over. */
static BrevetRegistration *
load_registration (BrevetServiceContext *context, const BrevetOperation *operation, gboolean *was_assigned, GError **error)
{
  g_autoptr(BrevetRecord) record =
    get_by_id (context, BREVET_COLLECTION_REGISTRATIONS, operation->registration_id, error);
  g_autoptr(BrevetRegistration) registration = record != NULL ? brevet_records_read_registration (record, error) : NULL;

  if (registration == NULL || g_strcmp0 (registration->operation_id, operation->id) != 0)
    return NULL;
  *was_assigned = registration->state->status == BREVET_REGISTRATION_ASSIGNED;
  brevet_registration_state_free (registration->state);
  registration->state = brevet_registration_state_copy (operation->state);
  g_free (registration->enrollment_id);
  registration->enrollment_id = g_strdup (operation->enrollment_id);
  registration->enrollment_is_group = operation->enrollment_is_group;
  return g_steal_pointer (&registration);
}

static gboolean
resume (BrevetServiceContext *context, BrevetLimits *limits, BrevetWaiters *waiters, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetIntent) intent = brevet_records_read_intent (record, error);
  g_autoptr(BrevetOperation) operation = NULL;
  g_autoptr(BrevetRegistration) registration = NULL;
  g_autoptr(BrevetCsr) csr = NULL;
  g_autoptr(GError) missing = NULL;
  gboolean was_assigned = FALSE;

  if (intent == NULL)
    return FALSE;
  csr = brevet_intent_read_csr (intent, error);
  operation = csr != NULL ? load_operation (context, intent->operation_id, error) : NULL;
  if (operation == NULL)
    return FALSE;
  registration = load_registration (context, operation, &was_assigned, &missing);
  if (missing != NULL && !g_error_matches (missing, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&missing));
      return FALSE;
    }
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_OPERATION_RESUMED, "Resuming an issuance that a restart interrupted",
                    "BREVET_REGISTRATION", operation->registration_id, "BREVET_OPERATION", operation->id, "BREVET_CA",
                    intent->authority, "BREVET_TRACKING_ID", operation->tracking_id, NULL);
  brevet_limits_resume_operation (limits);
  brevet_issuance_run (context, limits, waiters, g_steal_pointer (&operation), g_steal_pointer (&registration), NULL,
                       g_steal_pointer (&intent), csr, was_assigned, TRUE);
  return TRUE;
}

/* What cannot be read today cannot be read tomorrow. Nobody shall wait for its end, and the device shall be able to begin anew; the
 * entry stays in the journal for a human, since a CA may have been asked. */
static void
give_up (BrevetServiceContext *context, BrevetRecord *entry)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetOperation) operation = load_operation (context, brevet_record_get_key (entry), &error);
  g_autoptr(BrevetBatch) batch = NULL;

  if (operation == NULL || operation->state->status != BREVET_REGISTRATION_ASSIGNING)
    return;
  batch = brevet_batch_new ();
  operation->state->status = BREVET_REGISTRATION_FAILED;
  operation->state->error_code = 500000;
  operation->state->error_message = g_strdup ("The issuance was interrupted and cannot be taken up again. Register again.");
  g_clear_pointer (&operation->state->assigned_hub, g_free);
  g_clear_pointer (&operation->state->device_id, g_free);
  g_clear_pointer (&operation->state->substatus, g_free);
  operation->state->updated = brevet_clock_now ();
  brevet_records_put_operation (batch, operation, operation->etag);
  if (!brevet_store_commit (context->store, batch, &error))
    g_warning ("The operation %s cannot be marked as failed: %s", operation->id, error->message);
}

static gboolean
is_lasting (const GError *error)
{
  return g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CORRUPT) ||
         g_error_matches (error, BREVET_ERROR, BREVET_ERROR_INVALID) ||
         g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
}

int
brevet_recovery_run (BrevetServiceContext *context, BrevetLimits *limits, BrevetWaiters *waiters, GError **error)
{
  g_autofree char *last = NULL;
  int resumed = 0;

  for (;;)
    {
      g_autoptr(GPtrArray) records =
        brevet_store_list (context->store, BREVET_COLLECTION_JOURNAL, NULL, last, ENTRIES_PER_PAGE, error);

      if (records == NULL)
        return -1;
      for (guint i = 0; i < records->len; i++)
        {
          BrevetRecord *record = g_ptr_array_index (records, i);
          g_autoptr(GError) problem = NULL;

          if (resume (context, limits, waiters, record, &problem))
            resumed++;
          else
            {
              g_warning ("The interrupted issuance %s cannot be resumed and stays in the journal: %s",
                         brevet_record_get_key (record), problem->message);
              if (is_lasting (problem))
                give_up (context, record);
            }
          g_free (last);
          last = g_strdup (brevet_record_get_key (record));
        }
      if (records->len < ENTRIES_PER_PAGE)
        return resumed;
    }
}
