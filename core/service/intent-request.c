/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "intent-request.h"

BrevetCsr *
brevet_intent_read_csr (const BrevetIntent *intent, GError **error)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("csr", NULL, NULL);
  g_autoptr(BrevetKeyPolicy) policy = NULL;

  brevet_settings_set (settings, "key-types", "p256,p384,p521,rsa,rsa-pss,ed25519", NULL);
  policy = brevet_key_policy_new_from_settings (settings, error);
  return policy != NULL ? brevet_csr_new (intent->csr, policy, error) : NULL;
}

BrevetCaRequest *
brevet_intent_make_request (const BrevetIntent *intent, BrevetCsr *csr, gint64 deadline)
{
  BrevetCaRequest *request = brevet_ca_request_new (intent->operation_id, intent->registration_id, csr, intent->idempotency_key,
                                                    intent->requested_at);

  brevet_ca_request_set_common_name (request, intent->common_name);
  brevet_ca_request_set_uri (request, intent->uri);
  brevet_ca_request_set_validity (request, intent->validity);
  brevet_ca_request_set_deadline (request, deadline);
  return request;
}
