/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Enrollments and trust bundles that stand in the configuration. */

#include "brevet-error.h"
#include "pipeline-fixture.h"

#include <string.h>

#define GROUPS \
  "[enrollment Pump-07]\n" \
  "primary-key=" DEVICE_KEY "\n" \
  "ca=local\n" \
  "hub=hub2.example.net\n" \
  "trust-bundle=plant-roots\n" \
  "[trust-bundle plant-roots]\n" \
  "file=ca.pem\n"

static void
restart (Pipeline *pipeline, const char *old, const char *new)
{
  g_autoptr(GString) text = g_string_new (pipeline->configuration);

  pipeline_stop (pipeline);
  if (old != NULL)
    g_assert_cmpuint (g_string_replace (text, old, new, 1), ==, 1);
  g_free (pipeline->configuration);
  pipeline->configuration = g_strdup (text->str);
  pipeline_start (pipeline);
}

static char *
get_etag (Pipeline *pipeline, const char *path)
{
  g_autoptr(Heard) heard = operate (pipeline, 200, "GET", path, NULL, NULL);

  return g_strdup (brevet_reply_get_header (heard->reply, "etag"));
}

static void
test_as_put (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) shown = operate (pipeline, 200, "GET", "/enrollments/pump-07", NULL, NULL);
  g_autoptr(Heard) final = device_provision (pipeline, "pump-07", csr);

  g_assert_cmpstr (heard_get (shown, "registrationId"), ==, "Pump-07");
  g_assert_cmpstr (heard_get (shown, "trustBundleId"), ==, "plant-roots");
  g_assert_null (strstr (shown->text, DEVICE_KEY));
  assert_assigned (final, "hub2.example.net");
  g_assert_nonnull (heard_get (final, "registrationState.issuedClientCertificate"));
  g_assert_cmpstr (heard_get (final, "registrationState.trustBundle.id"), ==, "plant-roots");
  g_assert_true (pipeline_logged ("Created enrollment Pump-07, as the configuration says"));
  g_assert_true (pipeline_logged ("Created trust bundle plant-roots, as the configuration says"));
}

/* A start that changes nothing writes nothing, also with the key that the service made up for the second slot. */
static void
test_unchanged (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *enrollment = get_etag (pipeline, "/enrollments/pump-07");
  g_autofree char *bundle = get_etag (pipeline, "/trustBundles/plant-roots");
  g_autofree char *enrollment_after = NULL;
  g_autofree char *bundle_after = NULL;

  for (guint i = 0; i < 2; i++)
    restart (pipeline, NULL, NULL);
  enrollment_after = get_etag (pipeline, "/enrollments/pump-07");
  bundle_after = get_etag (pipeline, "/trustBundles/plant-roots");
  g_assert_cmpstr (enrollment_after, ==, enrollment);
  g_assert_cmpstr (bundle_after, ==, bundle);
  g_assert_false (pipeline_logged ("Replaced"));
}

static void
test_changed (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) moved = NULL;

  restart (pipeline, "hub=hub2.example.net", "hub=hub1.example.net");
  g_assert_true (pipeline_logged ("Replaced enrollment Pump-07, as the configuration says"));
  g_assert_false (pipeline_logged ("Replaced trust bundle"));
  moved = device_provision (pipeline, "pump-07", NULL);
  assert_assigned (moved, "hub1.example.net");
}

/* The configuration has the last word at the next start, and none about what it does not know any more. */
static void
test_operator (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) other = NULL, back = NULL, kept = NULL;

  enroll (pipeline, "pump-07", "\"allocationPolicy\":\"static\",\"iotHubHostName\":\"hub1.example.net\"");
  other = device_provision (pipeline, "pump-07", NULL);
  assert_assigned (other, "hub1.example.net");
  restart (pipeline, NULL, NULL);
  back = device_provision (pipeline, "pump-07", NULL);
  assert_assigned (back, "hub2.example.net");
  restart (pipeline, "[enrollment Pump-07]", "[enrollment pump-08]");
  kept = device_provision (pipeline, "pump-07", NULL);
  assert_assigned (kept, "hub2.example.net");
}

static void
test_reload (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(GString) text = g_string_new (pipeline->configuration);
  g_autofree char *before = get_etag (pipeline, "/enrollments/pump-07");
  g_autofree char *between = NULL;
  g_autoptr(BrevetConfig) wrong = NULL;
  g_autoptr(BrevetConfig) right = NULL;
  g_autoptr(Heard) refused = NULL;
  g_autoptr(GError) error = NULL;

  g_string_replace (text, "hub=hub2.example.net", "hub=hub2.example.net\nenabled=no", 1);
  right = brevet_config_new_from_text (text->str, "dps.conf", pipeline->directory, NULL);
  g_string_append (text, "[enrollment pump-09]\nca=local\n");
  wrong = brevet_config_new_from_text (text->str, "dps.conf", pipeline->directory, NULL);

  g_assert_false (brevet_service_reload (pipeline->service, wrong, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_true (g_str_has_prefix (error->message, "dps.conf:"));
  g_assert_nonnull (strstr (error->message, "[enrollment pump-09] primary-key-file"));
  g_clear_error (&error);
  between = get_etag (pipeline, "/enrollments/pump-07");
  g_assert_cmpstr (between, ==, before);

  g_assert_true (brevet_service_reload (pipeline->service, right, &error));
  refused = ask (pipeline, "pump-07");
  assert_error (refused, 401, 401002);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/configured-records/as-put", GROUPS, test_as_put);
  PIPELINE_TEST ("/configured-records/unchanged", GROUPS, test_unchanged);
  PIPELINE_TEST ("/configured-records/changed", GROUPS, test_changed);
  PIPELINE_TEST ("/configured-records/operator", GROUPS, test_operator);
  PIPELINE_TEST ("/configured-records/reload", GROUPS, test_reload);
  return g_test_run ();
}
