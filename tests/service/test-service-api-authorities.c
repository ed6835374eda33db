/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificate authorities and trust bundles: what names them, what stands in the configuration, their secrets, and their lists. */

#include "service-fixture.h"

#include <string.h>

/* What an enrollment names stays as long as it does. */
static void
test_references (Service *service, gconstpointer data)
{
  g_autofree char *bundle = make_bundle_body (service);
  g_autoptr(Answer) authority_kept = NULL, bundle_kept = NULL;

  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, LOCAL_CA);
  drop (service, 200, "PUT", "/trustBundles/roots", NULL, bundle);
  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (NAMES_CA ("MyCa1")));
  drop (service, 200, "PUT", "/enrollmentGroups/line-4", NULL, GROUP (",\"trustBundleId\":\"ROOTS\""));

  authority_kept = expect (service, 409, "DELETE", "/certificateAuthorities/myca1", "*", NULL);
  assert_error_says (authority_kept, "the enrollment “mydevice1”");
  bundle_kept = expect (service, 409, "DELETE", "/trustBundles/roots", NULL, NULL);
  assert_error_says (bundle_kept, "the enrollment group “line-4”");

  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (""));
  drop (service, 204, "DELETE", "/enrollmentGroups/line-4", NULL, NULL);
  drop (service, 204, "DELETE", "/certificateAuthorities/myca1", "*", NULL);
  drop (service, 204, "DELETE", "/trustBundles/roots", NULL, NULL);
}

/* The group [ca Factory] is a certificate authority by itself, until one is stored over it. */
static void
test_configured_authority (Service *service, gconstpointer data)
{
  g_autoptr(Answer) shown = expect (service, 200, "GET", "/certificateAuthorities/factory", NULL, NULL);
  g_autoptr(Answer) kept = expect (service, 409, "DELETE", "/certificateAuthorities/factory", NULL, NULL);
  g_autoptr(Answer) stored = NULL, again = NULL;

  g_assert_cmpstr (answer_get (shown, "name"), ==, "Factory");
  g_assert_cmpstr (answer_get (shown, "certificateAuthorityType"), ==, "LocalCertificateAuthority");
  g_assert_null (shown->etag);
  assert_error_says (kept, "configuration");
  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (NAMES_CA ("factory")));

  drop (service, 412, "PUT", "/certificateAuthorities/factory", "\"0a00\"", LOCAL_CA);
  drop (service, 200, "PUT", "/certificateAuthorities/factory", "*",
        "{\"certificateAuthorityType\":\"DigiCertCertificateAuthority\",\"profileName\":\"p\"}");
  stored = expect (service, 200, "GET", "/certificateAuthorities/factory", NULL, NULL);
  g_assert_cmpstr (answer_get (stored, "certificateAuthorityType"), ==, "DigiCertCertificateAuthority");
  g_assert_nonnull (stored->etag);
  drop (service, 204, "DELETE", "/certificateAuthorities/factory", NULL, NULL);
  again = expect (service, 200, "GET", "/certificateAuthorities/factory", NULL, NULL);
  g_assert_cmpstr (again->text, ==, shown->text);
}

static char *
read_stored (Service *service, const char *collection, const char *key)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record =
    brevet_store_get (wrapping_store_get_inner (WRAPPING_STORE (service->store)), collection, key, &error);

  g_assert_no_error (error);
  return g_strndup (g_bytes_get_data (brevet_record_get_body (record), NULL), g_bytes_get_size (brevet_record_get_body (record)));
}

/* An API key goes in and never comes out again; a PUT without it keeps it. */
static void
test_api_key (Service *service, gconstpointer data)
{
  g_autoptr(Answer) created = expect (service, 200, "PUT", "/certificateAuthorities/myca1", NULL,
                                      "{\"certificateAuthorityType\":\"DigiCertCertificateAuthority\",\"apiKey\":\"0123456789\","
                                      "\"profileName\":\"first\"}");
  g_autoptr(Answer) changed = expect (service, 200, "PUT", "/certificateAuthorities/myca1", created->etag,
                                      "{\"certificateAuthorityType\":\"DigiCertCertificateAuthority\",\"profileName\":\"second\"}");
  g_autoptr(Answer) shown = expect (service, 200, "GET", "/certificateAuthorities/myca1", NULL, NULL);
  g_autoptr(Answer) list = expect (service, 200, "GET", "/certificateAuthorities", NULL, NULL);
  g_autofree char *stored = read_stored (service, "certificate-authorities", "myca1");

  g_assert_null (strstr (created->text, "0123456789"));
  g_assert_null (strstr (changed->text, "0123456789"));
  g_assert_null (strstr (shown->text, "0123456789"));
  g_assert_null (strstr (list->text, "0123456789"));
  g_assert_cmpstr (answer_get (shown, "profileName"), ==, "second");
  g_assert_nonnull (strstr (stored, "0123456789"));
  g_assert_nonnull (strstr (stored, "second"));
}

static void
store_authorities (Service *service, guint number)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = NULL;
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < number; i++)
    {
      g_autofree char *key = g_strdup_printf ("ca-%03u", i);
      g_autofree char *text = g_strdup_printf ("{\"name\":\"%s\",\"certificateAuthorityType\":\"LocalCertificateAuthority\"}", key);
      g_autoptr(GBytes) document = g_bytes_new (text, strlen (text));

      brevet_batch_put (batch, "certificate-authorities", key, NULL, document, BREVET_IF_ABSENT);
    }
  brevet_store_commit (wrapping_store_get_inner (WRAPPING_STORE (service->store)), batch, &error);
  g_assert_no_error (error);
}

static void
test_lists (Service *service, gconstpointer data)
{
  g_autofree char *bundle = make_bundle_body (service);
  g_autoptr(Answer) few = expect (service, 200, "GET", "/certificateAuthorities", NULL, NULL);
  g_autoptr(Answer) none = expect (service, 200, "GET", "/trustBundles", NULL, NULL);
  g_autoptr(Answer) many = NULL, bundles = NULL;
  const char *before = "";

  g_assert_cmpuint (json_array_get_length (json_node_get_array (few->node)), ==, 1);
  g_assert_cmpstr (none->text, ==, "[]");

  store_authorities (service, 405);
  drop (service, 200, "PUT", "/certificateAuthorities/FACTORY", NULL, LOCAL_CA);
  many = expect (service, 200, "GET", "/certificateAuthorities", NULL, NULL);
  g_assert_cmpuint (json_array_get_length (json_node_get_array (many->node)), ==, 406);
  for (guint i = 0; i < 406; i++)
    {
      JsonObject *object = json_array_get_object_element (json_node_get_array (many->node), i);
      const char *name = json_object_get_string_member (object, "name");

      g_assert_cmpint (g_ascii_strcasecmp (before, name), <, 0);
      before = name;
    }

  drop (service, 200, "PUT", "/trustBundles/roots", NULL, bundle);
  bundles = expect (service, 200, "GET", "/trustBundles", NULL, NULL);
  g_assert_cmpuint (json_array_get_length (json_node_get_array (bundles->node)), ==, 1);
}

/* The search for references goes through more than one page. */
static void
test_reference_far_behind (Service *service, gconstpointer data)
{
  g_autoptr(Answer) kept = NULL;

  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, LOCAL_CA);
  for (guint i = 0; i < 230; i++)
    {
      g_autofree char *path = g_strdup_printf ("/enrollments/device-%03u", i);
      g_autofree char *body = g_strdup_printf ("{\"registrationId\":\"device-%03u\","
                                               "\"attestation\":{\"type\":\"symmetricKey\"}%s}", i,
                                               i == 225 ? NAMES_CA ("myca1") : "");

      drop (service, 200, "PUT", path, NULL, body);
    }
  kept = expect (service, 409, "DELETE", "/certificateAuthorities/myca1", NULL, NULL);
  assert_error_says (kept, "“device-225”");
}

static void
add (const char *path, void (*test) (Service *service, gconstpointer data))
{
  g_test_add (path, Service, NULL, service_set_up, test, service_tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/service-api-authorities/references", test_references);
  add ("/service-api-authorities/reference-far-behind", test_reference_far_behind);
  add ("/service-api-authorities/configured-authority", test_configured_authority);
  add ("/service-api-authorities/api-key", test_api_key);
  add ("/service-api-authorities/lists", test_lists);
  return g_test_run ();
}
