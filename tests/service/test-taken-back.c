/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of certificates that were taken back: for the device, for a CA that is gone, and beside a second service. */

#include "pipeline-fixture.h"

#include "brevet-clock.h"
#include "records-ca.h"
#include "revocation-worker.h"
#include "service-private.h"
#include "trust-bundle-keeper.h"

#define REVOKES  "capabilities=find;revoke\n"
#define DOOMED   "[ca doomed]\ntype=scripted\ncertificate=ca.pem\nkey=ca.key\nledger=doomed\nidentity=doomed\n" \
                 "capabilities=find;revoke\nrevokes=unavailable\ncheck-interval=0\n"
#define ON_DEVICE(ca, more) "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"" ca "\"" more "}"

/* Also what is due, and has not begun yet. */
static void
wait_until_idle (Pipeline *pipeline)
{
  do
    g_main_context_iteration (NULL, FALSE);
  while (brevet_service_is_busy (pipeline->service) || g_main_context_pending (NULL));
}

static char *
get_etag (Pipeline *pipeline, const char *path)
{
  g_autoptr(Heard) heard = operate (pipeline, 200, "GET", path, NULL, NULL);

  return g_strdup (brevet_reply_get_header (heard->reply, "etag"));
}

static char *
find_latest (Pipeline *pipeline)
{
  g_autoptr(Heard) list = operate (pipeline, 200, "GET", "/issuedCertificates", NULL, NULL);
  JsonArray *array = json_node_get_array (list->node);

  g_assert_cmpuint (json_array_get_length (array), >, 0);
  return g_strdup (json_object_get_string_member (json_array_get_object_element (array, 0), "id"));
}

static void
take_back (Pipeline *pipeline, const char *id)
{
  g_autofree char *path = g_strdup_printf ("/issuedCertificates/%s/revoke", id);
  g_autoptr(Heard) heard = operate (pipeline, 200, "POST", path, NULL, "{\"reason\":\"keyCompromise\"}");
}

static BrevetCertificate *
provision (Pipeline *pipeline, const char *csr)
{
  g_autoptr(Heard) final = device_provision (pipeline, "pump-07", csr);
  BrevetCertificate *certificate = heard_get_certificate (final);

  assert_assigned (final, NULL);
  heard_deliver (pipeline, final);
  return certificate;
}

/* A device that may keep its certificate gets another one when that was taken back. */
static void
test_reuse (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(BrevetCertificate) first = NULL, same = NULL, other = NULL;
  g_autofree char *id = NULL;

  enroll (pipeline, "pump-07", ON_DEVICE ("scripted", ",\"reuseLiveCertificate\":true"));
  first = provision (pipeline, csr);
  same = provision (pipeline, csr);
  g_assert_true (brevet_certificate_equal (first, same));
  id = find_latest (pipeline);
  take_back (pipeline, id);
  other = provision (pipeline, csr);
  g_assert_false (brevet_certificate_equal (first, other));
}

/* Starts the service without the CA that the records name. */
static void
remove_doomed (Pipeline *pipeline)
{
  g_autoptr(GString) text = g_string_new (pipeline->configuration);

  g_assert_cmpuint (g_string_replace (text, DOOMED, "", 1), ==, 1);
  g_free (pipeline->configuration);
  pipeline->configuration = g_strdup (text->str);
}

static void
put_orphan (Pipeline *pipeline, const char *csr)
{
  g_autoptr(BrevetServiceContext) context = brevet_service_ref_context (pipeline->service);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(BrevetOrphan) lost = g_new0 (BrevetOrphan, 1);
  gsize length;
  g_autofree guchar *der = g_base64_decode (csr, &length);

  lost->intent = g_new0 (BrevetIntent, 1);
  lost->intent->operation_id = g_strdup ("5.0.0");
  lost->intent->registration_id = g_strdup ("pump-07");
  lost->intent->authority = g_strdup ("nobody");
  lost->intent->identity = g_strdup ("nobody");
  lost->intent->common_name = g_strdup ("pump-07");
  lost->intent->csr = g_bytes_new (der, length);
  lost->intent->requested_at = brevet_clock_now_seconds ();
  lost->intent->attempt = 1;
  brevet_records_put_orphan (batch, lost, NULL);
  g_assert_true (brevet_store_commit (context->store, batch, NULL));
}

/* A CA of which nothing is known any more is not looked for without end. */
static void
test_lost_orphan (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");

  wait_until_idle (pipeline);
  put_orphan (pipeline, csr);
  pipeline_leap (400);
  pipeline_wait_for_log ("Looking for a certificate of pump-07 at “nobody” (operation 5.0.0, attempt 1) fails, and is tried again");
  wait_until_idle (pipeline);
  assert_records (pipeline, "orphans", 1);
  wait_until_idle (pipeline);
  pipeline_leap (31 * 86400);
  pipeline_wait_for_log ("“nobody” may have issued a certificate for pump-07");
  wait_until_idle (pipeline);
  assert_records (pipeline, "orphans", 0);
}

/* Its CA cannot be told, and its name is good for nothing any more; but the certificate ends some time. */
static void
test_expired_revocation (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *id = NULL;

  enroll (pipeline, "pump-07", ON_DEVICE ("doomed", ""));
  brevet_certificate_unref (provision (pipeline, csr));
  id = find_latest (pipeline);
  take_back (pipeline, id);
  pipeline_wait_for_log ("is tried again: The scripted CA says unavailable");
  wait_until_idle (pipeline);
  pipeline_stop (pipeline);
  remove_doomed (pipeline);
  pipeline_start (pipeline);
  wait_until_idle (pipeline);
  assert_records (pipeline, "revocations", 1);
  wait_until_idle (pipeline);
  pipeline_leap (91 * 86400);
  brevet_service_chores_poke (pipeline->service->chores, BREVET_CHORE_REVOCATIONS);
  wait_until_idle (pipeline);
  assert_records (pipeline, "revocations", 0);
}

static BrevetServiceContext *
get_context (gpointer owner)
{
  return brevet_service_ref_context (owner);
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  brevet_service_chores_stop_finish (result);
  *(gboolean *) user_data = TRUE;
}

/* Both have the same work before them at the same moment; it is done once. */
static void
test_two_services (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetServiceChores) second = brevet_service_chores_new (get_context, pipeline->service);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *id = NULL, *former = NULL, *etag = NULL;
  gboolean stopped = FALSE;

  brevet_revocation_worker_add (second);
  brevet_trust_bundle_keeper_add (second);
  enroll (pipeline, "pump-07", ON_DEVICE ("scripted", ""));
  brevet_certificate_unref (provision (pipeline, csr));
  heard_free (operate (pipeline, 200, "PUT", "/trustBundles/roots", NULL, "{\"certificateAuthorities\":[\"scripted\"]}"));
  wait_until_idle (pipeline);
  former = get_etag (pipeline, "/trustBundles/roots");
  id = find_latest (pipeline);
  take_back (pipeline, id);
  for (guint round = 0; round < 5; round++)
    {
      brevet_service_chores_poke (pipeline->service->chores, NULL);
      brevet_service_chores_poke (second, NULL);
      do
        g_main_context_iteration (NULL, FALSE);
      while (brevet_service_chores_is_running (second) || brevet_service_is_busy (pipeline->service) ||
             g_main_context_pending (NULL));
    }
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 1);
  g_assert_cmpuint (pipeline_count_logged ("has revoked a certificate of pump-07"), ==, 2);
  etag = get_etag (pipeline, "/trustBundles/roots");
  g_assert_cmpstr (etag, ==, former);
  brevet_service_chores_stop_async (second, on_stopped, &stopped);
  while (!stopped)
    g_main_context_iteration (NULL, TRUE);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/taken-back/reuse", REVOKES, test_reuse);
  PIPELINE_TEST ("/taken-back/lost-orphan", REVOKES, test_lost_orphan);
  PIPELINE_TEST ("/taken-back/expired-revocation", REVOKES DOOMED, test_expired_revocation);
  PIPELINE_TEST ("/taken-back/two-services", REVOKES, test_two_services);
  return g_test_run ();
}
