/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Challenges, tokens, and what is remembered of a device. */

#include "tpm-world.h"
#include "verifier-suite.h"

#include "brevet-error.h"
#include "brevet-sas-token.h"

#include <string.h>

#define MINUTES 60

static void
assert_key (BrevetSecret *key, BrevetSecret *other, gboolean same)
{
  g_assert_true (brevet_secret_equal (key, other) == same);
}

static void
test_exchange (void)
{
  g_auto(TpmWorld) world = { NULL };
  g_autoptr(BrevetSecret) key = NULL;
  g_autoptr(BrevetSecret) hub_key = NULL;
  g_autoptr(BrevetSecret) again = NULL;
  gsize length;

  tpm_world_init (&world);
  key = tpm_world_challenge (&world);
  brevet_secret_get_data (key, &length);
  g_assert_cmpuint (length, ==, 32);
  hub_key = tpm_world_assert_accepted (&world, key, TRUE);
  assert_key (hub_key, key, FALSE);
  /* a client that does not show its keys twice, and polls that have no body */
  again = tpm_world_assert_accepted (&world, key, FALSE);
  assert_key (again, hub_key, TRUE);
  g_assert_cmpuint (world.writes, ==, 1);
}

/* Strangers who know the endorsement key get nothing that they can open, and change nothing. */
static void
test_foreign_tpm (void)
{
  g_auto(TpmWorld) world = { NULL };
  const char *endorsement_key = software_tpm_get_endorsement_key (tpm_world_tpms[0]);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetVerdict) verdict = NULL;
  g_autoptr(BrevetSecret) wrong = brevet_secret_new_random (32);
  g_autoptr(BrevetSecret) key = NULL;
  g_autoptr(BrevetSecret) hub_key = NULL;
  g_autoptr(BrevetSecret) again = NULL;
  g_autofree char *token = NULL;

  tpm_world_init (&world);
  tpm_world_assert_rejected (&world, NULL, software_tpm_get_endorsement_key (tpm_world_tpms[1]),
                             software_tpm_get_storage_root_key (tpm_world_tpms[1]), "another TPM");
  g_assert_cmpuint (world.writes, ==, 0);

  key = tpm_world_challenge (&world);
  verdict = tpm_world_ask (&world, NULL, endorsement_key, software_tpm_get_storage_root_key (tpm_world_tpms[1]), &error);
  g_assert_no_error (error);
  g_assert_null (software_tpm_open (tpm_world_tpms[1], tpm_world_get_blob (verdict)));
  g_assert_null (software_tpm_open (tpm_world_tpms[0], tpm_world_get_blob (verdict)));

  token = tpm_world_sign (wrong);
  tpm_world_assert_rejected (&world, token, NULL, NULL, "no key that was sent");
  /* the device itself is not disturbed, not even if it leaves its keys out */
  hub_key = tpm_world_assert_accepted (&world, key, TRUE);
  again = tpm_world_assert_accepted (&world, key, FALSE);
}

/* A stranger who names a storage root key after the other: the service does not write each time, and remembers the device's. */
static void
test_flood (void)
{
  g_auto(TpmWorld) world = { NULL };
  const char *endorsement_key = software_tpm_get_endorsement_key (tpm_world_tpms[0]);
  g_autoptr(BrevetSecret) key = NULL;
  g_autoptr(BrevetSecret) hub_key = NULL;

  tpm_world_init (&world);
  key = tpm_world_challenge (&world);
  for (guint i = 0; i < 5; i++)
    {
      g_autoptr(SoftwareTpm) tpm = software_tpm_new (128);
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetVerdict) verdict =
        tpm_world_ask (&world, NULL, endorsement_key, software_tpm_get_storage_root_key (tpm), &error);

      g_assert_no_error (error);
    }
  g_assert_cmpuint (world.writes, ==, 4);
  hub_key = tpm_world_assert_accepted (&world, key, FALSE);
}

/* Who does not know the endorsement key is refused as if there were no enrollment, so that nobody learns of one this way. */
static void
test_malformed_members (void)
{
  static const char *const bodies[] = {
    "{\"tpm\": {\"endorsementKey\": 5}}",
    "{\"tpm\": {\"endorsementKey\": \"AAAA\", \"storageRootKey\": []}}",
    "{\"tpm\": {\"endorsementCertificate\": {}}}",
  };
  g_auto(TpmWorld) world = { NULL };

  tpm_world_init (&world);
  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autoptr(JsonNode) body = json_from_string (bodies[i], NULL);
      g_autoptr(BrevetClaims) claims = tpm_world_make_claims (NULL, NULL, NULL);
      g_autoptr(GError) error = NULL;

      brevet_claims_set_parameters (claims, json_node_get_object (body));
      g_assert_null (verifier_suite_verify (world.verifier, world.stored, claims, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
    }
}

static void
test_reuse (void)
{
  g_auto(TpmWorld) world = { NULL };
  g_autoptr(BrevetSecret) first = NULL;
  g_autoptr(BrevetSecret) second = NULL;
  g_autoptr(BrevetSecret) third = NULL;
  g_autoptr(BrevetSecret) hub_key = NULL;
  g_autoptr(BrevetSecret) other_hub_key = NULL;

  tpm_world_init (&world);
  first = tpm_world_challenge (&world);
  tpm_world_now += 5 * MINUTES - 1;
  second = tpm_world_challenge (&world);
  assert_key (first, second, TRUE);
  g_assert_cmpuint (world.writes, ==, 1);
  tpm_world_now += 1;
  third = tpm_world_challenge (&world);
  assert_key (first, third, FALSE);
  g_assert_cmpuint (world.writes, ==, 2);
  /* several challenges in flight: each may be answered */
  hub_key = tpm_world_assert_accepted (&world, first, TRUE);
  other_hub_key = tpm_world_assert_accepted (&world, third, TRUE);
  assert_key (hub_key, other_hub_key, TRUE);
}

static void
test_expiry (void)
{
  g_auto(TpmWorld) world = { NULL };
  g_autoptr(BrevetSecret) key = NULL;
  g_autoptr(BrevetSecret) hub_key = NULL;
  g_autoptr(BrevetSecret) fresh = NULL;
  g_autofree char *token = NULL;
  JsonArray *keys;

  tpm_world_init (&world);
  key = tpm_world_challenge (&world);
  tpm_world_now += 60 * MINUTES - 1;
  hub_key = tpm_world_assert_accepted (&world, key, FALSE);
  tpm_world_now += 1;
  token = tpm_world_sign (key);
  tpm_world_assert_rejected (&world, token, NULL, NULL, "more than an hour old");
  /* what has expired is not kept */
  fresh = tpm_world_challenge (&world);
  assert_key (fresh, key, FALSE);
  keys = json_object_get_array_member (world.memory, "keys");
  g_assert_cmpuint (json_array_get_length (keys), ==, 1);
}

static void
test_memory_size (void)
{
  g_auto(TpmWorld) world = { NULL };

  tpm_world_init (&world);
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr(BrevetSecret) key = tpm_world_challenge (&world);

      tpm_world_now += MINUTES;
    }
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (world.memory, "keys")), <=, 12);
  g_assert_cmpuint (world.writes, ==, 40);
}

static void
test_without_challenge (void)
{
  g_auto(TpmWorld) world = { NULL };
  g_autoptr(BrevetSecret) key = brevet_secret_new_random (32);
  g_autofree char *token = tpm_world_sign (key);

  tpm_world_init (&world);
  tpm_world_assert_rejected (&world, token, NULL, NULL, "no challenge");
  tpm_world_assert_rejected (&world, NULL, NULL, NULL, "HTTPS");
  tpm_world_assert_rejected (&world, NULL, NULL, software_tpm_get_storage_root_key (tpm_world_tpms[0]), "names no endorsement key");
}

static void
test_token (void)
{
  static const struct
  {
    const char *resource;
    gint64 lifetime;
    const char *key_name;
    const char *reason;
  } tokens[] = {
    { TPM_WORLD_SCOPE "/registrations/tpm-2", 1800, "registration", "tpm-2" },
    { "0ne000FFFFF/registrations/" TPM_WORLD_DEVICE, 1800, "registration", "0ne000FFFFF" },
    { TPM_WORLD_SCOPE "/registrations/" TPM_WORLD_DEVICE, 1800, "iothubowner", "another key" },
    { TPM_WORLD_SCOPE "/registrations/" TPM_WORLD_DEVICE, -301, "registration", "expired" },
  };
  g_auto(TpmWorld) world = { NULL };
  g_autoptr(BrevetSecret) key = NULL;

  tpm_world_init (&world);
  key = tpm_world_challenge (&world);
  for (guint i = 0; i < G_N_ELEMENTS (tokens); i++)
    {
      g_autofree char *token
        = brevet_sas_token_create (tokens[i].resource, key, tpm_world_now + tokens[i].lifetime, tokens[i].key_name);

      tpm_world_assert_rejected (&world, token, NULL, NULL, tokens[i].reason);
    }
}

/* A TPM that was cleared has another storage root key: the one of the request counts, and without it the one of the challenge. */
static void
test_storage_root_key (void)
{
  g_auto(TpmWorld) world = { NULL };
  g_autoptr(SoftwareTpm) tpm = software_tpm_new (256);
  g_autoptr(BrevetAttestation) wanted
    = tpm_world_want (software_tpm_get_endorsement_key (tpm), software_tpm_get_storage_root_key (tpm));
  g_autoptr(BrevetSecret) key = NULL;
  g_autoptr(BrevetSecret) hub_key = NULL;
  g_autoptr(BrevetSecret) again = NULL;
  g_autoptr(BrevetSecret) later = NULL;
  g_autoptr(BrevetVerdict) old_recipient = NULL;
  g_autoptr(BrevetVerdict) new_recipient = NULL;
  g_autofree char *token = NULL;

  tpm_world_init (&world);
  g_clear_pointer (&world.stored, brevet_attestation_unref);
  world.stored = verifier_suite_prepare (world.verifier, wanted, NULL);
  world.tpm = tpm;
  key = tpm_world_challenge (&world);
  token = tpm_world_sign (key);
  old_recipient = tpm_world_ask (&world, token, NULL, NULL, NULL);
  software_tpm_clear (tpm);
  hub_key = tpm_world_assert_accepted (&world, key, TRUE);
  new_recipient
    = tpm_world_ask (&world, token, software_tpm_get_endorsement_key (tpm), software_tpm_get_storage_root_key (tpm), NULL);
  g_assert_cmpstr (brevet_verdict_get_recipient (old_recipient), !=, brevet_verdict_get_recipient (new_recipient));

  later = tpm_world_challenge (&world);
  g_assert_cmpuint (world.writes, ==, 2);
  again = tpm_world_assert_accepted (&world, later, FALSE);
  assert_key (again, hub_key, TRUE);
}

static void
test_malformed (void)
{
  static const char *const keys[] = { "", "x", "AAAA", "AToAAQALAAMAsg==" };
  g_auto(TpmWorld) world = { NULL };
  const char *endorsement_key = software_tpm_get_endorsement_key (tpm_world_tpms[0]);
  g_autoptr(BrevetSecret) key = NULL;
  g_autofree char *token = NULL;

  tpm_world_init (&world);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (tpm_world_ask (&world, NULL, endorsement_key, keys[i], &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, "tpm.storageRootKey"));
      tpm_world_assert_rejected (&world, NULL, keys[i], software_tpm_get_storage_root_key (tpm_world_tpms[0]), "endorsement key");
    }
  g_assert_cmpuint (world.writes, ==, 0);

  key = tpm_world_challenge (&world);
  token = tpm_world_sign (key);
  tpm_world_assert_rejected (&world, token, software_tpm_get_endorsement_key (tpm_world_tpms[1]),
                             software_tpm_get_storage_root_key (tpm_world_tpms[1]), "another TPM");
}

static void
test_replaced_enrollment (void)
{
  g_auto(TpmWorld) world = { NULL };
  g_autoptr(BrevetAttestation) same = tpm_world_want (software_tpm_get_endorsement_key (tpm_world_tpms[0]), NULL);
  g_autoptr(BrevetAttestation) other = tpm_world_want (software_tpm_get_endorsement_key (tpm_world_tpms[1]), NULL);
  g_autoptr(BrevetAttestation) old = NULL;
  g_autoptr(BrevetSecret) key = NULL;
  g_autoptr(BrevetSecret) hub_key = NULL;
  g_autoptr(BrevetSecret) again = NULL;
  g_autoptr(BrevetSecret) other_key = NULL;
  g_autoptr(BrevetSecret) other_hub_key = NULL;
  g_autofree char *token = NULL;

  tpm_world_init (&world);
  key = tpm_world_challenge (&world);
  hub_key = tpm_world_assert_accepted (&world, key, TRUE);

  old = world.stored;
  world.stored = verifier_suite_prepare (world.verifier, same, old);
  again = tpm_world_assert_accepted (&world, key, TRUE);
  assert_key (again, hub_key, TRUE);

  brevet_attestation_unref (old);
  old = world.stored;
  world.stored = verifier_suite_prepare (world.verifier, other, old);
  token = tpm_world_sign (key);
  tpm_world_assert_rejected (&world, token, NULL, NULL, "no challenge");
  world.tpm = tpm_world_tpms[1];
  other_key = tpm_world_challenge (&world);
  other_hub_key = tpm_world_assert_accepted (&world, other_key, TRUE);
  assert_key (other_hub_key, hub_key, FALSE);
}

/* Whatever became of the memory, the device can begin anew. */
static void
test_damaged_memory (void)
{
  static const char *const memories[] = {
    "{}",
    "{\"endorsementKeySha256\": 1, \"storageRootKeys\": {}, \"keys\": {}}",
    "{\"endorsementKeySha256\": \"%s\", \"storageRootKeys\": [5, null, {}],"
    " \"keys\": [1, null, {}, {\"key\": \"AAAA\", \"created\": 1893456000}]}",
    "{\"endorsementKeySha256\": \"%s\", \"storageRootKeys\": [\"x\"], \"keys\": [{\"key\": \"!\", \"created\": \"x\"}]}",
  };
  g_autofree char *fingerprint
    = g_compute_checksum_for_string (G_CHECKSUM_SHA256, software_tpm_get_endorsement_key (tpm_world_tpms[0]), -1);

  for (guint i = 0; i < G_N_ELEMENTS (memories); i++)
    {
      g_auto(TpmWorld) world = { NULL };
      g_auto(GStrv) parts = g_strsplit (memories[i], "%s", -1);
      g_autofree char *text = g_strjoinv (fingerprint, parts);
      g_autoptr(JsonNode) node = json_from_string (text, NULL);
      g_autoptr(BrevetSecret) key = NULL;
      g_autoptr(BrevetSecret) hub_key = NULL;

      tpm_world_init (&world);
      world.memory = json_object_ref (json_node_get_object (node));
      key = tpm_world_challenge (&world);
      hub_key = tpm_world_assert_accepted (&world, key, FALSE);
    }
}

/* What an operator is told about the key for the hub is what the device gets. */
static void
test_hub_key (void)
{
  g_auto(TpmWorld) world = { NULL };
  g_autoptr(BrevetSecret) key = NULL;
  g_autoptr(BrevetSecret) hub_key = NULL;
  g_autoptr(BrevetSecret) told = NULL;
  g_autoptr(JsonObject) revealed = NULL;

  tpm_world_init (&world);
  key = tpm_world_challenge (&world);
  hub_key = tpm_world_assert_accepted (&world, key, TRUE);
  revealed = brevet_verifier_reveal (world.verifier, world.stored);
  told = brevet_secret_new_from_base64 (json_object_get_string_member (revealed, "hubKey"), NULL);
  assert_key (told, hub_key, TRUE);
}

/* What one request costs, for whoever looks: meson test --verbose. */
static void
test_cost (void)
{
  g_auto(TpmWorld) world = { NULL };
  g_autoptr(BrevetSecret) key = NULL;
  gint64 start;
  guint rounds = 200;

  tpm_world_init (&world);
  key = tpm_world_challenge (&world);
  start = g_get_monotonic_time ();
  for (guint i = 0; i < rounds; i++)
    {
      g_autoptr(BrevetVerdict) verdict = tpm_world_ask (&world, NULL, software_tpm_get_endorsement_key (world.tpm),
                                                        software_tpm_get_storage_root_key (world.tpm), NULL);

      g_assert_nonnull (verdict);
    }
  g_test_message ("%.0f µs for one challenge", (double) (g_get_monotonic_time () - start) / rounds);
}

static void
add_tests (void)
{
  g_test_add_func ("/tpm/exchange", test_exchange);
  g_test_add_func ("/tpm/foreign-tpm", test_foreign_tpm);
  g_test_add_func ("/tpm/reuse", test_reuse);
  g_test_add_func ("/tpm/expiry", test_expiry);
  g_test_add_func ("/tpm/flood", test_flood);
  g_test_add_func ("/tpm/malformed-members", test_malformed_members);
  g_test_add_func ("/tpm/memory-size", test_memory_size);
  g_test_add_func ("/tpm/without-challenge", test_without_challenge);
  g_test_add_func ("/tpm/token", test_token);
  g_test_add_func ("/tpm/storage-root-key", test_storage_root_key);
  g_test_add_func ("/tpm/malformed", test_malformed);
  g_test_add_func ("/tpm/replaced-enrollment", test_replaced_enrollment);
  g_test_add_func ("/tpm/damaged-memory", test_damaged_memory);
  g_test_add_func ("/tpm/hub-key", test_hub_key);
  g_test_add_func ("/tpm/cost", test_cost);
}

int
main (int argc, char **argv)
{
  return tpm_world_run (argc, argv, add_tests);
}
