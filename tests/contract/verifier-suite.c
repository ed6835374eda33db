/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verifier-suite.h"

#include "brevet-error.h"
#include "test-wait.h"

#include <string.h>

#define SCOPE "0ne000A1B2C"
#define DEVICE "pump-07"
#define N_THREADS 4
#define N_ROUNDS 50

typedef struct {
  const VerifierSuite *suite;
  gboolean is_group;
} Case;

typedef struct {
  const VerifierSuite *suite;
  BrevetVerifier *verifier;
  BrevetAttestation *stored;
} World;

static BrevetVerdict *
verify (BrevetVerifier *verifier, BrevetAttestation *attestation, BrevetClaims *claims, GCancellable *cancellable, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_verifier_verify_async (verifier, attestation, claims, cancellable, test_wait_store_result, &result);
  /* the answer never comes before the question has returned */
  g_assert_null (result);
  while (result == NULL)
    g_main_context_iteration (g_main_context_get_thread_default (), TRUE);
  return brevet_verifier_verify_finish (verifier, result, error);
}

BrevetVerdict *
verifier_suite_verify (BrevetVerifier *verifier, BrevetAttestation *attestation, BrevetClaims *claims, GError **error)
{
  return verify (verifier, attestation, claims, NULL, error);
}

BrevetEvidence *
verifier_suite_prove (BrevetProver *prover, const char *id_scope, const char *registration_id, JsonObject *challenge,
                      GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_prover_prove_async (prover, id_scope, registration_id, challenge, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_prover_prove_finish (prover, result, error);
}

BrevetAttestation *
verifier_suite_prepare (BrevetVerifier *verifier, BrevetAttestation *wanted, BrevetAttestation *stored)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) parameters = brevet_verifier_prepare (verifier, wanted, stored, &error);

  g_assert_no_error (error);
  return brevet_attestation_new (brevet_attestation_get_mechanism (wanted), brevet_attestation_is_group (wanted), parameters);
}

/* A prepared enrollment, ready to be verified against. */
static BrevetAttestation *
make_stored (const VerifierSuite *suite, BrevetVerifier *verifier, BrevetAttestation *wanted, BrevetAttestation *old)
{
  g_autoptr(BrevetAttestation) prepared = verifier_suite_prepare (verifier, wanted, old);

  return suite->complete != NULL ? suite->complete (prepared) : g_steal_pointer (&prepared);
}

static void
world_init (World *world, const Case *c)
{
  g_autoptr(BrevetAttestation) wanted = c->suite->want (c->is_group);

  world->suite = c->suite;
  world->verifier = c->suite->create ();
  world->stored = make_stored (c->suite, world->verifier, wanted, NULL);
}

static void
world_clear (World *world)
{
  g_clear_pointer (&world->stored, brevet_attestation_unref);
  g_clear_object (&world->verifier);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (World, world_clear)

static void
assert_accepted (BrevetVerifier *verifier, BrevetAttestation *stored, BrevetClaims *claims)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetVerdict) verdict = verifier_suite_verify (verifier, stored, claims, &error);

  g_assert_no_error (error);
  g_assert_true (brevet_verdict_is_accepted (verdict));
  g_assert_nonnull (brevet_verdict_get_credential (verdict));
  g_assert_nonnull (brevet_verdict_get_parameters (verdict));
}

/* Refused, with a reason that an operator can use and that gives away nothing a stranger could use. */
static void
assert_refused (World *world, BrevetClaims *claims, gboolean may_be_another_group)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetVerdict) verdict = verifier_suite_verify (world->verifier, world->stored, claims, &error);
  const char *token = brevet_claims_get_token (claims);

  g_assert_null (verdict);
  if (!may_be_another_group || !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
  g_assert_cmpuint (strlen (error->message), >, 10);
  if (token != NULL && *token != '\0')
    g_assert_null (strstr (error->message, token));
}

static void
assert_rejected (World *world, BrevetClaims *claims)
{
  assert_refused (world, claims, FALSE);
}

static void
test_honest (gconstpointer data)
{
  g_auto(World) world = { NULL };
  g_autoptr(BrevetClaims) claims = NULL;

  world_init (&world, data);
  claims = world.suite->present (world.stored, SCOPE, DEVICE);
  assert_accepted (world.verifier, world.stored, claims);
  /* a verifier keeps no state that a second question would find changed */
  assert_accepted (world.verifier, world.stored, claims);
}

static void
test_foreign (gconstpointer data)
{
  const Case *c = data;
  g_auto(World) world = { NULL };
  g_autoptr(BrevetAttestation) wanted = c->suite->want (c->is_group);
  g_autoptr(BrevetAttestation) other = NULL;
  g_autoptr(BrevetClaims) claims = NULL;

  world_init (&world, c);
  other = make_stored (c->suite, world.verifier, wanted, NULL);
  claims = world.suite->present (other, SCOPE, DEVICE);
  assert_refused (&world, claims, c->is_group);
}

static void
test_impostor (gconstpointer data)
{
  g_auto(World) world = { NULL };
  g_autoptr(BrevetClaims) other_device = NULL;
  g_autoptr(BrevetClaims) other_scope = NULL;

  world_init (&world, data);
  other_device = world.suite->present (world.stored, SCOPE, "pump-08");
  brevet_claims_set_device (other_device, SCOPE, DEVICE);
  assert_rejected (&world, other_device);

  if (world.suite->any_scope)
    return;
  other_scope = world.suite->present (world.stored, "0ne000FFFFF", DEVICE);
  brevet_claims_set_device (other_scope, SCOPE, DEVICE);
  assert_rejected (&world, other_scope);
}

/* Nothing presented: refused or challenged, never accepted. */
static void
test_empty_handed (gconstpointer data)
{
  g_auto(World) world = { NULL };
  g_autoptr(BrevetClaims) claims = brevet_claims_new ();
  g_autoptr(BrevetVerdict) verdict = NULL;
  g_autoptr(GError) error = NULL;

  world_init (&world, data);
  brevet_claims_set_device (claims, SCOPE, DEVICE);
  verdict = verifier_suite_verify (world.verifier, world.stored, claims, &error);
  if (verdict == NULL)
    g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
  else
    g_assert_false (brevet_verdict_is_accepted (verdict));
}

static void
test_garbage (gconstpointer data)
{
  static const char *const tokens[]
    = { "", " ", "x", "Bearer x", "SharedAccessSignature ", "SharedAccessSignature sr=&sig=&se=&skn=" };
  g_auto(World) world = { NULL };

  world_init (&world, data);
  for (gsize i = 0; i < G_N_ELEMENTS (tokens); i++)
    {
      g_autoptr(BrevetClaims) claims = brevet_claims_new ();
      g_autoptr(BrevetVerdict) verdict = NULL;
      g_autoptr(GError) error = NULL;

      brevet_claims_set_device (claims, SCOPE, DEVICE);
      brevet_claims_set_token (claims, tokens[i]);
      verdict = verifier_suite_verify (world.verifier, world.stored, claims, &error);
      g_assert_true (verdict == NULL || !brevet_verdict_is_accepted (verdict));
    }
}

static void
test_secrecy (gconstpointer data)
{
  g_auto(World) world = { NULL };
  g_auto(GStrv) secrets = NULL;
  g_autoptr(JsonObject) shown = NULL;
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  world_init (&world, data);
  shown = brevet_verifier_describe (world.verifier, world.stored);
  json_node_set_object (node, shown);
  text = json_to_string (node, FALSE);
  secrets = world.suite->list_secrets (world.stored);
  for (gsize i = 0; secrets[i] != NULL; i++)
    g_assert_null (strstr (text, secrets[i]));
}

/* An operator reads what is shown and writes it back: the device must not notice. */
static void
test_write_back (gconstpointer data)
{
  const Case *c = data;
  g_auto(World) world = { NULL };
  g_autoptr(JsonObject) shown = NULL;
  g_autoptr(BrevetAttestation) written = NULL;
  g_autoptr(BrevetAttestation) renewed = NULL;
  g_autoptr(BrevetClaims) claims = NULL;

  world_init (&world, c);
  shown = brevet_verifier_describe (world.verifier, world.stored);
  written = brevet_attestation_new (brevet_attestation_get_mechanism (world.stored), c->is_group, shown);
  renewed = make_stored (c->suite, world.verifier, written, world.stored);
  claims = world.suite->present (world.stored, SCOPE, DEVICE);
  assert_accepted (world.verifier, renewed, claims);
}

static void
test_damaged (gconstpointer data)
{
  g_auto(World) world = { NULL };
  g_autoptr(BrevetAttestation) damaged = NULL;
  g_autoptr(BrevetClaims) claims = NULL;
  g_autoptr(GError) error = NULL;

  world_init (&world, data);
  damaged = world.suite->damage (world.stored);
  claims = world.suite->present (world.stored, SCOPE, DEVICE);
  g_assert_null (verifier_suite_verify (world.verifier, damaged, claims, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
}

static void
test_cancelled (gconstpointer data)
{
  g_auto(World) world = { NULL };
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(BrevetClaims) claims = NULL;
  g_autoptr(GError) error = NULL;

  world_init (&world, data);
  claims = world.suite->present (world.stored, SCOPE, DEVICE);
  g_cancellable_cancel (cancellable);
  g_assert_null (verify (world.verifier, world.stored, claims, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static gpointer
verify_on_own_context (gpointer data)
{
  World *world = data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr(BrevetClaims) claims = world->suite->present (world->stored, SCOPE, DEVICE);

      assert_accepted (world->verifier, world->stored, claims);
    }
  g_main_context_pop_thread_default (context);
  return NULL;
}

static void
test_threads (gconstpointer data)
{
  g_auto(World) world = { NULL };
  GThread *threads[N_THREADS];

  world_init (&world, data);
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("verify", verify_on_own_context, &world);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

static void
add_case (const VerifierSuite *suite, gboolean is_group)
{
  static const struct {
    const char *name;
    GTestDataFunc function;
  } tests[] = {
    { "honest", test_honest },
    { "foreign", test_foreign },
    { "impostor", test_impostor },
    { "empty-handed", test_empty_handed },
    { "garbage", test_garbage },
    { "secrecy", test_secrecy },
    { "write-back", test_write_back },
    { "damaged", test_damaged },
    { "cancelled", test_cancelled },
    { "threads", test_threads },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path =
        g_strdup_printf ("/contract/verifier/%s/%s/%s", suite->name, is_group ? "group" : "individual", tests[i].name);
      Case *c = g_new0 (Case, 1);

      c->suite = suite;
      c->is_group = is_group;
      g_test_add_data_func_full (path, c, tests[i].function, g_free);
    }
}

void
verifier_suite_add (const VerifierSuite *suite)
{
  add_case (suite, FALSE);
  if (suite->has_groups)
    add_case (suite, TRUE);
}
