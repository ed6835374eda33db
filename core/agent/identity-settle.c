/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-log.h"

/* After an attempt that failed: what is remembered is stored before anybody hears of it. */

static void
end_failure (BrevetIdentity *self, const GError *error, gboolean counts)
{
  BrevetIdentityPlan plan;

  self->settling = FALSE;
  brevet_identity_make_plan (self, &plan);
  brevet_identity_rest (self, &plan, brevet_clock_now_seconds ());
  brevet_identity_tell_changed (self);
  if (counts)
    brevet_identity_tell_failed (self);
  brevet_identity_answer_waiters (self, error, FALSE);
  brevet_identity_after_work (self);
}

typedef struct {
  gpointer identity;
  BrevetIdentityMemory *memory;
  GError *error;
  gboolean counts;
  BrevetIdentityFault fault;
} Settling;

static void
on_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Settling *settling = user_data;
  g_autoptr(BrevetIdentity) self = brevet_identity_take_weakly (settling->identity);
  g_autoptr(BrevetIdentityMemory) memory = settling->memory;
  g_autoptr(GError) error = settling->error;
  g_autoptr(GError) problem = NULL;

  if (!brevet_identity_records_update_finish (BREVET_IDENTITY_RECORDS (source), result, &problem) && self != NULL)
    brevet_identity_report (self, G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_STORAGE_FAILED, NULL,
                            "Identity %s: what is remembered of the last attempt cannot be stored, and is kept in memory alone: %s",
                            self->config->name, problem->message);
  if (self == NULL)
    return;
  if (problem != NULL && settling->fault != BREVET_IDENTITY_FAULT_STORAGE && settling->counts)
    {
      g_autofree char *text = g_steal_pointer (&memory->error_text);

      brevet_identity_strip_stop (problem->message);
      memory->error_text = g_strdup_printf ("%s; and this cannot be stored: %s", text, problem->message);
    }
  brevet_identity_memory_free (self->memory);
  self->memory = g_steal_pointer (&memory);
  if (self->repeat)
    brevet_identity_forget_pause (self);
  if (settling->counts)
    brevet_identity_report_failure (self, settling->fault);
  end_failure (self, error, settling->counts);
}

static void
settle (BrevetIdentity *self, BrevetIdentityMemory *memory, GError *error, gboolean counts, BrevetIdentityFault fault)
{
  Settling *settling = g_new0 (Settling, 1);

  settling->identity = brevet_identity_hold_weakly (self);
  settling->memory = memory;
  settling->error = error;
  settling->counts = counts;
  settling->fault = fault;
  self->settling = TRUE;
  brevet_identity_records_update_async (self->records, NULL, memory, FALSE, NULL, on_settled, settling);
}

/* Errors of other domains have no name that a caller on D-Bus could know. */
static char *
name_error (const GError *error)
{
  int code = error->domain == BREVET_ERROR ? error->code : BREVET_ERROR_FAILED;
  g_autoptr(GError) known = g_error_new_literal (BREVET_ERROR, code, "");

  return g_dbus_error_encode_gerror (known);
}

static void
remember_error (BrevetIdentityMemory *memory, const GError *error, const BrevetRegistrationFailure *failure,
                BrevetIdentityFault fault, gint64 now)
{
  gboolean refused = fault == BREVET_IDENTITY_FAULT_SERVICE && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED);

  brevet_identity_memory_clear_error (memory);
  memory->error_name = name_error (error);
  memory->error_text = g_strdup (error->message);
  memory->error_time = now;
  memory->refusals = refused ? memory->refusals + 1 : 0;
  if (failure == NULL)
    return;
  memory->error_code = failure->error_code;
  memory->error_tracking_id = g_strdup (failure->tracking_id);
  memory->disabled = failure->disabled;
}

/* Takes @error. */
void
brevet_identity_fail (BrevetIdentity *self, GError *error, const BrevetRegistrationFailure *failure,
                      BrevetIdentityFault fault)
{
  BrevetIdentityMemory *memory = brevet_identity_memory_copy (self->memory);
  gint64 retry_after = failure != NULL ? failure->retry_after : -1;
  BrevetIdentitySituation situation;

  brevet_identity_strip_stop (error->message);
  brevet_identity_situation (self, &situation);
  memory->failures++;
  remember_error (memory, error, failure, fault, situation.now);
  memory->next_attempt = situation.now;
  memory->next_attempt += brevet_identity_schedule_pause (&situation, memory->failures, memory->refusals, retry_after);
  g_free (memory->input_digest);
  memory->input_digest = g_strdup (self->input_digest);
  memory->asked_until = retry_after > 0 ? situation.now + retry_after : 0;
  if (self->hint != 0)
    self->hint = MAX (self->hint, memory->asked_until);
  settle (self, memory, error, TRUE, fault);
}

/* Somebody cancelled it: the pause of a failure, but none is counted, and what the service asked for holds. Takes @error. */
void
brevet_identity_pause (BrevetIdentity *self, GError *error)
{
  BrevetIdentityMemory *memory = brevet_identity_memory_copy (self->memory);
  BrevetIdentitySituation situation;

  self->cancelled = TRUE;
  brevet_identity_situation (self, &situation);
  memory->next_attempt = situation.now;
  memory->next_attempt += brevet_identity_schedule_pause (&situation, MAX (memory->failures, 1), memory->refusals, 0);
  memory->next_attempt = MAX (memory->next_attempt, brevet_identity_get_asked_until (self, situation.now));
  g_free (memory->input_digest);
  memory->input_digest = g_strdup (self->input_digest);
  settle (self, memory, error, FALSE, BREVET_IDENTITY_FAULT_SERVICE);
}
