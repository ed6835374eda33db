/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tpm-world.h"

#include "verifier-suite.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-registry.h"
#include "brevet-sas-token.h"
#include "brevet-tpm-cipher.h"

#include <string.h>

#define MODULE "attestation-tpm"

gint64 tpm_world_now = TPM_WORLD_NOW;

SoftwareTpm *tpm_world_tpms[2];

static gint64
tell_time (gpointer user_data)
{
  return tpm_world_now * G_USEC_PER_SEC;
}

BrevetVerifier *
tpm_world_create_verifier (void)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(GError) error = NULL;
  BrevetPlugin *plugin = brevet_registry_create (registry, BREVET_TYPE_VERIFIER, MODULE, "test", NULL, &error);

  g_assert_no_error (error);
  return BREVET_VERIFIER (plugin);
}

JsonObject *
tpm_world_make_parameters (const char *endorsement_key, const char *storage_root_key)
{
  JsonObject *parameters = json_object_new ();

  if (endorsement_key != NULL)
    json_object_set_string_member (parameters, "endorsementKey", endorsement_key);
  if (storage_root_key != NULL)
    json_object_set_string_member (parameters, "storageRootKey", storage_root_key);
  return parameters;
}

BrevetAttestation *
tpm_world_want (const char *endorsement_key, const char *storage_root_key)
{
  g_autoptr(JsonObject) parameters = tpm_world_make_parameters (endorsement_key, storage_root_key);

  return brevet_attestation_new ("tpm", FALSE, parameters);
}

BrevetClaims *
tpm_world_make_claims (const char *token, const char *endorsement_key, const char *storage_root_key)
{
  BrevetClaims *claims = brevet_claims_new ();
  g_autoptr(JsonObject) body = json_object_new ();

  brevet_claims_set_device (claims, TPM_WORLD_SCOPE, TPM_WORLD_DEVICE);
  brevet_claims_set_token (claims, token);
  if (endorsement_key == NULL && storage_root_key == NULL)
    return claims;
  json_object_set_object_member (body, "tpm", tpm_world_make_parameters (endorsement_key, storage_root_key));
  brevet_claims_set_parameters (claims, body);
  return claims;
}

void
tpm_world_init (TpmWorld *world)
{
  g_autoptr(BrevetAttestation) wanted = tpm_world_want (software_tpm_get_endorsement_key (tpm_world_tpms[0]), NULL);

  tpm_world_now = TPM_WORLD_NOW;
  world->tpm = tpm_world_tpms[0];
  world->verifier = tpm_world_create_verifier ();
  world->stored = verifier_suite_prepare (world->verifier, wanted, NULL);
}

void
tpm_world_clear (TpmWorld *world)
{
  g_clear_object (&world->verifier);
  g_clear_pointer (&world->stored, brevet_attestation_unref);
  g_clear_pointer (&world->memory, json_object_unref);
}

BrevetVerdict *
tpm_world_ask (TpmWorld *world, const char *token, const char *endorsement_key, const char *storage_root_key, GError **error)
{
  g_autoptr(BrevetAttestation) complete = brevet_attestation_complete (world->stored, NULL, world->memory);
  g_autoptr(BrevetClaims) claims = tpm_world_make_claims (token, endorsement_key, storage_root_key);
  BrevetVerdict *verdict = verifier_suite_verify (world->verifier, complete, claims, error);
  JsonObject *memory = verdict != NULL ? brevet_verdict_get_memory (verdict) : NULL;

  if (memory == NULL)
    return verdict;
  world->writes++;
  g_clear_pointer (&world->memory, json_object_unref);
  world->memory = json_object_ref (memory);
  return verdict;
}

const char *
tpm_world_get_blob (BrevetVerdict *verdict)
{
  return json_object_get_string_member (brevet_verdict_get_parameters (verdict), "authenticationKey");
}

BrevetSecret *
tpm_world_challenge (TpmWorld *world)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetVerdict) verdict = tpm_world_ask (world, NULL, software_tpm_get_endorsement_key (world->tpm),
                                                    software_tpm_get_storage_root_key (world->tpm), &error);
  BrevetSecret *key;

  g_assert_no_error (error);
  g_assert_false (brevet_verdict_is_accepted (verdict));
  g_assert_cmpstr (json_object_get_string_member (brevet_verdict_get_parameters (verdict), "keyName"), ==, "registration");
  key = software_tpm_open (world->tpm, tpm_world_get_blob (verdict));
  g_assert_nonnull (key);
  return key;
}

char *
tpm_world_sign (BrevetSecret *key)
{
  return brevet_sas_token_create (TPM_WORLD_SCOPE "/registrations/" TPM_WORLD_DEVICE, key, tpm_world_now + 1800, "registration");
}

void
tpm_world_assert_rejected (TpmWorld *world, const char *token, const char *endorsement_key, const char *storage_root_key,
                           const char *reason)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetVerdict) verdict = tpm_world_ask (world, token, endorsement_key, storage_root_key, &error);

  g_assert_null (verdict);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
  g_assert_nonnull (strstr (error->message, reason));
}

BrevetSecret *
tpm_world_assert_accepted (TpmWorld *world, BrevetSecret *key, gboolean shows_keys)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *token = tpm_world_sign (key);
  g_autoptr(BrevetVerdict) verdict = tpm_world_ask (world, token, shows_keys ? software_tpm_get_endorsement_key (world->tpm) : NULL,
                                                    shows_keys ? software_tpm_get_storage_root_key (world->tpm) : NULL, &error);
  BrevetSecret *hub_key;

  g_assert_no_error (error);
  g_assert_true (brevet_verdict_is_accepted (verdict));
  hub_key = software_tpm_open (world->tpm, tpm_world_get_blob (verdict));
  g_assert_nonnull (hub_key);
  return hub_key;
}

int
tpm_world_run (int argc, char **argv, void (*add_tests) (void))
{
  g_autoptr(GError) error = NULL;
  int result;

  brevet_clock_set_source (tell_time, NULL);
  g_test_init (&argc, &argv, NULL);
  g_assert_true (brevet_tpm_cipher_init (&error));
  tpm_world_tpms[0] = software_tpm_new (128);
  tpm_world_tpms[1] = software_tpm_new (128);
  add_tests ();
  result = g_test_run ();
  software_tpm_free (tpm_world_tpms[0]);
  software_tpm_free (tpm_world_tpms[1]);
  return result;
}
