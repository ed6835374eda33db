/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registrar-private.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "brevet-wire-json.h"
#include "issuance.h"

/* Simultaneous calls of one device overtake each other at most this often. */
#define MAXIMUM_TRIES 5

static void
clear_try (BrevetRegistrarRun *run)
{
  g_clear_pointer (&run->authorisation, brevet_authorisation_free);
  g_clear_pointer (&run->operation, brevet_operation_free);
  g_clear_pointer (&run->registration, brevet_registration_free);
  g_clear_pointer (&run->intent, brevet_intent_free);
  g_clear_pointer (&run->authority, brevet_authority_unref);
  g_clear_pointer (&run->waiter, brevet_waiter_free);
  if (run->holds_operation)
    brevet_limits_end_operation (run->registrar->limits, FALSE);
  run->holds_operation = FALSE;
}

static void
run_free (gpointer data)
{
  BrevetRegistrarRun *run = data;

  clear_try (run);
  brevet_service_context_unref (run->context);
  brevet_enrollment_unref (run->enrollment);
  g_free (run->registration_id);
  g_free (run->mechanism);
  g_free (run->credential);
  g_clear_pointer (&run->attestation, json_object_unref);
  g_clear_pointer (&run->csr, brevet_csr_unref);
  g_clear_pointer (&run->payload, json_node_unref);
  g_free (run->remote_address);
  g_free (run->tracking_id);
  g_free (run->question);
  g_free (run);
}

/* Two calls ask the same question if device, enrollment (in this version), CSR, recipient and payload are the same. */
static char *
hash_question (const BrevetRegistrarCall *call)
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *key = brevet_identifier_fold (call->registration_id);
  const char *parts[] = { key, call->enrollment->is_group ? "group" : "individual", call->enrollment->id, call->enrollment->etag,
                          call->csr != NULL ? brevet_csr_get_sha256 (call->csr) : "", call->recipient };

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    g_checksum_update (checksum, (const guchar *) (parts[i] != NULL ? parts[i] : ""),
                       parts[i] != NULL ? (gssize) strlen (parts[i]) + 1 : 1);
  if (call->payload != NULL)
    {
      g_autoptr(GBytes) payload = brevet_wire_print (call->payload);

      g_checksum_update (checksum, g_bytes_get_data (payload, NULL), g_bytes_get_size (payload));
    }
  return g_strdup (g_checksum_get_string (checksum));
}

static void begin_try (GTask *task);

static void
return_operation (GTask *task, BrevetOperation *operation)
{
  BrevetRegistrarRun *run = g_task_get_task_data (task);

  if (operation->state->status == BREVET_REGISTRATION_ASSIGNING && run->waiter == NULL)
    run->waiter = brevet_waiters_add (run->registrar->waiters, operation->id);
  g_task_return_pointer (task, operation, (GDestroyNotify) brevet_operation_free);
}

static void
log_outcome (BrevetRegistrarRun *run)
{
  BrevetRegistrationState *state = run->operation->state;
  gboolean failed = state->status == BREVET_REGISTRATION_FAILED;
  g_autofree char *message = NULL;

  if (failed)
    message = g_strdup_printf ("The registration of %s failed: %s", run->registration_id, state->error_message);
  else
    message = g_strdup_printf ("Assigned %s to %s", run->registration_id, state->assigned_hub);
  brevet_log_event (failed ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE,
                    failed ? BREVET_MESSAGE_REGISTRATION_FAILED : BREVET_MESSAGE_ASSIGNED, message, "BREVET_REGISTRATION",
                    run->registration_id, "BREVET_ENROLLMENT", run->enrollment->id, "BREVET_MECHANISM", run->mechanism,
                    "BREVET_CREDENTIAL", run->credential, "BREVET_HUB", state->assigned_hub, "BREVET_OPERATION",
                    run->operation->id, "BREVET_TRACKING_ID", run->tracking_id, "BREVET_ADDRESS", run->remote_address, NULL);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetRegistrarRun *run = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean was_assigned = run->authorisation->registration != NULL &&
                          run->authorisation->registration->state->status == BREVET_REGISTRATION_ASSIGNED;

  if (!brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    {
      if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT) && ++run->tries < MAXIMUM_TRIES)
        {
          g_error_free (error);
          begin_try (task);
        }
      else
        g_task_return_error (task, error);
      return;
    }
  if (run->intent == NULL)
    log_outcome (run);
  else
    {
      run->waiter = brevet_waiters_add (run->registrar->waiters, run->operation->id);
      run->holds_operation = FALSE;
      brevet_issuance_run (run->context, run->registrar->limits, run->registrar->waiters,
                           brevet_operation_copy (run->operation), g_steal_pointer (&run->registration), run->authority,
                           g_steal_pointer (&run->intent), run->csr, was_assigned, FALSE);
    }
  return_operation (task, g_steal_pointer (&run->operation));
}

/* What the registration is until the certificate is there, or if there will be none: an assignment that the device has stays. */
static void
put_registration_now (BrevetRegistrarRun *run, BrevetBatch *batch)
{
  BrevetRegistration *known = run->authorisation->registration;
  const char *condition = known != NULL ? known->etag : BREVET_IF_ABSENT;
  const char *etag;

  if (run->operation->state->status != BREVET_REGISTRATION_ASSIGNED && known != NULL &&
      known->state->status == BREVET_REGISTRATION_ASSIGNED)
    {
      g_free (known->operation_id);
      known->operation_id = g_strdup (run->operation->id);
      etag = brevet_records_put_registration (batch, known, condition);
    }
  else
    etag = brevet_records_put_registration (batch, run->registration, condition);
  g_free (run->registration->etag);
  run->registration->etag = g_strdup (etag);
}

static void
commit_beginning (GTask *task)
{
  BrevetRegistrarRun *run = g_task_get_task_data (task);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  put_registration_now (run, batch);
  g_free (run->operation->state->etag);
  run->operation->state->etag = g_strdup (run->registration->etag);
  brevet_records_put_operation (batch, run->operation, BREVET_IF_ABSENT);
  if (run->intent != NULL)
    brevet_records_put_intent (batch, run->intent);
  brevet_store_commit_async (run->context->store, batch, NULL, on_committed, g_object_ref (task));
}

/* One that cannot be used just now is the issue stage's to wait for. */
static void
on_authority_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetRegistrarRun *run = g_task_get_task_data (task);

  run->authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, NULL);
  if (run->authority != NULL)
    brevet_registrar_plan_question (run, run->authority);
  commit_beginning (task);
}

static void
on_allocated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetRegistrarRun *run = g_task_get_task_data (task);
  g_autoptr(GError) refusal = NULL;
  g_autoptr(BrevetAllocation) allocation = brevet_allocate_finish (result, &refusal);
  GError *error = NULL;

  if (!brevet_registrar_plan (run, allocation, refusal, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (run->intent != NULL)
    {
      run->holds_operation = brevet_limits_begin_operation (run->registrar->limits);
      if (!run->holds_operation)
        {
          g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_BUSY, "Too many certificates are being issued");
          return;
        }
      brevet_authority_pool_resolve_async (run->context->authorities, run->intent->authority, NULL, NULL, on_authority_resolved,
                                           g_object_ref (task));
      return;
    }
  commit_beginning (task);
}

static void
on_joined_read_again (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  BrevetOperation *operation = record != NULL ? brevet_records_read_operation (record, &error) : NULL;

  if (operation != NULL)
    return_operation (task, operation);
  else
    g_task_return_error (task, error);
}

/* Another call drives this operation and may have ended it since it was read. Now that its end cannot be missed any more, look
 * again. */
static void
join_operation (GTask *task)
{
  BrevetRegistrarRun *run = g_task_get_task_data (task);
  BrevetOperation *joined = run->authorisation->joined;
  g_autofree char *key = NULL;

  if (joined->state->status != BREVET_REGISTRATION_ASSIGNING)
    {
      return_operation (task, g_steal_pointer (&run->authorisation->joined));
      return;
    }
  run->waiter = brevet_waiters_add (run->registrar->waiters, joined->id);
  key = brevet_identifier_fold (joined->id);
  brevet_store_get_async (run->context->store, BREVET_COLLECTION_OPERATIONS, key, NULL, on_joined_read_again,
                          g_object_ref (task));
}

static void
on_authorised (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetRegistrarRun *run = g_task_get_task_data (task);
  GError *error = NULL;

  run->authorisation = brevet_authorise_finish (result, &error);
  if (run->authorisation == NULL)
    g_task_return_error (task, error);
  else if (run->authorisation->joined != NULL)
    join_operation (task);
  else
    brevet_allocate_async (run->context, run->enrollment, run->registration_id, run->authorisation->registration,
                           run->remote_address, NULL, on_allocated, g_object_ref (task));
}

static void
begin_try (GTask *task)
{
  BrevetRegistrarRun *run = g_task_get_task_data (task);

  clear_try (run);
  brevet_authorise_async (run->context, run->enrollment, run->registration_id, run->question, run->csr, NULL, on_authorised,
                          g_object_ref (task));
}

void
brevet_registrar_register_async (BrevetRegistrar *self, BrevetServiceContext *context, const BrevetRegistrarCall *request,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, NULL, callback, user_data);
  BrevetRegistrarRun *run = g_new0 (BrevetRegistrarRun, 1);

  g_task_set_source_tag (task, brevet_registrar_register_async);
  run->registrar = self;
  run->context = brevet_service_context_ref (context);
  run->enrollment = brevet_enrollment_ref (request->enrollment);
  run->registration_id = g_strdup (request->registration_id);
  run->mechanism = g_strdup (request->mechanism);
  run->credential = g_strdup (request->credential);
  run->attestation = request->attestation != NULL ? json_object_ref (request->attestation) : NULL;
  run->csr = request->csr != NULL ? brevet_csr_ref (request->csr) : NULL;
  run->payload = request->payload != NULL ? json_node_copy (request->payload) : NULL;
  run->remote_address = g_strdup (request->remote_address);
  run->tracking_id = g_strdup (request->tracking_id);
  run->question = hash_question (request);
  g_task_set_task_data (task, run, run_free);
  begin_try (task);
}

BrevetOperation *
brevet_registrar_register_finish (GAsyncResult *result, BrevetWaiter **waiter, GError **error)
{
  BrevetRegistrarRun *run = g_task_get_task_data (G_TASK (result));
  BrevetOperation *operation = g_task_propagate_pointer (G_TASK (result), error);

  *waiter = operation != NULL ? g_steal_pointer (&run->waiter) : NULL;
  return operation;
}

BrevetRegistrar *
brevet_registrar_new (BrevetLimits *limits, BrevetWaiters *waiters)
{
  BrevetRegistrar *self = g_new0 (BrevetRegistrar, 1);

  self->limits = limits;
  self->waiters = waiters;
  return self;
}

void
brevet_registrar_free (BrevetRegistrar *self)
{
  g_free (self);
}
