/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What one issuance costs beside the crypto that it cannot do without: verify a CSR's signature, sign a certificate, verify what
 * was signed. All rows are measured by turns within one run, in processor time of the one thread that does it all, so that a busy
 * machine disturbs little and disturbs them alike; medians are compared. */

#include "brevet.h"

#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY G_GINT64_CONSTANT (86400)

static int rounds = 31;
static int batch = 100;
static gboolean as_json;

static const GOptionEntry options[] = {
  { "rounds", 'r', 0, G_OPTION_ARG_INT, &rounds, "Rounds (default 31)", "N" },
  { "batch", 'b', 0, G_OPTION_ARG_INT, &batch, "Repetitions of each row in a round (default 100)", "N" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print JSON", NULL },
  { NULL }
};

typedef struct
{
  char                *directory;
  BrevetKey           *key; /* of the issuing CA */
  gnutls_pubkey_t      pubkey;
  gnutls_datum_t       data;
  gnutls_datum_t       signature;
  GBytes              *csr_der;
  BrevetKeyPolicy     *key_policy;
  BrevetSubjectPolicy *subject_policy;
  BrevetCaBackend     *backend;
  BrevetTrustBundle   *trust;
  BrevetIssuanceCheck *check;
  BrevetCsr           *csr;
  BrevetCaRequest     *request;
  BrevetCaOutcome     *outcome;
} Bench;

static void G_GNUC_NORETURN
fail (const char *what, GError *error)
{
  g_printerr ("bench-issuance: %s: %s\n", what, error != NULL ? error->message : "wrong answer");
  exit (1);
}

static void
verify (Bench *bench)
{
  if (gnutls_pubkey_verify_data2 (bench->pubkey, GNUTLS_SIGN_ECDSA_SHA256, 0, &bench->data, &bench->signature) < 0)
    fail ("verify", NULL);
}

static void
sign (Bench *bench)
{
  gnutls_datum_t signature = { NULL, 0 };

  if (gnutls_privkey_sign_data (brevet_key_get_privkey (bench->key), GNUTLS_DIG_SHA256, 0, &bench->data, &signature) < 0)
    fail ("sign", NULL);
  gnutls_free (signature.data);
}

static void
verify_sign (Bench *bench)
{
  verify (bench);
  sign (bench);
}

static void
verify_sign_verify (Bench *bench)
{
  verify (bench);
  sign (bench);
  verify (bench);
}

static void
read_csr (Bench *bench)
{
  g_autoptr(GError) error = NULL;

  g_clear_pointer (&bench->csr, brevet_csr_unref);
  bench->csr = brevet_csr_new (bench->csr_der, bench->key_policy, &error);
  if (bench->csr == NULL)
    fail ("CSR", error);
}

static void
make_request (Bench *bench)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *common_name = NULL, *uri = NULL;
  guint8 idempotency_key[BREVET_CA_IDEMPOTENCY_KEY_SIZE];

  if (!brevet_subject_policy_apply (bench->subject_policy, "dev-1", bench->csr, &common_name, &uri, &error))
    fail ("subject", error);
  gnutls_rnd (GNUTLS_RND_NONCE, idempotency_key, sizeof idempotency_key);
  g_clear_pointer (&bench->request, brevet_ca_request_unref);
  bench->request = brevet_ca_request_new ("operation", "dev-1", bench->csr, idempotency_key, brevet_clock_now_seconds ());
  brevet_ca_request_set_common_name (bench->request, common_name);
  brevet_ca_request_set_uri (bench->request, uri);
}

static void
on_issued (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Bench *bench = user_data;
  g_autoptr(GError) error = NULL;

  bench->outcome = brevet_ca_backend_issue_finish (BREVET_CA_BACKEND (source), result, &error);
  if (bench->outcome == NULL)
    fail ("issue", error);
}

static void
issue (Bench *bench)
{
  make_request (bench);
  g_clear_pointer (&bench->outcome, brevet_ca_outcome_unref);
  brevet_ca_backend_issue_async (bench->backend, bench->request, NULL, on_issued, bench);
  while (bench->outcome == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
check (Bench *bench)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetChain) chain = brevet_issuance_check_run (bench->check, bench->request, bench->outcome, bench->trust,
                                                            brevet_clock_now_seconds (), &error);

  if (chain == NULL)
    fail ("check", error);
}

static void
whole_engine (Bench *bench)
{
  read_csr (bench);
  issue (bench);
  check (bench);
}

typedef struct
{
  const char *name;
  const char *title;
  void (*func) (Bench *bench);
  GArray *times; /* double: microseconds of one repetition */
  double  median;
} Row;

/* Whoever stands first is the measure of the others. */
static Row rows[] = {
  { "verify-sign", "bare verify + sign", verify_sign },
  { "verify-sign-verify", "bare verify + sign + verify", verify_sign_verify },
  { "engine", "issuing engine, whole", whole_engine },
  { "engine-csr", "  CSR: parse, policy, possession", read_csr },
  { "engine-issue", "  request, ca-local issue", issue },
  { "engine-check", "  issuance check", check },
  { "verify", "bare verify", verify },
  { "sign", "bare sign", sign },
};

static double
get_processor_time (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void
measure (Bench *bench, Row *row)
{
  double start = get_processor_time ();
  double time;

  for (int i = 0; i < batch; i++)
    row->func (bench);
  time = (get_processor_time () - start) / batch;
  g_array_append_val (row->times, time);
}

static int
compare_times (gconstpointer a, gconstpointer b)
{
  const double *one = a, *other = b;

  return (*one > *other) - (*one < *other);
}

static void
run (Bench *bench)
{
  whole_engine (bench); /* warms the caches, and leaves a CSR, a request and an outcome for the single rows */
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    rows[i].times = g_array_new (FALSE, FALSE, sizeof (double));
  for (int round = 0; round < rounds; round++)
    for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
      measure (bench, &rows[i]);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_array_sort (rows[i].times, compare_times);
      rows[i].median = g_array_index (rows[i].times, double, rows[i].times->len / 2);
      g_array_unref (rows[i].times);
    }
}

static void
print_table (void)
{
  g_print ("%-36s %10s %8s\n", "", "median us", "ratio");
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    g_print ("%-36s %10.1f %8.2f\n", rows[i].title, rows[i].median, rows[i].median / rows[0].median);
  g_print ("\nP-256, one thread, %d rounds of %d; processor time; on a shared machine only the ratios mean anything\n", rounds,
           batch);
}

static void
print_json (void)
{
  g_autoptr(JsonBuilder) builder = json_builder_new ();
  g_autoptr(JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      json_builder_set_member_name (builder, rows[i].name);
      json_builder_begin_object (builder);
      json_builder_set_member_name (builder, "microseconds");
      json_builder_add_double_value (builder, rows[i].median);
      json_builder_set_member_name (builder, "ratio");
      json_builder_add_double_value (builder, rows[i].median / rows[0].median);
      json_builder_end_object (builder);
    }
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, TRUE);
  g_print ("%s\n", text);
}

static BrevetCertificate *
make_ca (const char *name, BrevetKey *key, BrevetCertificate *issuer, BrevetKey *issuer_key)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CA);
  g_autoptr(GError) error = NULL;
  BrevetCertificate *certificate;
  gint64 now = brevet_clock_now_seconds ();

  brevet_certificate_builder_set_common_name (builder, name);
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, now - DAY, now + 1000 * DAY);
  certificate = brevet_certificate_builder_sign (builder, issuer, issuer_key, &error);
  if (certificate == NULL)
    fail (name, error);
  return certificate;
}

static char *
path_in (Bench *bench, const char *name)
{
  return g_build_filename (bench->directory, name, NULL);
}

static void
make_authority (Bench *bench)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) root_key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_autoptr(BrevetCertificate) root = make_ca ("Bench Root", root_key, NULL, root_key);
  g_autoptr(BrevetCertificate) issuing = make_ca ("Bench Issuing", bench->key, root, root_key);
  g_autofree char *root_pem = brevet_certificate_to_pem (root);
  g_autofree char *issuing_pem = brevet_certificate_to_pem (issuing);
  g_autofree char *pem = g_strconcat (issuing_pem, root_pem, NULL);
  g_autofree char *certificate_path = path_in (bench, "ca.pem");
  g_autofree char *key_path = path_in (bench, "ca.key");

  bench->trust = brevet_trust_bundle_new_from_pem (root_pem, &error);
  if (bench->trust == NULL || !g_file_set_contents (certificate_path, pem, -1, &error) ||
      !brevet_key_save (bench->key, key_path, &error))
    fail ("authority", error);
}

static void
make_backend (Bench *bench)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "bench", bench->directory);
  BrevetPlugin *plugin;

  brevet_settings_set (settings, "certificate", "ca.pem", NULL);
  brevet_settings_set (settings, "key", "ca.key", NULL);
  plugin = brevet_registry_create (registry, BREVET_TYPE_CA_BACKEND, "ca-local", "bench", settings, &error);
  if (plugin == NULL)
    fail ("ca-local", error);
  bench->backend = BREVET_CA_BACKEND (plugin);
}

static void
set_up (Bench *bench)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) device_key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);

  bench->directory = g_dir_make_tmp ("brevet-bench-XXXXXX", &error);
  bench->key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  bench->csr_der = device_key != NULL ? brevet_key_create_csr (device_key, "dev-1", &error) : NULL;
  bench->check = brevet_issuance_check_new (NULL, &error);
  if (bench->directory == NULL || bench->key == NULL || bench->csr_der == NULL || bench->check == NULL)
    fail ("set-up", error);
  bench->key_policy = brevet_key_policy_new ();
  bench->subject_policy = brevet_subject_policy_new (NULL, NULL);
  gnutls_pubkey_init (&bench->pubkey);
  gnutls_pubkey_import_privkey (bench->pubkey, brevet_key_get_privkey (bench->key), 0, 0);
  bench->data.data = (guint8 *) g_bytes_get_data (bench->csr_der, NULL);
  bench->data.size = g_bytes_get_size (bench->csr_der);
  if (gnutls_privkey_sign_data (brevet_key_get_privkey (bench->key), GNUTLS_DIG_SHA256, 0, &bench->data, &bench->signature) < 0)
    fail ("set-up", NULL);
  make_authority (bench);
  make_backend (bench);
}

static void
tear_down (Bench *bench)
{
  g_autofree char *certificate_path = path_in (bench, "ca.pem");
  g_autofree char *key_path = path_in (bench, "ca.key");

  g_object_unref (bench->backend);
  brevet_ca_outcome_unref (bench->outcome);
  brevet_ca_request_unref (bench->request);
  brevet_csr_unref (bench->csr);
  brevet_issuance_check_unref (bench->check);
  brevet_trust_bundle_unref (bench->trust);
  brevet_subject_policy_unref (bench->subject_policy);
  brevet_key_policy_unref (bench->key_policy);
  g_bytes_unref (bench->csr_der);
  gnutls_free (bench->signature.data);
  gnutls_pubkey_deinit (bench->pubkey);
  brevet_key_unref (bench->key);
  g_unlink (certificate_path);
  g_unlink (key_path);
  g_rmdir (bench->directory);
  g_free (bench->directory);
}

int
main (int argc, char *argv[])
{
  g_autoptr(GOptionContext) context = g_option_context_new ("- what one issuance costs beside bare crypto");
  g_autoptr(GError) error = NULL;
  Bench bench = { NULL };

  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || rounds < 1 || batch < 1)
    fail ("options", error);
  set_up (&bench);
  run (&bench);
  if (as_json)
    print_json ();
  else
    print_table ();
  tear_down (&bench);
  return 0;
}
