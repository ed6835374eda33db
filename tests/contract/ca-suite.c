/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-suite.h"

#include "x509-world.h"

#include <string.h>

#define DAY G_GINT64_CONSTANT (86400)

typedef struct
{
  const CaSuite   *suite;
  gpointer         world;
  BrevetCaBackend *backend;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->suite = data;
  fixture->world = fixture->suite->set_up ();
  fixture->backend = fixture->suite->create (fixture->world);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  /* A thread of the plugin may hold the last reference for a moment after it has answered. */
  g_object_unref (fixture->backend);
  fixture->suite->tear_down (fixture->world);
}

static gboolean
can (Fixture *fixture, BrevetCaCapabilities capability)
{
  return (brevet_ca_backend_get_capabilities (fixture->backend) & capability) != 0;
}

/* An answer, and the thread that it came on. */
typedef struct
{
  GAsyncResult *result;
  GThread      *thread;
  guint         n_answers;
} Answer;

static void
store_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Answer *answer = user_data;

  g_set_object (&answer->result, result);
  answer->thread = g_thread_self ();
  answer->n_answers++;
}

static GAsyncResult *
wait_for (Answer *answer)
{
  GMainContext *context = g_main_context_get_thread_default ();

  g_assert_null (answer->result); /* never answered within the call itself */
  while (answer->result == NULL)
    g_main_context_iteration (context, TRUE);
  g_assert_true (answer->thread == g_thread_self ());
  g_assert_cmpuint (answer->n_answers, ==, 1);
  return answer->result;
}

static BrevetCaRequest *
request_with_csr (const char *registration_id, BrevetCsr *csr, guint8 number)
{
  guint8 idempotency_key[BREVET_CA_IDEMPOTENCY_KEY_SIZE];

  memset (idempotency_key, number, sizeof idempotency_key);
  return brevet_ca_request_new ("6c7a6c2c", registration_id, csr, idempotency_key, brevet_clock_now_seconds ());
}

BrevetCaRequest *
ca_request (const char *registration_id, guint8 number)
{
  g_autoptr(BrevetKey) key = x509_make_key ();
  g_autoptr(BrevetCsr) csr = x509_make_csr (key, registration_id);

  return request_with_csr (registration_id, csr, number);
}

BrevetCaOutcome *
ca_issue (BrevetCaBackend *backend, BrevetCaRequest *request, GCancellable *cancellable, GError **error)
{
  Answer answer = { NULL };
  g_autoptr(GAsyncResult) result = NULL;

  brevet_ca_backend_issue_async (backend, request, cancellable, store_answer, &answer);
  result = wait_for (&answer);
  return brevet_ca_backend_issue_finish (backend, result, error);
}

BrevetCaOutcome *
ca_assert_issue (BrevetCaBackend *backend, BrevetCaRequest *request)
{
  g_autoptr(GError) error = NULL;
  BrevetCaOutcome *outcome = ca_issue (backend, request, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (outcome);
  return outcome;
}

BrevetTrustBundle *
ca_get_trust (BrevetCaBackend *backend)
{
  Answer answer = { NULL };
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  BrevetTrustBundle *trust;

  brevet_ca_backend_get_trust_async (backend, NULL, store_answer, &answer);
  result = wait_for (&answer);
  trust = brevet_ca_backend_get_trust_finish (backend, result, &error);
  g_assert_no_error (error);
  return trust;
}

BrevetCaHealth *
ca_check (BrevetCaBackend *backend)
{
  Answer answer = { NULL };
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  BrevetCaHealth *health;

  brevet_ca_backend_check_async (backend, NULL, store_answer, &answer);
  result = wait_for (&answer);
  health = brevet_ca_backend_check_finish (backend, result, &error);
  g_assert_no_error (error);
  return health;
}

static BrevetChain *
assert_passes (BrevetCaRequest *request, BrevetCaOutcome *outcome, BrevetTrustBundle *trust)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  BrevetChain *chain = brevet_issuance_check_run (check, request, outcome, trust, brevet_clock_now_seconds (), &error);

  g_assert_no_error (error);
  return chain;
}

static void
test_issue (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("Dev_1:a", 1);
  g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (fixture->backend, request);
  g_autoptr(BrevetTrustBundle) trust = ca_get_trust (fixture->backend);
  g_autoptr(BrevetChain) chain = assert_passes (request, outcome, trust);
  BrevetCertificate *leaf = brevet_chain_get_leaf (chain);

  /* Without that, the core takes an attempt that nobody waits for any more for one that was never made. */
  g_assert_true (brevet_ca_request_was_sent (request));
  g_assert_cmpstr (brevet_certificate_get_common_name (leaf), ==, "Dev_1:a");
  g_assert_cmpstr (brevet_certificate_get_spki_sha256 (leaf), ==, brevet_csr_get_spki_sha256 (brevet_ca_request_get_csr (request)));
  g_assert_false (brevet_certificate_is_ca (leaf));
}

/* The trust is a set of roots, and the leaf leads to one of them: without the trust it does not. */
static void
test_trust (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetTrustBundle) trust = ca_get_trust (fixture->backend);
  g_autoptr(BrevetTrustBundle) again = ca_get_trust (fixture->backend);
  g_autoptr(GPtrArray) problems = brevet_trust_bundle_list_problems (trust, brevet_clock_now_seconds ());
  guint n_roots = 0;

  g_assert_cmpuint (problems->len, ==, 0);
  for (guint i = 0; i < brevet_trust_bundle_get_length (trust); i++)
    n_roots += brevet_certificate_is_self_issued (brevet_trust_bundle_get (trust, i));
  g_assert_cmpuint (n_roots, >=, 1);
  g_assert_cmpstr (brevet_trust_bundle_get_etag (trust), ==, brevet_trust_bundle_get_etag (again));
}

static void
test_idempotency (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetKey) key = x509_make_key ();
  g_autoptr(BrevetCsr) csr = x509_make_csr (key, "dev-1");
  g_autoptr(BrevetCaRequest) request = request_with_csr ("dev-1", csr, 1);
  g_autoptr(BrevetCaRequest) same = request_with_csr ("dev-1", csr, 1);
  g_autoptr(BrevetCaRequest) other = request_with_csr ("dev-1", csr, 2);
  g_autoptr(BrevetCaBackend) second_instance = fixture->suite->create (fixture->world);
  g_autoptr(BrevetCaOutcome) first = ca_assert_issue (fixture->backend, request);
  g_autoptr(BrevetCaOutcome) repeated = ca_assert_issue (second_instance, same);
  g_autoptr(BrevetCaOutcome) different = ca_assert_issue (fixture->backend, other);
  BrevetCertificate *leaf = brevet_chain_get_leaf (brevet_ca_outcome_get_chain (first));
  BrevetCertificate *repeated_leaf = brevet_chain_get_leaf (brevet_ca_outcome_get_chain (repeated));
  BrevetCertificate *different_leaf = brevet_chain_get_leaf (brevet_ca_outcome_get_chain (different));

  g_assert_cmpint (brevet_certificate_equal (leaf, repeated_leaf), ==, can (fixture, BREVET_CA_CAPABILITY_IDEMPOTENT));
  g_assert_false (brevet_certificate_equal (leaf, different_leaf));
  g_assert_cmpstr (brevet_certificate_get_serial (leaf), !=, brevet_certificate_get_serial (different_leaf));
}

static void
test_validity (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  BrevetCertificate *leaf;

  if (!can (fixture, BREVET_CA_CAPABILITY_VALIDITY))
    {
      g_test_skip ("not claimed");
      return;
    }
  brevet_ca_request_set_validity (request, 7 * DAY);
  outcome = ca_assert_issue (fixture->backend, request);
  leaf = brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome));
  g_assert_cmpint (brevet_certificate_get_not_after (leaf), >=, brevet_clock_now_seconds () + 7 * DAY - 60);
  g_assert_cmpint (brevet_certificate_get_not_after (leaf), <=, brevet_clock_now_seconds () + 7 * DAY + 60);
}

static void
test_uri (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetTrustBundle) trust = NULL;
  g_autoptr(BrevetChain) chain = NULL;

  if (!can (fixture, BREVET_CA_CAPABILITY_URI))
    {
      g_test_skip ("not claimed");
      return;
    }
  brevet_ca_request_set_uri (request, "urn:brevet:dev-1");
  outcome = ca_assert_issue (fixture->backend, request);
  trust = ca_get_trust (fixture->backend);
  chain = assert_passes (request, outcome, trust);
}

static void
test_cancelled_before (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (ca_issue (fixture->backend, request, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (brevet_ca_request_was_sent (request));
}

/* It may be too late; but it is answered once, and with one of the two. */
static void
test_cancelled_after (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  Answer answer = { NULL };

  brevet_ca_backend_issue_async (fixture->backend, request, cancellable, store_answer, &answer);
  g_cancellable_cancel (cancellable);
  result = wait_for (&answer);
  outcome = brevet_ca_backend_issue_finish (fixture->backend, result, &error);
  if (outcome == NULL)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  else
    g_assert_no_error (error);
}

static void
assert_unsupported (Fixture *fixture, BrevetCaCapabilities capability, GError *error)
{
  if (can (fixture, capability))
    return;
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED);
  g_assert_cmpint (brevet_ca_error_classify (error), ==, BREVET_CA_ERROR_CLASS_PERMANENT);
}

static void
test_unsupported (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) issued = ca_assert_issue (fixture->backend, request);
  BrevetCertificate *leaf = brevet_chain_get_leaf (brevet_ca_outcome_get_chain (issued));
  Answer poll = { NULL }, find = { NULL }, revoke = { NULL }, crl = { NULL };
  g_autoptr(GAsyncResult) poll_result = NULL, find_result = NULL, revoke_result = NULL, crl_result = NULL;
  g_autoptr(GError) poll_error = NULL, find_error = NULL, revoke_error = NULL, crl_error = NULL;
  g_autoptr(BrevetCaOutcome) polled = NULL, found = NULL;
  g_autoptr(GPtrArray) nothing = g_ptr_array_new ();
  g_autoptr(GBytes) list = NULL;

  brevet_ca_backend_poll_async (fixture->backend, "ticket", request, NULL, store_answer, &poll);
  poll_result = wait_for (&poll);
  polled = brevet_ca_backend_poll_finish (fixture->backend, poll_result, &poll_error);
  assert_unsupported (fixture, BREVET_CA_CAPABILITY_PENDING, poll_error);

  brevet_ca_backend_find_async (fixture->backend, request, NULL, store_answer, &find);
  find_result = wait_for (&find);
  found = brevet_ca_backend_find_finish (fixture->backend, find_result, &find_error);
  assert_unsupported (fixture, BREVET_CA_CAPABILITY_FIND, find_error);

  brevet_ca_backend_revoke_async (fixture->backend, leaf, brevet_ca_outcome_get_backend_reference (issued),
                                  BREVET_REVOCATION_SUPERSEDED, NULL, store_answer, &revoke);
  revoke_result = wait_for (&revoke);
  brevet_ca_backend_revoke_finish (fixture->backend, revoke_result, &revoke_error);
  assert_unsupported (fixture, BREVET_CA_CAPABILITY_REVOKE, revoke_error);

  brevet_ca_backend_get_crl_async (fixture->backend, nothing, NULL, store_answer, &crl);
  crl_result = wait_for (&crl);
  list = brevet_ca_backend_get_crl_finish (fixture->backend, crl_result, &crl_error);
  assert_unsupported (fixture, BREVET_CA_CAPABILITY_CRL, crl_error);
}

/* Only the caller's own context runs here: an answer on the global default one would never come. */
static void
test_own_context (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);

  g_main_context_push_thread_default (context);
  {
    g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (fixture->backend, request);
    g_autoptr(BrevetTrustBundle) trust = ca_get_trust (fixture->backend);
    g_autoptr(BrevetCaHealth) health = ca_check (fixture->backend);

    g_assert_true (brevet_ca_outcome_is_issued (outcome));
  }
  g_main_context_pop_thread_default (context);
}

static void
test_check (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaHealth) health = ca_check (fixture->backend);

  g_assert_cmpint (brevet_ca_health_get_state (health), ==, BREVET_CA_HEALTH_OK);
  g_assert_cmpuint (strlen (brevet_ca_health_get_message (health)), >, 0);
}

#define THREADS     4
#define PER_THREAD  25

typedef struct
{
  Fixture           *fixture;
  BrevetTrustBundle *trust;
  guint              number;
  GPtrArray         *serials;
} Worker;

static gpointer
issue_many (gpointer data)
{
  Worker *worker = data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < PER_THREAD; i++)
    {
      g_autofree char *id = g_strdup_printf ("dev-%u-%u", worker->number, i);
      g_autoptr(BrevetCaRequest) request = ca_request (id, worker->number * PER_THREAD + i);
      g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (worker->fixture->backend, request);
      g_autoptr(BrevetChain) chain = assert_passes (request, outcome, worker->trust);

      g_assert_cmpstr (brevet_certificate_get_common_name (brevet_chain_get_leaf (chain)), ==, id);
      g_ptr_array_add (worker->serials, g_strdup (brevet_certificate_get_serial (brevet_chain_get_leaf (chain))));
    }
  g_main_context_pop_thread_default (context);
  return NULL;
}

static void
test_concurrent (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetTrustBundle) trust = ca_get_trust (fixture->backend);
  g_autoptr(GHashTable) serials = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Worker workers[THREADS];
  GThread *threads[THREADS];

  for (guint i = 0; i < THREADS; i++)
    {
      workers[i] = (Worker){ fixture, trust, i, g_ptr_array_new () };
      threads[i] = g_thread_new ("issue", issue_many, &workers[i]);
    }
  for (guint i = 0; i < THREADS; i++)
    {
      g_thread_join (threads[i]);
      for (guint j = 0; j < workers[i].serials->len; j++)
        g_hash_table_add (serials, workers[i].serials->pdata[j]);
      g_ptr_array_unref (workers[i].serials);
    }
  g_assert_cmpuint (g_hash_table_size (serials), ==, THREADS * PER_THREAD);
}

void
ca_suite_add (const CaSuite *suite)
{
  static const struct
  {
    const char *name;
    void (*func) (Fixture *fixture, gconstpointer data);
  } tests[] = {
    { "issue", test_issue },
    { "trust", test_trust },
    { "idempotency", test_idempotency },
    { "validity", test_validity },
    { "uri", test_uri },
    { "cancelled-before", test_cancelled_before },
    { "cancelled-after", test_cancelled_after },
    { "unsupported", test_unsupported },
    { "own-context", test_own_context },
    { "check", test_check },
    { "concurrent", test_concurrent },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strdup_printf ("/ca/%s/%s", suite->plugin, tests[i].name);

      g_test_add (path, Fixture, suite, set_up, tests[i].func, tear_down);
    }
}
