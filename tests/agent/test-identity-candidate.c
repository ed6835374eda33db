/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may take the place of the identity in use. */
#include "identity-candidate.h"

#include "brevet-error.h"
#include "x509-world.h"

#include <string.h>

/* The service's answer with a certificate that ends then. */
static BrevetRegistrationState *
answer (X509World *world, gint64 end)
{
  BrevetRegistrationState *state = brevet_registration_state_new ("dev-1", BREVET_REGISTRATION_ASSIGNED);
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CLIENT);
  g_autoptr(BrevetCertificate) leaf = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  brevet_certificate_builder_set_common_name (builder, "dev-1");
  brevet_certificate_builder_set_key (builder, world->device_key);
  brevet_certificate_builder_set_validity (builder, world->now, end);
  leaf = brevet_certificate_builder_sign (builder, world->issuing, world->issuing_key, &error);
  g_assert_no_error (error);
  chain = x509_make_chain (leaf, world->issuing, NULL);
  state->assigned_hub = g_strdup ("hub.example.com");
  state->certificate_pem = brevet_chain_to_pem (chain);
  return state;
}

static BrevetGeneration *
make (X509World *world, BrevetGeneration *current, gint64 end, gint64 now, GError **error)
{
  g_autoptr(BrevetRegistrationState) state = answer (world, end);
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  BrevetIdentityConfig config = { .name = (char *) "main", .registration_id = (char *) "dev-1", .wants_certificate = TRUE };
  g_autoptr(BrevetGeneration) asked = brevet_generation_new (1, "digest");
  BrevetIdentityCandidateInput input = { &config, current, asked, "digest", state, now };

  asked->key = brevet_key_ref (world->device_key);
  return brevet_identity_candidate_make (&input, problems, error);
}

/* One minute past its end: within the tolerance for a clock that is wrong. */
static void
test_ended_a_minute_ago (X509World *world, gconstpointer data)
{
  gint64 end = world->now + X509_DAY;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetGeneration) lasting = make (world, NULL, end + X509_DAY, world->now, &error);
  g_autoptr(BrevetGeneration) ending = make (world, NULL, end, world->now, &error);
  g_autoptr(BrevetGeneration) first = NULL;
  g_autoptr(BrevetGeneration) next = NULL;
  g_autoptr(BrevetGeneration) refused = NULL;

  g_assert_no_error (error);
  first = make (world, NULL, end, end + 60, &error);
  g_assert_no_error (error);
  g_assert_nonnull (first);
  next = make (world, ending, end, end + 60, &error);
  g_assert_no_error (error);
  g_assert_nonnull (next);
  refused = make (world, lasting, end, end + 60, &error);
  g_assert_null (refused);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNTRUSTED);
  g_assert_nonnull (strstr (error->message, "the one in use is still valid"));
}

/* A shorter validity is the service's business, as long as there is any left. */
static void
test_ends_earlier (X509World *world, gconstpointer data)
{
  gint64 end = world->now + X509_DAY;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetGeneration) lasting = make (world, NULL, end + X509_DAY, world->now, &error);
  g_autoptr(BrevetGeneration) next = make (world, lasting, end, end, &error);

  g_assert_no_error (error);
  g_assert_nonnull (next);
  g_assert_cmpuint (next->number, ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/identity-candidate/ended-a-minute-ago", X509World, NULL, x509_world_set_up, test_ended_a_minute_ago,
              x509_world_tear_down);
  g_test_add ("/identity-candidate/ends-earlier", X509World, NULL, x509_world_set_up, test_ends_earlier, x509_world_tear_down);
  return g_test_run ();
}
