/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates that are taken back: by an operator, and because nobody waited for them any more. */

#include "pipeline-fixture.h"

#include "brevet-clock.h"
#include "brevet-registry.h"
#include "orphans.h"
#include "records-aside.h"
#include "records-ca.h"
#include "service-private.h"

#include <string.h>

#define REVOKES "capabilities=find;revoke\n"
#define ISSUE_LOCAL "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"local\"}"

static gboolean
keep_ticking (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

/* Until the background jobs have ended, too: a service that stops lets go of what it has begun, and takes it up later. */
static void
wait_until_idle (Pipeline *pipeline)
{
  guint tick = g_timeout_add (1, keep_ticking, NULL);

  while (brevet_service_is_busy (pipeline->service))
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (tick);
}

/* The same while an operation goes on. */
static void
wait_until_jobs_rest (Pipeline *pipeline)
{
  guint tick = g_timeout_add (1, keep_ticking, NULL);

  while (brevet_service_chores_is_running (pipeline->service->chores))
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (tick);
}

/* While the service runs. */
static guint
count_orphans (Pipeline *pipeline)
{
  g_autoptr(BrevetServiceContext) context = brevet_service_ref_context (pipeline->service);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list (context->store, BREVET_COLLECTION_ORPHANS, NULL, NULL, 10, &error);

  g_assert_no_error (error);
  return records->len;
}

/* Time goes by until the service has found out all that it wants to know; nothing is believed that was seen only once. */
static void
look_until_settled (Pipeline *pipeline)
{
  for (guint round = 0; count_orphans (pipeline) > 0; round++)
    {
      guint finds = pipeline_count_calls (pipeline, "find");

      g_assert_cmpuint (round, <, 3);
      pipeline_leap (400);
      pipeline_wait_for_calls (pipeline, "find", finds + 1);
      wait_until_idle (pipeline);
    }
}

static char *
new_csr (void)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);

  return make_csr (key, "pump-07");
}

/* The id of the only certificate. */
static char *
find_id (Pipeline *pipeline)
{
  g_autoptr(Heard) list = operate (pipeline, 200, "GET", "/issuedCertificates", NULL, NULL);
  JsonArray *array = json_node_get_array (list->node);

  g_assert_cmpuint (json_array_get_length (array), ==, 1);
  return g_strdup (json_object_get_string_member (json_array_get_object_element (array, 0), "id"));
}

static Heard *
revoke_id (Pipeline *pipeline, guint status, const char *id, const char *body)
{
  g_autofree char *path = g_strdup_printf ("/issuedCertificates/%s/revoke", id);

  return operate (pipeline, status, "POST", path, NULL, body);
}

static void
refuse_id (Pipeline *pipeline, guint status, const char *id, const char *body, const char *words)
{
  g_autoptr(Heard) refused = revoke_id (pipeline, status, id, body);

  if (strstr (refused->text, words) == NULL)
    g_error ("%s", refused->text);
}

static char *
provision (Pipeline *pipeline, const char *policy)
{
  g_autofree char *csr = new_csr ();
  g_autoptr(Heard) final = NULL;

  enroll (pipeline, "pump-07", policy);
  final = device_provision (pipeline, "pump-07", csr);
  assert_assigned (final, NULL);
  return find_id (pipeline);
}

static guint
count_records (Pipeline *pipeline, const char *collection)
{
  g_autoptr(GPtrArray) records = pipeline_list (pipeline, collection);

  return records->len;
}

static void
test_operator (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *id = provision (pipeline, ISSUE);
  g_autofree char *path = g_strconcat ("/issuedCertificates/", id, NULL);
  g_autofree char *issued = pipeline_get_call (pipeline, "signed", 0, 3);
  g_autofree char *revoked = NULL, *reason = NULL;
  g_autoptr(Heard) first = NULL, again = NULL, shown = NULL;

  first = revoke_id (pipeline, 200, id, "{\"reason\":\"keyCompromise\",\"comment\":\"stolen\"}");
  g_assert_cmpstr (heard_get (first, "status"), ==, "revoked");
  g_assert_cmpstr (heard_get (first, "revocation.reason"), ==, "keyCompromise");
  g_assert_cmpstr (heard_get (first, "revocation.comment"), ==, "stolen");
  pipeline_wait_for_log ("“scripted” has revoked a certificate of pump-07");
  wait_until_idle (pipeline);
  revoked = pipeline_get_call (pipeline, "revoke", 0, 2);
  reason = pipeline_get_call (pipeline, "revoke", 0, 4);
  g_assert_cmpstr (revoked, ==, issued);
  g_assert_cmpstr (reason, ==, "1");

  again = revoke_id (pipeline, 200, id, "{\"reason\":\"keyCompromise\"}");
  g_assert_cmpstr (heard_get (again, "revocation.time"), ==, heard_get (first, "revocation.time"));
  refuse_id (pipeline, 409, id, "{\"reason\":\"superseded\"}", "is revoked already, with the reason keyCompromise");
  refuse_id (pipeline, 409, id, "{\"reason\":\"removeFromCRL\"}", "nothing else can be taken back");
  shown = operate (pipeline, 200, "GET", path, NULL, NULL);
  g_assert_cmpstr (heard_get (shown, "revocation.reason"), ==, "keyCompromise");
  g_assert_nonnull (strstr (heard_get (shown, "certificateChain"), "BEGIN CERTIFICATE"));
  g_assert_cmpuint (count_records (pipeline, "revocations"), ==, 0);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 1);
}

static void
test_refusals (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *id = provision (pipeline, ISSUE);

  refuse_id (pipeline, 404, "00:11", "{}", "There is no issued certificate");
  refuse_id (pipeline, 400, "a_b", "{}", "not a valid id of an issued certificate");
  refuse_id (pipeline, 400, id, "{\"reason\":\"lost\"}", "is no reason for a revocation");
  refuse_id (pipeline, 400, id, "{\"reason\":\"cACompromise\"}", "for the certificates of authorities");
  refuse_id (pipeline, 400, id, "{\"reason\":7}", "reason");
  pipeline_pass_time (91 * 86400);
  refuse_id (pipeline, 409, id, "{}", "has expired");
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 0);
}

/* The CA is away twice, and back then: it is told once. */
static void
test_away (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *id = provision (pipeline, ISSUE);
  g_autofree char *path = g_strconcat ("/issuedCertificates/", id, NULL);
  g_autoptr(Heard) revoked = revoke_id (pipeline, 200, id, "{}");
  g_autoptr(Heard) shown = NULL;

  pipeline_wait_for_log ("is tried again: The scripted CA says unavailable");
  pipeline_leap (400);
  pipeline_wait_for_log ("is tried again: The scripted CA says auth");
  pipeline_leap (400);
  pipeline_wait_for_log ("is tried again: The scripted CA says rate-limited");
  shown = operate (pipeline, 200, "GET", path, NULL, NULL);
  g_assert_cmpstr (heard_get (shown, "status"), ==, "revoked");
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 0);
  pipeline_leap (4000);
  pipeline_wait_for_log ("“scripted” has revoked a certificate of pump-07");
  wait_until_idle (pipeline);
  g_assert_cmpuint (count_records (pipeline, "revocations"), ==, 0);
  pipeline_leap (8000);
  g_assert_cmpuint (count_records (pipeline, "revocations"), ==, 0);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 1);
}

/* What a device has not fetched before it was revoked it does not get, and its next call begins anew. */
static void
test_not_handed_out (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *csr = new_csr ();
  g_autoptr(Heard) begun = NULL, first = NULL, revoked = NULL, late = NULL, joined = NULL, second = NULL;
  g_autoptr(BrevetCertificate) one = NULL, other = NULL;
  g_autofree char *id = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  begun = device_register (pipeline, "pump-07", csr);
  first = device_await (pipeline, "pump-07", heard_get (begun, "operationId"));
  one = heard_get_certificate (first);
  id = find_id (pipeline);
  revoked = revoke_id (pipeline, 200, id, "{\"reason\":\"superseded\"}");

  late = device_await (pipeline, "pump-07", heard_get (begun, "operationId"));
  assert_failed (late, 500000, "The certificate was revoked. Register again.");
  joined = device_register (pipeline, "pump-07", csr);
  g_assert_cmpstr (heard_get (joined, "operationId"), !=, heard_get (begun, "operationId"));
  second = device_await (pipeline, "pump-07", heard_get (joined, "operationId"));
  assert_assigned (second, NULL);
  other = heard_get_certificate (second);
  g_assert_false (brevet_certificate_equal (one, other));
}

/* A list that is made of the inventory follows it; one that a CA keeps does not. */
static void
test_hold (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *id = provision (pipeline, ISSUE_LOCAL);
  g_autoptr(Heard) held = revoke_id (pipeline, 200, id, "{\"reason\":\"certificateHold\"}");
  g_autoptr(Heard) released = revoke_id (pipeline, 200, id, "{\"reason\":\"removeFromCRL\"}");
  g_autoptr(Heard) again = NULL, gone = NULL;

  g_assert_cmpstr (heard_get (held, "revocation.reason"), ==, "certificateHold");
  g_assert_cmpstr (heard_get (released, "status"), ==, "issued");
  g_assert_null (heard_get (released, "revocation.reason"));
  again = revoke_id (pipeline, 200, id, "{\"reason\":\"certificateHold\"}");
  gone = revoke_id (pipeline, 200, id, "{\"reason\":\"privilegeWithdrawn\"}");
  g_assert_cmpstr (heard_get (gone, "revocation.time"), ==, heard_get (again, "revocation.time"));
  g_assert_cmpstr (heard_get (gone, "revocation.reason"), ==, "privilegeWithdrawn");
}

static void
test_hold_elsewhere (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *id = provision (pipeline, ISSUE);
  g_autoptr(Heard) held = revoke_id (pipeline, 200, id, "{\"reason\":\"certificateHold\"}");

  pipeline_wait_for_calls (pipeline, "revoke", 1);
  refuse_id (pipeline, 409, id, "{\"reason\":\"removeFromCRL\"}", "keeps a revocation list of its own");
}

static BrevetStore *
open_store (Pipeline *pipeline, BrevetRegistry *registry)
{
  g_autofree char *path = g_build_filename (pipeline->directory, "store.db", NULL);
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", "main", NULL);
  g_autoptr(GError) error = NULL;
  BrevetStore *store;

  brevet_settings_set (settings, "file", path, NULL);
  store = (BrevetStore *) brevet_registry_create (registry, BREVET_TYPE_STORE, "store-sqlite", "main", settings, &error);
  g_assert_no_error (error);
  /* A thread of the service that has just ended may still be letting go of it. */
  while (!brevet_store_open (store, &error))
    {
      g_assert_nonnull (strstr (error->message, "is in use"));
      g_clear_error (&error);
      g_main_context_iteration (NULL, FALSE);
    }
  return store;
}

/* Has the service forget the certificate of @id, as if the answer had been lost and the attempt been given up. */
static void
put_orphan (BrevetStore *store, const char *id, const char *csr)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autofree guchar *der = NULL;
  g_autoptr(BrevetOrphan) lost = g_new0 (BrevetOrphan, 1);
  gsize length;

  der = g_base64_decode (csr, &length);
  lost->intent = g_new0 (BrevetIntent, 1);
  lost->intent->operation_id = g_strdup ("5.0.0");
  lost->intent->registration_id = g_strdup ("pump-07");
  lost->intent->authority = g_strdup ("scripted");
  lost->intent->identity = g_strdup ("scripted");
  lost->intent->common_name = g_strdup ("pump-07");
  lost->intent->csr = g_bytes_new (der, length);
  lost->intent->requested_at = brevet_clock_now_seconds ();
  lost->intent->attempt = 1;
  if (id != NULL)
    brevet_batch_delete (batch, BREVET_COLLECTION_CERTIFICATES, id, NULL);
  brevet_records_put_orphan (batch, lost, NULL);
  g_assert_true (brevet_store_commit (store, batch, NULL));
}

/* Between two runs of the service. */
static void
orphan (Pipeline *pipeline, const char *id, const char *csr)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetStore) store = open_store (pipeline, registry);

  put_orphan (store, id, csr);
}

/* As an operator does with the record of a certificate that nobody can read. */
static void
put_aside (Pipeline *pipeline, const char *id)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetStore) store = open_store (pipeline, registry);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autofree char *aside = brevet_records_aside (BREVET_COLLECTION_CERTIFICATES);
  g_autoptr(GBytes) body = g_bytes_new_static ("{", 1);

  brevet_batch_delete (batch, BREVET_COLLECTION_CERTIFICATES, id, NULL);
  brevet_batch_put (batch, aside, id, "pump-07", body, NULL);
  g_assert_true (brevet_store_commit (store, batch, NULL));
}

static void
run_orphan (Pipeline *pipeline, gboolean is_lost, gboolean is_aside)
{
  g_autofree char *csr = new_csr ();
  g_autofree char *id = NULL;
  g_autoptr(Heard) final = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  final = device_provision (pipeline, "pump-07", csr);
  id = find_id (pipeline);
  g_clear_pointer (&final, heard_free);
  wait_until_idle (pipeline);
  pipeline_stop (pipeline);
  orphan (pipeline, is_lost ? id : NULL, csr);
  if (is_aside)
    put_aside (pipeline, id);
  pipeline_start (pipeline);
}

static void
test_orphan (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *issued = NULL, *revoked = NULL, *id = NULL;

  run_orphan (pipeline, TRUE, FALSE);
  pipeline_wait_for_log ("“scripted” has revoked a certificate of pump-07");
  wait_until_idle (pipeline);
  issued = pipeline_get_call (pipeline, "signed", 0, 3);
  revoked = pipeline_get_call (pipeline, "revoke", 0, 2);
  g_assert_cmpstr (revoked, ==, issued);
  id = find_id (pipeline);
  g_assert_true (g_str_has_prefix (id, "refused:"));
  refuse_id (pipeline, 409, id, "{}", "was refused by this service");
  g_assert_cmpuint (count_records (pipeline, "orphans"), ==, 0);
  g_assert_cmpuint (count_records (pipeline, "revocations"), ==, 0);
  g_assert_true (pipeline_logged ("whose attempt was given up; it is revoked"));
}

/* The device has got it after all. */
static void
test_no_orphan (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *id = NULL;

  run_orphan (pipeline, FALSE, FALSE);
  pipeline_wait_for_calls (pipeline, "find", 1);
  wait_until_idle (pipeline);
  look_until_settled (pipeline);
  id = find_id (pipeline);
  g_assert_false (g_str_has_prefix (id, "refused:"));
  g_assert_cmpuint (count_records (pipeline, "orphans"), ==, 0);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 0);
}

/* The device uses it, and its record was damaged: to put that aside is no decision about the certificate. */
static void
test_orphan_put_aside (Pipeline *pipeline, gconstpointer data)
{
  run_orphan (pipeline, FALSE, TRUE);
  pipeline_wait_for_calls (pipeline, "find", 1);
  wait_until_idle (pipeline);
  look_until_settled (pipeline);
  g_assert_cmpuint (count_records (pipeline, BREVET_COLLECTION_CERTIFICATES), ==, 0);
  g_assert_cmpuint (count_records (pipeline, "orphans"), ==, 0);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 0);
}

/* A search goes by public key: what an operation under way has got, and not written yet, is not for the orphan to take. */
static void
test_orphan_beside_operation (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *csr = new_csr ();
  g_autoptr(BrevetServiceContext) context = brevet_service_ref_context (pipeline->service);
  g_autoptr(Heard) begun = NULL, final = NULL;
  g_autofree char *id = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  begun = device_register (pipeline, "pump-07", csr);
  pipeline_wait_for_calls (pipeline, "signed", 1);
  put_orphan (context->store, NULL, csr);
  g_clear_pointer (&context, brevet_service_context_unref);
  brevet_service_chores_poke (pipeline->service->chores, BREVET_CHORE_ORPHANS);
  pipeline_wait_for_calls (pipeline, "find", 1);
  wait_until_jobs_rest (pipeline);
  g_assert_cmpuint (count_orphans (pipeline), ==, 1);
  /* The operation gives up the question that hangs, and the orphan is looked for again: nobody knows who of the two comes first. */
  pipeline_leap (400);
  final = device_await (pipeline, "pump-07", heard_get (begun, "operationId"));
  assert_assigned (final, NULL);
  wait_until_idle (pipeline);
  look_until_settled (pipeline);
  g_clear_pointer (&begun, heard_free);
  g_clear_pointer (&final, heard_free);
  id = find_id (pipeline);
  g_assert_false (g_str_has_prefix (id, "refused:"));
  g_assert_cmpuint (count_records (pipeline, "orphans"), ==, 0);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 0);
}

/* It is only believed the second time, some time later. */
static void
test_nothing_issued (Pipeline *pipeline, gconstpointer data)
{
  run_orphan (pipeline, TRUE, FALSE);
  pipeline_wait_for_calls (pipeline, "find", 1);
  wait_until_idle (pipeline);
  g_assert_cmpuint (count_records (pipeline, "orphans"), ==, 1);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "find"), ==, 1);
  pipeline_leap (400);
  pipeline_wait_for_log ("had issued nothing for pump-07");
  wait_until_idle (pipeline);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "find"), ==, 2);
  g_assert_cmpuint (count_records (pipeline, "orphans"), ==, 0);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 0);
}

/* Nobody can find out: it is said once, and that is it. */
static void
test_unfindable (Pipeline *pipeline, gconstpointer data)
{
  run_orphan (pipeline, TRUE, FALSE);
  pipeline_wait_for_log ("may have issued a certificate for pump-07");
  wait_until_idle (pipeline);
  g_assert_cmpuint (count_records (pipeline, "orphans"), ==, 0);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/revocation/operator", REVOKES, test_operator);
  PIPELINE_TEST ("/revocation/refusals", REVOKES, test_refusals);
  PIPELINE_TEST ("/revocation/away", REVOKES "revokes=unavailable;auth;rate-limited:600;revoke\n", test_away);
  PIPELINE_TEST ("/revocation/not-handed-out", REVOKES, test_not_handed_out);
  PIPELINE_TEST ("/revocation/hold", REVOKES, test_hold);
  PIPELINE_TEST ("/revocation/hold-elsewhere", REVOKES, test_hold_elsewhere);
  PIPELINE_TEST ("/revocation/orphan", REVOKES, test_orphan);
  PIPELINE_TEST ("/revocation/no-orphan", REVOKES, test_no_orphan);
  PIPELINE_TEST ("/revocation/orphan-put-aside", REVOKES, test_orphan_put_aside);
  PIPELINE_TEST ("/revocation/orphan-beside-operation", REVOKES "trusts=hang;issue\n", test_orphan_beside_operation);
  PIPELINE_TEST ("/revocation/nothing-issued", REVOKES "finds=nothing\n", test_nothing_issued);
  PIPELINE_TEST ("/revocation/unfindable", "capabilities=revoke\n", test_unfindable);
  return g_test_run ();
}
