/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-candidate.h"

#include "brevet-error.h"
#include "brevet-etag.h"
#include "brevet-wire-json.h"
#include "generation-check.h"
#include "identity-bundle.h"

static gboolean
is_of_same_service (const BrevetIdentityCandidateInput *input)
{
  return input->current != NULL && g_strcmp0 (input->current->input_digest, input->input_digest) == 0;
}

static void
take_bundle (BrevetGeneration *made, const BrevetIdentityCandidateInput *input, GPtrArray *problems)
{
  BrevetTrustBundle *local = input->config->local_trust;
  JsonObject *document = input->state->trust_bundle;
  const char *etag = NULL;

  if (document != NULL)
    made->trust_bundle = brevet_identity_bundle_read (document, local, input->now, problems);
  if (made->trust_bundle != NULL)
    {
      if (brevet_wire_get_string (document, "etag", &etag, NULL) && etag != NULL)
        made->trust_bundle_etag = brevet_etag_normalise (etag);
      return;
    }
  /* A useless bundle does not replace a good one of the same service. */
  if (document != NULL && is_of_same_service (input))
    {
      made->trust_bundle = brevet_identity_bundle_add (input->current->trust_bundle, local);
      made->trust_bundle_etag = g_strdup (input->current->trust_bundle_etag);
    }
  else
    made->trust_bundle = brevet_identity_bundle_add (NULL, local);
}

static gboolean
take_certificate (BrevetGeneration *made, const BrevetIdentityCandidateInput *input, GError **error)
{
  BrevetIdentityConfig *config = input->config;

  if (!config->wants_certificate)
    return TRUE;
  if (input->state->certificate_pem == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   "The service assigned “%s” without a certificate: its enrollment issues none. Name a certificate authority in "
                   "the enrollment, or set certificate=none in [identity %s]", config->registration_id, config->name);
      return FALSE;
    }
  brevet_generation_take_key_of (made, input->asked);
  made->chain = brevet_chain_new_from_pem (input->state->certificate_pem, error);
  if (made->chain != NULL)
    return TRUE;
  if (error != NULL && *error != NULL)
    (*error)->code = BREVET_ERROR_UNTRUSTED;
  g_prefix_error (error, "The certificate that the service sent cannot be read: ");
  return FALSE;
}

/* The tolerance is for a clock that is wrong. One that is believed for the certificate in use is believed here, too: nothing that
 * works is given up for what has ended. */
static gboolean
check_gain (BrevetGeneration *made, const BrevetIdentityCandidateInput *input, GError **error)
{
  gint64 end = brevet_generation_get_not_after (made);
  g_autoptr(GDateTime) date = NULL;
  g_autofree char *text = NULL;

  if (made->chain == NULL || end >= input->now || input->current == NULL || input->current->chain == NULL
      || brevet_generation_get_not_after (input->current) < input->now)
    return TRUE;
  date = g_date_time_new_from_unix_utc (end);
  text = g_date_time_format (date, "%Y-%m-%dT%H:%M:%SZ");
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNTRUSTED,
               "The certificate “%s” expired at %s, and the one in use is still valid: it stays in use",
               brevet_certificate_get_subject (brevet_chain_get_leaf (made->chain)), text);
  return FALSE;
}

BrevetGeneration *
brevet_identity_candidate_make (const BrevetIdentityCandidateInput *input, GPtrArray *problems, GError **error)
{
  const BrevetRegistrationState *state = input->state;
  const char *registration_id = input->config->registration_id;
  guint64 number = input->current != NULL ? input->current->number + 1 : 1;
  g_autoptr(BrevetGeneration) made = brevet_generation_new (number, input->input_digest);

  if (state->assigned_hub == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The service's answer names no hub for “%s”", registration_id);
      return NULL;
    }
  made->assigned_hub = g_strdup (state->assigned_hub);
  made->device_id = g_strdup (state->device_id != NULL ? state->device_id : registration_id);
  made->installed = input->now;
  if (!take_certificate (made, input, error))
    return NULL;
  take_bundle (made, input, problems);
  if (!brevet_generation_check (made, registration_id, input->now, error) || !check_gain (made, input, error))
    return NULL;
  return g_steal_pointer (&made);
}
