/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registrar.h"

#include "allocate.h"
#include "authorise.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "brevet-wire-error.h"
#include "brevet-wire-json.h"
#include "issuance.h"

#include <gnutls/crypto.h>

/* Simultaneous calls of one device overtake each other at most this often. */
#define MAXIMUM_TRIES 5

struct _BrevetRegistrar
{
  BrevetLimits  *limits;
  BrevetWaiters *waiters;
};

typedef struct {
  BrevetRegistrar *registrar;
  BrevetServiceContext *context;
  BrevetEnrollment *enrollment;
  char *registration_id;
  char *mechanism;
  JsonObject *attestation;
  BrevetCsr *csr;
  JsonNode *payload;
  char *remote_address;
  char *tracking_id;
  char *question;
  BrevetAuthorisation *authorisation;
  BrevetOperation *operation;
  BrevetRegistration *registration;
  BrevetIntent *intent; /* set if a CA must be asked */
  BrevetWaiter *waiter;
  gboolean holds_operation;
  guint tries;
} Call;

static void
call_clear_try (Call *call)
{
  g_clear_pointer (&call->authorisation, brevet_authorisation_free);
  g_clear_pointer (&call->operation, brevet_operation_free);
  g_clear_pointer (&call->registration, brevet_registration_free);
  g_clear_pointer (&call->intent, brevet_intent_free);
  g_clear_pointer (&call->waiter, brevet_waiter_free);
  if (call->holds_operation)
    brevet_limits_end_operation (call->registrar->limits);
  call->holds_operation = FALSE;
}

static void
call_free (gpointer data)
{
  Call *call = data;

  call_clear_try (call);
  brevet_service_context_unref (call->context);
  brevet_enrollment_unref (call->enrollment);
  g_free (call->registration_id);
  g_free (call->mechanism);
  g_clear_pointer (&call->attestation, json_object_unref);
  g_clear_pointer (&call->csr, brevet_csr_unref);
  g_clear_pointer (&call->payload, json_node_unref);
  g_free (call->remote_address);
  g_free (call->tracking_id);
  g_free (call->question);
  g_free (call);
}

/* Two calls ask the same question if device, enrollment (in this version), CSR and payload are the same. */
static char *
hash_question (const BrevetRegistrarCall *call)
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *key = brevet_identifier_fold (call->registration_id);
  const char *parts[] = { key, call->enrollment->is_group ? "group" : "individual", call->enrollment->id, call->enrollment->etag,
                          call->csr != NULL ? brevet_csr_get_sha256 (call->csr) : "" };

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

/* The shape of the real service's ids: `5.<16 hex>.<uuid>` (protocol/dps.md §1.3); the middle part sorts by time. */
static char *
make_operation_id (void)
{
  g_autofree char *uuid = g_uuid_string_random ();

  return g_strdup_printf ("5.%016" G_GINT64_MODIFIER "x.%s", brevet_clock_now (), uuid);
}

static void begin_try (GTask *task);

static void
return_operation (GTask *task, BrevetOperation *operation)
{
  Call *call = g_task_get_task_data (task);

  if (operation->state->status == BREVET_REGISTRATION_ASSIGNING && call->waiter == NULL)
    call->waiter = brevet_waiters_add (call->registrar->waiters, operation->id);
  g_task_return_pointer (task, operation, (GDestroyNotify) brevet_operation_free);
}

static void
log_outcome (Call *call)
{
  BrevetRegistrationState *state = call->operation->state;
  gboolean failed = state->status == BREVET_REGISTRATION_FAILED;
  g_autofree char *message = NULL;

  if (failed)
    message = g_strdup_printf ("The registration of %s failed: %s", call->registration_id, state->error_message);
  else
    message = g_strdup_printf ("Assigned %s to %s", call->registration_id, state->assigned_hub);
  brevet_log_event (failed ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE,
                    failed ? BREVET_MESSAGE_REGISTRATION_FAILED : BREVET_MESSAGE_ASSIGNED, message, "BREVET_REGISTRATION",
                    call->registration_id, "BREVET_ENROLLMENT", call->enrollment->id, "BREVET_HUB", state->assigned_hub,
                    "BREVET_OPERATION", call->operation->id, "BREVET_TRACKING_ID", call->tracking_id, "BREVET_ADDRESS",
                    call->remote_address, NULL);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean was_assigned = call->authorisation->registration != NULL &&
                          call->authorisation->registration->state->status == BREVET_REGISTRATION_ASSIGNED;

  if (!brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    {
      if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT) && ++call->tries < MAXIMUM_TRIES)
        {
          g_error_free (error);
          begin_try (task);
        }
      else
        g_task_return_error (task, error);
      return;
    }
  if (call->intent == NULL)
    log_outcome (call);
  else
    {
      call->waiter = brevet_waiters_add (call->registrar->waiters, call->operation->id);
      call->holds_operation = FALSE;
      brevet_issuance_run (call->context, call->registrar->limits, call->registrar->waiters,
                           brevet_operation_copy (call->operation), g_steal_pointer (&call->registration),
                           g_steal_pointer (&call->intent), call->csr, was_assigned, FALSE);
    }
  return_operation (task, g_steal_pointer (&call->operation));
}

/* What the registration is until the certificate is there, or if there will be none: an assignment that the device has stays. */
static void
put_registration_now (Call *call, BrevetBatch *batch)
{
  BrevetRegistration *known = call->authorisation->registration;
  const char *condition = known != NULL ? known->etag : BREVET_IF_ABSENT;
  const char *etag;

  if (call->operation->state->status != BREVET_REGISTRATION_ASSIGNED && known != NULL &&
      known->state->status == BREVET_REGISTRATION_ASSIGNED)
    {
      g_free (known->operation_id);
      known->operation_id = g_strdup (call->operation->id);
      etag = brevet_records_put_registration (batch, known, condition);
    }
  else
    etag = brevet_records_put_registration (batch, call->registration, condition);
  g_free (call->registration->etag);
  call->registration->etag = g_strdup (etag);
}

static void
commit_beginning (GTask *task)
{
  Call *call = g_task_get_task_data (task);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  put_registration_now (call, batch);
  g_free (call->operation->state->etag);
  call->operation->state->etag = g_strdup (call->registration->etag);
  brevet_records_put_operation (batch, call->operation, BREVET_IF_ABSENT);
  if (call->intent != NULL)
    brevet_records_put_intent (batch, call->intent);
  brevet_store_commit_async (call->context->store, batch, NULL, on_committed, g_object_ref (task));
}

static BrevetRegistration *
make_registration (Call *call)
{
  BrevetRegistration *registration = g_new0 (BrevetRegistration, 1);
  BrevetRegistration *known = call->authorisation->registration;

  registration->state = brevet_registration_state_copy (call->operation->state);
  registration->operation_id = g_strdup (call->operation->id);
  registration->enrollment_id = g_strdup (call->enrollment->id);
  registration->enrollment_is_group = call->enrollment->is_group;
  registration->initial_hub = g_strdup (known != NULL && known->initial_hub != NULL ? known->initial_hub
                                                                                    : registration->state->assigned_hub);
  return registration;
}

static BrevetOperation *
make_operation (Call *call)
{
  BrevetRegistration *known = call->authorisation->registration;
  const char *spelling = known != NULL ? known->state->registration_id : call->registration_id;
  BrevetOperation *operation = g_new0 (BrevetOperation, 1);
  BrevetRegistrationState *state = brevet_registration_state_new (spelling, BREVET_REGISTRATION_ASSIGNED);

  state->mechanism = g_strdup (call->mechanism);
  state->attestation = call->attestation != NULL ? json_object_ref (call->attestation) : NULL;
  state->updated = brevet_clock_now ();
  state->created = known != NULL && known->state->created != 0 ? known->state->created : state->updated;
  operation->id = make_operation_id ();
  operation->registration_id = g_strdup (spelling);
  operation->question = g_strdup (call->question);
  operation->tracking_id = g_strdup (call->tracking_id);
  operation->enrollment_id = g_strdup (call->enrollment->id);
  operation->enrollment_is_group = call->enrollment->is_group;
  operation->trust_bundle_id = g_strdup (call->enrollment->trust_bundle_id);
  operation->state = state;
  return operation;
}

static void
fail_operation (Call *call, guint code, const char *message)
{
  BrevetRegistrationState *state = call->operation->state;

  state->status = BREVET_REGISTRATION_FAILED;
  state->error_code = code;
  state->error_message = g_strdup (message);
  g_clear_pointer (&call->operation->trust_bundle_id, g_free);
}

static gboolean
plan_issuance (Call *call, GError **error)
{
  BrevetIntent *intent;
  BrevetOperation *operation = call->operation;

  if (call->authorisation->reused_certificate_key != NULL)
    {
      operation->certificate_key = g_strdup (call->authorisation->reused_certificate_key);
      operation->certificate_expires = call->authorisation->reused_certificate_expires;
      return TRUE;
    }
  intent = g_new0 (BrevetIntent, 1);
  call->intent = intent;
  intent->operation_id = g_strdup (operation->id);
  intent->registration_id = g_strdup (operation->registration_id);
  intent->authority = g_strdup (call->enrollment->certificate_authority);
  intent->csr = g_bytes_ref (brevet_csr_get_der (call->csr));
  if (!brevet_subject_policy_apply (call->context->subject_policy, operation->registration_id, call->csr, &intent->common_name,
                                    &intent->uri, error))
    return FALSE;
  if (gnutls_rnd (GNUTLS_RND_KEY, intent->idempotency_key, sizeof intent->idempotency_key) < 0)
    g_error ("The random source of this system fails");
  intent->requested_at = brevet_clock_now_seconds ();
  intent->attempt = 1;
  intent->sent = TRUE;
  operation->state->status = BREVET_REGISTRATION_ASSIGNING;
  return TRUE;
}

static void
on_allocated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Call *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAllocation) allocation = brevet_allocate_finish (result, &error);

  call->operation = make_operation (call);
  if (allocation == NULL)
    fail_operation (call, BREVET_WIRE_CODE_HUB_NOT_SPECIFIED, error->message);
  else if (call->csr != NULL && call->enrollment->certificate_authority == NULL)
    fail_operation (call, BREVET_WIRE_CODE_CSR_NOT_CONFIGURED, BREVET_WIRE_CSR_NOT_CONFIGURED);
  else
    {
      call->operation->state->assigned_hub = g_strdup (allocation->hub);
      call->operation->state->device_id = g_strdup (allocation->device_id);
      call->operation->state->substatus = g_strdup (allocation->substatus);
      if (call->csr != NULL && !plan_issuance (call, &error))
        {
          g_task_return_error (task, g_steal_pointer (&error));
          return;
        }
    }
  if (call->intent != NULL)
    {
      call->holds_operation = brevet_limits_begin_operation (call->registrar->limits);
      if (!call->holds_operation)
        {
          g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_BUSY, "Too many certificates are being issued");
          return;
        }
    }
  call->registration = make_registration (call);
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
  Call *call = g_task_get_task_data (task);
  BrevetOperation *joined = call->authorisation->joined;
  g_autofree char *key = NULL;

  if (joined->state->status != BREVET_REGISTRATION_ASSIGNING)
    {
      return_operation (task, g_steal_pointer (&call->authorisation->joined));
      return;
    }
  call->waiter = brevet_waiters_add (call->registrar->waiters, joined->id);
  key = brevet_identifier_fold (joined->id);
  brevet_store_get_async (call->context->store, BREVET_COLLECTION_OPERATIONS, key, NULL, on_joined_read_again,
                          g_object_ref (task));
}

static void
on_authorised (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;

  call->authorisation = brevet_authorise_finish (result, &error);
  if (call->authorisation == NULL)
    g_task_return_error (task, error);
  else if (call->authorisation->joined != NULL)
    join_operation (task);
  else
    brevet_allocate_async (call->context, call->enrollment, call->registration_id, call->authorisation->registration,
                           call->remote_address, NULL, on_allocated, g_object_ref (task));
}

static void
begin_try (GTask *task)
{
  Call *call = g_task_get_task_data (task);

  call_clear_try (call);
  brevet_authorise_async (call->context, call->enrollment, call->registration_id, call->question, call->csr, NULL, on_authorised,
                          g_object_ref (task));
}

void
brevet_registrar_register_async (BrevetRegistrar *self, BrevetServiceContext *context, const BrevetRegistrarCall *request,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Call *call = g_new0 (Call, 1);

  g_task_set_source_tag (task, brevet_registrar_register_async);
  call->registrar = self;
  call->context = brevet_service_context_ref (context);
  call->enrollment = brevet_enrollment_ref (request->enrollment);
  call->registration_id = g_strdup (request->registration_id);
  call->mechanism = g_strdup (request->mechanism);
  call->attestation = request->attestation != NULL ? json_object_ref (request->attestation) : NULL;
  call->csr = request->csr != NULL ? brevet_csr_ref (request->csr) : NULL;
  call->payload = request->payload != NULL ? json_node_copy (request->payload) : NULL;
  call->remote_address = g_strdup (request->remote_address);
  call->tracking_id = g_strdup (request->tracking_id);
  call->question = hash_question (request);
  g_task_set_task_data (task, call, call_free);
  begin_try (task);
}

BrevetOperation *
brevet_registrar_register_finish (GAsyncResult *result, BrevetWaiter **waiter, GError **error)
{
  Call *call = g_task_get_task_data (G_TASK (result));
  BrevetOperation *operation = g_task_propagate_pointer (G_TASK (result), error);

  *waiter = operation != NULL ? g_steal_pointer (&call->waiter) : NULL;
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
