/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trust bundles that follow certificate authorities, while a CA is swapped under the devices that use it. */

#include "pipeline-fixture.h"
#include "test-authority.h"

#include <glib/gstdio.h>

#define PLANT_OLD  "[ca plant]\ntype=scripted\ncertificate=ca.pem\nkey=ca.key\nledger=plant\nidentity=old\ncheck-interval=0\n"
#define PLANT_NEW  "[ca plant]\ntype=scripted\ncertificate=coming/ca.pem\nkey=coming/ca.key\nledger=coming.ledger\n" \
                   "identity=new\ncheck-interval=0\n"
#define COMING     "[ca coming]\ntype=scripted\ncertificate=coming/ca.pem\nkey=coming/ca.key\nledger=coming.ledger\n" \
                   "identity=new\ncheck-interval=0\n"
#define MUTE       "[ca mute]\ntype=scripted\ncertificate=ca.pem\nkey=ca.key\nledger=mute\nidentity=mute\ntrusts=unavailable\n" \
                   "check-interval=0\n"
#define BUNDLE     "/trustBundles/roots"
#define LATER      "2025-07-01-preview"
#define STATUS     "/trustBundleStatus/roots"
#define ENROLLMENT "\"trustBundleId\":\"roots\",\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"plant\"}"

static JsonArray *
get_array (const Heard *heard, const char *member)
{
  return json_object_get_array_member (json_node_get_object (heard->node), member);
}

/* The subjects of the bundle's certificates in their order. */
static void
assert_roots (Pipeline *pipeline, const char *expected)
{
  g_autoptr(Heard) bundle = operate (pipeline, 200, "GET", BUNDLE, NULL, NULL);
  JsonArray *entries = get_array (bundle, "certificates");
  g_autoptr(GString) subjects = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (entries); i++)
    {
      JsonObject *metadata = json_object_get_object_member (json_array_get_object_element (entries, i), "metadata");

      g_string_append_printf (subjects, "%s%s", i > 0 ? ", " : "", json_object_get_string_member (metadata, "subjectName"));
    }
  g_assert_cmpstr (subjects->str, ==, expected);
}

static void
put_bundle (Pipeline *pipeline, const char *names)
{
  g_autofree char *body = g_strdup_printf ("{\"certificateAuthorities\":[%s]}", names);
  g_autoptr(Heard) heard = operate (pipeline, 200, "PUT", BUNDLE, NULL, body);
}

static void
renew (Pipeline *pipeline, const char *device)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_autofree char *csr = make_csr (key, device);
  g_autoptr(Heard) heard = device_provision (pipeline, device, csr);
  g_autoptr(BrevetCertificate) certificate = heard_get_certificate (heard);

  g_assert_nonnull (certificate);
  heard_deliver (pipeline, heard);
}

static void
look (Pipeline *pipeline, const char *device)
{
  g_autoptr(Heard) heard = ask (pipeline, device, .method = "GET", .path = "/trustBundle");

  g_assert_cmpuint (heard->status, ==, 200);
  g_assert_null (g_strstr_len (heard->text, -1, "certificateAuthorit"));
  heard_deliver (pipeline, heard);
}

static gint64
get_int (JsonObject *object, const char *member)
{
  return json_object_get_int_member (object, member);
}

/* How many devices have the current version of the bundle, and how many another one. */
static void
assert_holders (Pipeline *pipeline, gint64 current, gint64 former, gint64 without)
{
  g_autoptr(Heard) status = operate (pipeline, 200, "GET", STATUS, NULL, NULL);
  JsonArray *versions = get_array (status, "versions");
  gint64 counts[2] = { 0, 0 };

  for (guint i = 0; i < json_array_get_length (versions); i++)
    {
      JsonObject *version = json_array_get_object_element (versions, i);

      g_assert_nonnull (json_object_get_array_member (version, "certificates"));
      g_assert_nonnull (json_object_get_string_member (version, "since"));
      counts[json_object_get_boolean_member (version, "isCurrent") ? 0 : 1] += get_int (version, "devices");
    }
  g_assert_cmpint (counts[0], ==, current);
  g_assert_cmpint (counts[1], ==, former);
  g_assert_cmpint (heard_get_int (status, "devicesWithout"), ==, without);
}

static void
assert_users (Pipeline *pipeline, const char *name, gint64 current, gint64 earlier)
{
  g_autofree char *path = g_strconcat ("/certificateAuthorityStatus/", name, NULL);
  g_autoptr(Heard) status = operate (pipeline, 200, "GET", path, NULL, NULL);
  JsonArray *versions = get_array (status, "earlierVersions");
  gint64 count = 0;

  for (guint i = 0; i < json_array_get_length (versions); i++)
    count += get_int (json_array_get_object_element (versions, i), "devices");
  g_assert_cmpint (heard_get_int (status, "devices"), ==, current);
  g_assert_cmpint (count, ==, earlier);
}

static void
make_coming (Pipeline *pipeline)
{
  g_autofree char *directory = g_build_filename (pipeline->directory, "coming", NULL);

  g_assert_cmpint (g_mkdir (directory, 0700), ==, 0);
  g_free (test_authority_write (directory, "Coming Root"));
}

static void
test_window (Pipeline *pipeline, gconstpointer data)
{
  make_coming (pipeline);
  put_bundle (pipeline, "\"plant\"");
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "CN=Plant Root");
  enroll (pipeline, "pump-07", ENROLLMENT);
  enroll (pipeline, "pump-08", ENROLLMENT);
  renew (pipeline, "pump-07");
  renew (pipeline, "pump-08");
  pipeline_let_work (pipeline);
  assert_holders (pipeline, 2, 0, 0);
  assert_users (pipeline, "plant", 2, 0);

  /* The coming CA is named first, and devices learn of it. */
  pipeline_reload (pipeline, NULL, COMING);
  put_bundle (pipeline, "\"plant\",\"coming\"");
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "CN=Plant Root, CN=Coming Root");
  look (pipeline, "pump-07");
  pipeline_let_work (pipeline);
  assert_holders (pipeline, 1, 1, 0);
  look (pipeline, "pump-08");
  pipeline_let_work (pipeline);
  assert_holders (pipeline, 2, 0, 0);

  /* The swap: nobody's root goes. */
  pipeline_reload (pipeline, PLANT_OLD, PLANT_NEW);
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "CN=Coming Root, CN=Plant Root");
  assert_users (pipeline, "plant", 0, 2);
  renew (pipeline, "pump-07");
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "CN=Coming Root, CN=Plant Root");
  assert_users (pipeline, "plant", 1, 1);

  /* The last one moves. */
  renew (pipeline, "pump-08");
  pipeline_let_work (pipeline);
  assert_users (pipeline, "plant", 2, 0);
  assert_roots (pipeline, "CN=Coming Root");
  assert_holders (pipeline, 0, 2, 0);
  g_assert_true (pipeline_logged ("no longer with “CN=Plant Root”"));
}

/* Without naming the coming one first: both roots are there all the same from the swap on, and for as long as the last certificate
 * of the former CA is good, also over a restart. */
static void
test_expiry (Pipeline *pipeline, gconstpointer data)
{
  make_coming (pipeline);
  put_bundle (pipeline, "\"plant\"");
  enroll (pipeline, "pump-07", ENROLLMENT);
  renew (pipeline, "pump-07");
  pipeline_let_work (pipeline);
  pipeline_reload (pipeline, PLANT_OLD, PLANT_NEW);
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "CN=Coming Root, CN=Plant Root");
  pipeline_stop (pipeline);
  pipeline_start (pipeline);
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "CN=Coming Root, CN=Plant Root");
  pipeline_leap (91 * 86400);
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "CN=Coming Root");
}

/* The later dialect has no place for the bundle in its replies: a device that has registered still lacks it, until it asks. */
static void
test_later_dialect (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *body = make_body ("pump-07", NULL);
  g_autofree char *path = NULL;
  g_autoptr(Heard) begun = NULL, final = NULL, bundle = NULL;

  put_bundle (pipeline, "\"plant\"");
  enroll (pipeline, "pump-07", "\"trustBundleId\":\"roots\"");
  begun = ask (pipeline, "pump-07", .version = LATER, .body = body);
  path = g_strconcat ("/operations/", heard_get (begun, "operationId"), NULL);
  final = ask (pipeline, "pump-07", .version = LATER, .method = "GET", .path = path, .prefer = "wait=60");
  assert_assigned (final, NULL);
  heard_deliver (pipeline, final);
  pipeline_let_work (pipeline);
  assert_holders (pipeline, 0, 0, 1);
  bundle = ask (pipeline, "pump-07", .version = LATER, .method = "GET", .path = "/trustBundle");
  g_assert_cmpuint (bundle->status, ==, 200);
  heard_deliver (pipeline, bundle);
  pipeline_let_work (pipeline);
  assert_holders (pipeline, 1, 0, 0);
}

/* What a CA does not say is not taken from anybody, and not made up. */
static void
test_unknown (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) empty = NULL, missing = NULL, held = NULL;

  pipeline_reload (pipeline, NULL, MUTE);
  put_bundle (pipeline, "\"mute\"");
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "");
  enroll (pipeline, "pump-07", ENROLLMENT);
  empty = ask (pipeline, "pump-07", .method = "GET", .path = "/trustBundle");
  g_assert_cmpuint (empty->status, ==, 204);

  put_bundle (pipeline, "\"plant\",\"mute\"");
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "CN=Plant Root");
  missing = operate (pipeline, 400, "PUT", BUNDLE, NULL, "{\"certificateAuthorities\":[\"nobody\"]}");
  g_assert_nonnull (g_strstr_len (missing->text, -1, "nobody"));
  held = operate (pipeline, 404, "GET", "/trustBundleStatus/nothing", NULL, NULL);
}

/* A certificate authority that a bundle names cannot be deleted. */
static void
test_named (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) put = operate (pipeline, 200, "PUT", "/certificateAuthorities/line", NULL,
                                  "{\"certificateAuthorityType\":\"LocalCertificateAuthority\"}");
  g_autoptr(Heard) refused = NULL, gone = NULL;

  put_bundle (pipeline, "\"Line\"");
  refused = operate (pipeline, 409, "DELETE", "/certificateAuthorities/line", NULL, NULL);
  g_assert_nonnull (g_strstr_len (refused->text, -1, "still named by the trust bundle"));
  put_bundle (pipeline, "");
  gone = operate (pipeline, 204, "DELETE", "/certificateAuthorities/line", NULL, NULL);
}

/* From the configuration, beside certificates of its own. */
static void
test_configured (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) bundle = NULL, again = NULL;

  make_coming (pipeline);
  pipeline_reload (pipeline, NULL, "[trust-bundle Roots]\nca=plant\nfile=coming/ca.pem\n");
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "CN=Coming Root, CN=Plant Root");
  bundle = operate (pipeline, 200, "GET", BUNDLE, NULL, NULL);
  pipeline_reload (pipeline, "ca=plant\n", "ca=plant\n#\n");
  pipeline_let_work (pipeline);
  again = operate (pipeline, 200, "GET", BUNDLE, NULL, NULL);
  g_assert_cmpstr (heard_get (again, "etag"), ==, heard_get (bundle, "etag"));
  pipeline_reload (pipeline, "ca=plant\n", "");
  pipeline_let_work (pipeline);
  assert_roots (pipeline, "CN=Coming Root");
}

static void
test_status (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) all = operate (pipeline, 200, "GET", "/certificateAuthorityStatus", NULL, NULL);
  g_autoptr(Heard) missing = operate (pipeline, 404, "GET", "/certificateAuthorityStatus/nobody", NULL, NULL);
  g_autoptr(Heard) unchecked = operate (pipeline, 404, "POST", "/certificateAuthorityStatus/nobody/check", NULL, NULL);
  g_autoptr(Heard) checked = NULL;
  JsonArray *statuses = json_node_get_array (all->node);

  g_assert_cmpuint (json_array_get_length (statuses), ==, 3);
  g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (statuses, 0), "name"), ==, "local");
  g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (statuses, 1), "name"), ==, "plant");
  put_bundle (pipeline, "\"plant\"");
  checked = operate (pipeline, 200, "POST", "/certificateAuthorityStatus/PLANT/check", NULL, NULL);
  g_assert_cmpstr (heard_get (checked, "identity"), ==, "old");
  g_assert_cmpstr (heard_get (checked, "state"), ==, "ok");
  g_assert_cmpstr (heard_get (checked, "circuit"), ==, "closed");
  g_assert_nonnull (heard_get (checked, "checkedAt"));
  g_assert_cmpint (heard_get_int (checked, "queue.maximumQueued"), >, 0);
  g_assert_cmpint (heard_get_int (checked, "pendingRevocations"), ==, 0);
  g_assert_cmpstr (json_array_get_string_element (get_array (checked, "trustBundles"), 0), ==, "roots");
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/trust-window/swap", PLANT_OLD, test_window);
  PIPELINE_TEST ("/trust-window/expiry", PLANT_OLD, test_expiry);
  PIPELINE_TEST ("/trust-window/later-dialect", PLANT_OLD, test_later_dialect);
  PIPELINE_TEST ("/trust-window/unknown", PLANT_OLD, test_unknown);
  PIPELINE_TEST ("/trust-window/named", PLANT_OLD, test_named);
  PIPELINE_TEST ("/trust-window/configured", PLANT_OLD, test_configured);
  PIPELINE_TEST ("/trust-window/status", PLANT_OLD, test_status);
  return g_test_run ();
}
