/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-call.h"

static const char *const codes[] = {
  "internal",     "invalid-csr", "invalid-request", "policy",      "rejected",       "new-key-required", "conflict",
  "auth",         "config",      "profile",         "quota",       "rate-limited",   "unavailable",      "timeout",
  "ambiguous",    "protocol",    "ticket-expired",  "not-found",   "unsupported",
};
G_STATIC_ASSERT (G_N_ELEMENTS (codes) == BREVET_CA_ERROR_UNSUPPORTED + 1);

static const char *const classes[] = { "permanent", "operator", "retryable", "ambiguous" };

static const char *
name_code (const GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return "cancelled";
  if (error->domain == BREVET_CA_ERROR && error->code >= 0 && error->code < (int) G_N_ELEMENTS (codes))
    return codes[error->code];
  return error->domain == BREVET_ERROR ? "brevet" : "foreign";
}

static void
add_text (JsonObject *object, const char *member, const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, member, text);
}

void
ca_call_add_error (JsonObject *answer, const GError *error)
{
  json_object_set_string_member (answer, "outcome", "error");
  json_object_set_string_member (answer, "code", name_code (error));
  json_object_set_string_member (answer, "class", classes[brevet_ca_error_classify (error)]);
  json_object_set_string_member (answer, "message", error->message);
  if (error->domain != BREVET_CA_ERROR)
    return;
  json_object_set_int_member (answer, "retryAfter", brevet_ca_error_get_retry_after (error));
  json_object_set_int_member (answer, "httpStatus", brevet_ca_error_get_http_status (error));
  add_text (answer, "upstreamCode", brevet_ca_error_get_upstream_code (error));
  add_text (answer, "upstreamMessage", brevet_ca_error_get_upstream_message (error));
  add_text (answer, "transactionId", brevet_ca_error_get_transaction_id (error));
}

void
ca_call_add_outcome (JsonObject *answer, BrevetCaOutcome *outcome)
{
  g_autofree char *pem = NULL;

  if (!brevet_ca_outcome_is_issued (outcome))
    {
      json_object_set_string_member (answer, "outcome", "pending");
      json_object_set_string_member (answer, "ticket", brevet_ca_outcome_get_ticket (outcome));
      json_object_set_int_member (answer, "pollAfter", brevet_ca_outcome_get_poll_after (outcome));
      json_object_set_int_member (answer, "expiresAt", brevet_ca_outcome_get_expires_at (outcome));
      return;
    }
  pem = brevet_chain_to_pem (brevet_ca_outcome_get_chain (outcome));
  json_object_set_string_member (answer, "outcome", "issued");
  json_object_set_string_member (answer, "chain", pem);
  json_object_set_int_member (answer, "spares", brevet_chain_get_n_spares (brevet_ca_outcome_get_chain (outcome)));
  add_text (answer, "reference", brevet_ca_outcome_get_backend_reference (outcome));
}

/* One serial number names one certificate of an issuer; the same certificate may come twice. */
static gboolean
is_new (CaCall *self, BrevetCertificate *leaf)
{
  g_autofree char *name = g_strdup_printf ("%s %s", brevet_certificate_get_issuer_sha256 (leaf),
                                           brevet_certificate_get_serial (leaf));
  const char *known = g_hash_table_lookup (self->serials, name);

  if (known != NULL)
    return g_str_equal (known, brevet_certificate_get_sha256 (leaf));
  g_hash_table_insert (self->serials, g_steal_pointer (&name), g_strdup (brevet_certificate_get_sha256 (leaf)));
  return TRUE;
}

void
ca_call_add_judgement (CaCall *self, JsonObject *answer, BrevetCaRequest *request, BrevetCaOutcome *outcome,
                       BrevetTrustBundle *trust)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetChain) chain = brevet_issuance_check_run (check, request, outcome, trust, brevet_clock_now_seconds (), &error);
  g_autofree char *pem = NULL;

  if (chain == NULL)
    json_object_set_string_member (answer, "refusal", error->message);
  else if (!is_new (self, brevet_chain_get_leaf (chain)))
    json_object_set_string_member (answer, "refusal", "The serial number was used for another certificate of this issuer");
  else
    {
      pem = brevet_chain_to_pem (chain);
      json_object_set_string_member (answer, "accepted", pem);
    }
}
