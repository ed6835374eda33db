/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an operation begins with: its own record, that of its registration, and the intent if a CA must be asked. */

#include "registrar-private.h"

#include "brevet-clock.h"
#include "brevet-wire-error.h"

/* The shape of the real service's ids: `5.<16 hex>.<uuid>` (protocol/dps.md §1.3); the middle part sorts by time. */
static char *
make_operation_id (void)
{
  g_autofree char *uuid = g_uuid_string_random ();

  return g_strdup_printf ("5.%016" G_GINT64_MODIFIER "x.%s", brevet_clock_now (), uuid);
}

static BrevetRegistration *
make_registration (BrevetRegistrarRun *run)
{
  BrevetRegistration *registration = g_new0 (BrevetRegistration, 1);
  BrevetRegistration *known = run->authorisation->registration;

  registration->state = brevet_registration_state_copy (run->operation->state);
  registration->operation_id = g_strdup (run->operation->id);
  registration->enrollment_id = g_strdup (run->enrollment->id);
  registration->enrollment_is_group = run->enrollment->is_group;
  registration->initial_hub = g_strdup (known != NULL && known->initial_hub != NULL ? known->initial_hub
                                                                                    : registration->state->assigned_hub);
  return registration;
}

static BrevetOperation *
make_operation (BrevetRegistrarRun *run)
{
  BrevetRegistration *known = run->authorisation->registration;
  const char *spelling = known != NULL ? known->state->registration_id : run->registration_id;
  BrevetOperation *operation = g_new0 (BrevetOperation, 1);
  BrevetRegistrationState *state = brevet_registration_state_new (spelling, BREVET_REGISTRATION_ASSIGNED);

  state->mechanism = g_strdup (run->mechanism);
  state->attestation = run->attestation != NULL ? json_object_ref (run->attestation) : NULL;
  state->updated = brevet_clock_now ();
  state->created = known != NULL && known->state->created != 0 ? known->state->created : state->updated;
  operation->id = make_operation_id ();
  operation->registration_id = g_strdup (spelling);
  operation->question = g_strdup (run->question);
  operation->tracking_id = g_strdup (run->tracking_id);
  operation->enrollment_id = g_strdup (run->enrollment->id);
  operation->enrollment_is_group = run->enrollment->is_group;
  operation->credential = g_strdup (run->credential);
  operation->trust_bundle_id = g_strdup (run->enrollment->trust_bundle_id);
  operation->state = state;
  return operation;
}

static void
fail_operation (BrevetRegistrarRun *run, guint code, const char *message)
{
  BrevetRegistrationState *state = run->operation->state;

  state->status = BREVET_REGISTRATION_FAILED;
  state->error_code = code;
  state->error_message = g_strdup (message);
  g_clear_pointer (&run->operation->trust_bundle_id, g_free);
}

static gboolean
plan_issuance (BrevetRegistrarRun *run, GError **error)
{
  BrevetIntent *intent;
  BrevetOperation *operation = run->operation;

  if (run->authorisation->reused_certificate_key != NULL)
    {
      operation->certificate_key = g_strdup (run->authorisation->reused_certificate_key);
      operation->certificate_expires = run->authorisation->reused_certificate_expires;
      return TRUE;
    }
  intent = g_new0 (BrevetIntent, 1);
  run->intent = intent;
  intent->operation_id = g_strdup (operation->id);
  intent->registration_id = g_strdup (operation->registration_id);
  intent->authority = g_strdup (run->enrollment->certificate_authority);
  intent->standby = g_strdup (run->enrollment->standby_authority);
  intent->csr = g_bytes_ref (brevet_csr_get_der (run->csr));
  if (!brevet_subject_policy_apply (run->context->subject_policy, operation->registration_id, run->csr, &intent->common_name,
                                    &intent->uri, error))
    return FALSE;
  brevet_intent_renew_key (intent);
  intent->requested_at = brevet_clock_now_seconds ();
  intent->attempt = 1;
  operation->state->status = BREVET_REGISTRATION_ASSIGNING;
  return TRUE;
}

/* Written with the rest, so that nothing more need be written before the CA is asked. One that is down is not asked now. */
void
brevet_registrar_plan_question (BrevetRegistrarRun *run, BrevetAuthority *authority)
{
  run->intent->identity = g_strdup (authority->identity);
  run->intent->sent = !brevet_authority_traffic_is_open (authority->traffic);
}

static gboolean
accept_allocation (BrevetRegistrarRun *run, const BrevetAllocation *allocation, GError **error)
{
  BrevetRegistrationState *state = run->operation->state;

  state->assigned_hub = g_strdup (allocation->hub);
  state->device_id = g_strdup (allocation->device_id);
  state->substatus = g_strdup (allocation->substatus);
  return run->csr == NULL || plan_issuance (run, error);
}

gboolean
brevet_registrar_plan (BrevetRegistrarRun *run, const BrevetAllocation *allocation, const GError *refusal, GError **error)
{
  run->operation = make_operation (run);
  if (allocation == NULL)
    fail_operation (run, BREVET_WIRE_CODE_HUB_NOT_SPECIFIED, refusal->message);
  else if (run->csr != NULL && run->enrollment->certificate_authority == NULL)
    fail_operation (run, BREVET_WIRE_CODE_CSR_NOT_CONFIGURED, BREVET_WIRE_CSR_NOT_CONFIGURED);
  else if (!accept_allocation (run, allocation, error))
    return FALSE;
  run->registration = make_registration (run);
  return TRUE;
}
