/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rules of the service API, as an operator with curl meets them. */

#include "service-fixture.h"

#include <string.h>

#define OWN_PRIMARY   "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="
#define OWN_SECONDARY "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

#define ENROLLMENT(members) "{\"registrationId\":\"mydevice1\",\"attestation\":{\"type\":\"symmetricKey\"}" members "}"
#define GROUP(members)      "{\"enrollmentGroupId\":\"line-4\",\"attestation\":{\"type\":\"symmetricKey\"}" members "}"
#define NAMES_CA(name)      ",\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"" name "\"}"
#define LOCAL_CA            "{\"certificateAuthorityType\":\"LocalCertificateAuthority\"}"

#define PRIMARY "attestation.symmetricKey.primaryKey"

static void
drop (Service *service, guint status, const char *method, const char *path, const char *if_match, const char *body)
{
  answer_free (expect (service, status, method, path, if_match, body));
}

static char *
make_bundle_body (Service *service)
{
  g_auto(GStrv) lines = g_strsplit (service->root_pem, "\n", -1);
  g_autofree char *escaped = g_strjoinv ("\\r\\n", lines);

  return g_strdup_printf ("{\n    \"certificates\": [\n        {\n            \"certificate\": \"%s\"\n        }\n    ]\n}", escaped);
}

/* Who may do what. */
static void
test_rights (Service *service, gconstpointer data)
{
  static const struct {
    const char *method;
    const char *path;
    guint owner, reader, config;
  } rows[] = {
    { "GET", "/enrollments/d", 404, 404, 403 },
    { "PUT", "/enrollments/d", 400, 403, 403 },
    { "DELETE", "/enrollments/d", 404, 403, 403 },
    { "POST", "/enrollments/d/attestationmechanism", 404, 403, 403 },
    { "GET", "/enrollmentGroups/g", 404, 404, 403 },
    { "PUT", "/enrollmentgroups/g", 400, 403, 403 },
    { "DELETE", "/enrollmentGroups/g", 404, 403, 403 },
    { "POST", "/enrollmentGroups/g/attestationmechanism", 404, 403, 403 },
    { "GET", "/certificateAuthorities/c", 404, 403, 404 },
    { "GET", "/certificateAuthorities", 200, 403, 200 },
    { "PUT", "/certificateAuthorities/c", 400, 403, 400 },
    { "DELETE", "/certificateAuthorities/c", 404, 403, 404 },
    { "GET", "/trustBundles/b", 404, 403, 404 },
    { "GET", "/trustBundles", 200, 403, 200 },
    { "PUT", "/trustBundles/b", 400, 403, 400 },
    { "DELETE", "/trustBundles/b", 404, 403, 404 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const char *body = g_str_equal (rows[i].method, "PUT") ? "{}" : NULL;
      g_autoptr(Answer) owner = ask (service, OWNER, rows[i].method, rows[i].path, NULL, body);
      g_autoptr(Answer) reader = ask (service, READER, rows[i].method, rows[i].path, NULL, body);
      g_autoptr(Answer) config = ask (service, CONFIG, rows[i].method, rows[i].path, NULL, body);
      g_autoptr(Answer) stranger = ask (service, NULL, rows[i].method, rows[i].path, NULL, body);
      g_autoptr(Answer) unknown = ask (service, "nobody", rows[i].method, rows[i].path, NULL, body);

      g_test_message ("%s %s", rows[i].method, rows[i].path);
      g_assert_cmpuint (owner->status, ==, rows[i].owner);
      g_assert_cmpuint (reader->status, ==, rows[i].reader);
      g_assert_cmpuint (config->status, ==, rows[i].config);
      g_assert_cmpuint (stranger->status, ==, 401);
      g_assert_cmpuint (unknown->status, ==, 401);
      g_assert_cmpstr (answer_get (stranger, "message"), ==, "Unauthorized");
      assert_error_says (unknown, "Unauthorized");
      if (reader->status == 403)
        assert_error_says (reader, "lacks the right");
    }
}

/* The bodies of the document that the preview came with, in its order. */
static void
test_preview_document (Service *service, gconstpointer data)
{
  static const char authority[] = "{\"certificateAuthorityType\":\"DigiCertCertificateAuthority\",\"apiKey\":\"<api_key>\","
                                  "\"profileName\":\"<profile_id>\"}";
  static const char enrollment[] = "{ \"registrationId\": \"mydevice1\", \"attestation\": { \"type\": \"symmetricKey\" }, "
                                   "\"clientCertificateIssuancePolicy\": {\"certificateAuthorityName\":\"myca1\"} }";
  static const char group[] = "{ \"enrollmentGroupId\": \"line-4\", \"attestation\": { \"type\": \"symmetricKey\" },"
                              "\"clientCertificateIssuancePolicy\": {\"certificateAuthorityName\":\"myca1\"}}";
  g_autofree char *bundle = make_bundle_body (service);
  g_autofree char *edited = NULL, *etag = NULL;
  g_autoptr(Answer) created = NULL, changed = NULL, shown = NULL, attached = NULL, lookup = NULL, uploaded = NULL;

  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, authority);

  /* The enrollments must be there: the document's PUTs say If-Match: *. */
  drop (service, 404, "PUT", "/enrollments/mydevice1", "*", enrollment);
  created = expect (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (""));
  changed = expect (service, 200, "PUT", "/enrollments/mydevice1", "*", enrollment);
  g_assert_cmpstr (answer_get (changed, "clientCertificateIssuancePolicy.certificateAuthorityName"), ==, "myca1");
  g_assert_nonnull (answer_get (created, PRIMARY));
  g_assert_cmpstr (answer_get (changed, PRIMARY), ==, answer_get (created, PRIMARY));
  drop (service, 200, "PUT", "/enrollmentGroups/line-4", NULL, GROUP (""));
  drop (service, 200, "PUT", "/enrollmentGroups/line-4", "*", group);

  uploaded = expect (service, 200, "PUT", "/trustBundles/mytrustbundle1", NULL, bundle);
  g_assert_cmpstr (answer_get (uploaded, "id"), ==, "mytrustbundle1");
  g_assert_nonnull (strstr (uploaded->text, "CN=Factory Root"));

  /* Read, edit, write back with the etag. */
  shown = expect (service, 200, "GET", "/enrollments/mydevice1", NULL, NULL);
  g_assert_null (answer_get (shown, PRIMARY));
  json_object_set_string_member (shown->json, "trustBundleId", "mytrustbundle1");
  edited = json_to_string (shown->node, FALSE);
  etag = g_strdup_printf ("\"%s\"", shown->etag);
  attached = expect (service, 200, "PUT", "/enrollments/mydevice1", etag, edited);
  g_assert_cmpstr (answer_get (attached, "trustBundleId"), ==, "mytrustbundle1");
  g_assert_cmpstr (answer_get (attached, "clientCertificateIssuancePolicy.certificateAuthorityName"), ==, "myca1");
  g_assert_cmpstr (attached->etag, !=, shown->etag);
  drop (service, 412, "PUT", "/enrollments/mydevice1", etag, edited);

  lookup = expect (service, 200, "POST", "/enrollments/mydevice1/attestationmechanism", NULL, NULL);
  g_assert_cmpstr (answer_get (lookup, "type"), ==, "symmetricKey");
  g_assert_cmpstr (answer_get (lookup, "symmetricKey.primaryKey"), ==, answer_get (created, PRIMARY));
}

static void
test_keys (Service *service, gconstpointer data)
{
  static const char own[] = "{\"registrationId\":\"mydevice1\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":"
                            "{\"primaryKey\":\"" OWN_PRIMARY "\",\"secondaryKey\":\"" OWN_SECONDARY "\"}}}";
  g_autoptr(Answer) created = expect (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (""));
  g_autoptr(Answer) replaced = expect (service, 200, "PUT", "/enrollments/mydevice1", NULL, own);
  g_autoptr(Answer) kept = expect (service, 200, "PUT", "/enrollments/mydevice1", NULL,
                                   ENROLLMENT (",\"provisioningStatus\":\"disabled\""));
  g_autoptr(Answer) shown = expect (service, 200, "GET", "/enrollments/mydevice1", NULL, NULL);
  g_autoptr(Answer) lookup = expect (service, 200, "POST", "/enrollments/mydevice1/attestationmechanism", NULL, NULL);

  g_assert_cmpuint (strlen (answer_get (created, PRIMARY)), ==, 88);
  g_assert_cmpstr (answer_get (created, PRIMARY), !=, answer_get (created, "attestation.symmetricKey.secondaryKey"));
  g_assert_cmpstr (answer_get (replaced, PRIMARY), ==, OWN_PRIMARY);
  g_assert_cmpstr (answer_get (kept, PRIMARY), ==, OWN_PRIMARY);
  g_assert_cmpstr (answer_get (kept, "attestation.symmetricKey.secondaryKey"), ==, OWN_SECONDARY);
  g_assert_cmpstr (answer_get (shown, "provisioningStatus"), ==, "disabled");
  g_assert_cmpstr (answer_get (shown, "attestation.type"), ==, "symmetricKey");
  g_assert_null (strstr (shown->text, OWN_PRIMARY));
  g_assert_null (strstr (shown->text, OWN_SECONDARY));
  g_assert_cmpstr (answer_get (lookup, "symmetricKey.secondaryKey"), ==, OWN_SECONDARY);
}

/* Types that an old api-version does not know survive a PUT of an old tool. */
static void
test_old_dialect (Service *service, gconstpointer data)
{
  g_autofree char *bundle = make_bundle_body (service);
  g_autoptr(Answer) changed = NULL, removed = NULL;

  drop (service, 200, "PUT", "/trustBundles/roots", NULL, bundle);
  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (NAMES_CA ("factory") ",\"trustBundleId\":\"roots\""));
  changed = expect (service, 200, "PUT", "/enrollments/mydevice1?" API_STABLE, NULL, ENROLLMENT (""));
  g_assert_cmpstr (answer_get (changed, "clientCertificateIssuancePolicy.certificateAuthorityName"), ==, "factory");
  g_assert_cmpstr (answer_get (changed, "trustBundleId"), ==, "roots");
  removed = expect (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (""));
  g_assert_null (answer_get (removed, "trustBundleId"));
}

static void
test_spelling (Service *service, gconstpointer data)
{
  g_autoptr(Answer) created = expect (service, 200, "PUT", "/enrollments/MyDevice1/", NULL,
                                      "{\"registrationId\":\"MyDevice1\",\"attestation\":{\"type\":\"symmetricKey\"}}");
  g_autoptr(Answer) changed = expect (service, 200, "PUT", "/enrollments/mydevice1", "*", ENROLLMENT (""));
  g_autoptr(Answer) shown = expect (service, 200, "GET", "/ENROLLMENTS/MYDEVICE1", NULL, NULL);

  g_assert_cmpstr (answer_get (changed, "registrationId"), ==, "MyDevice1");
  g_assert_cmpstr (answer_get (shown, "registrationId"), ==, "MyDevice1");
  g_assert_cmpstr (answer_get (shown, "createdDateTimeUtc"), ==, answer_get (created, "createdDateTimeUtc"));
  g_assert_cmpstr (answer_get (shown, "lastUpdatedDateTimeUtc"), ==, answer_get (changed, "lastUpdatedDateTimeUtc"));
  g_assert_cmpstr (shown->etag, ==, changed->etag);
  drop (service, 204, "DELETE", "/enrollments/mydevice1", NULL, NULL);
}

typedef struct {
  const char *path;
  const char *body; /* NULL: a trust bundle */
} Kind;

static const Kind kinds[] = {
  { "/enrollments/mydevice1", ENROLLMENT ("") },
  { "/enrollmentGroups/line-4", GROUP ("") },
  { "/certificateAuthorities/myca1", LOCAL_CA },
  { "/trustBundles/roots", NULL },
};

/* Every spelling of If-Match, against the current version, an old one, and nothing. */
static void
test_versions (Service *service, gconstpointer data)
{
  static const char *const spellings[] = { "%s", "\"%s\"", "\"\"%s\"\"", "W/\"%s\"", " \"%s\" " };
  g_autofree char *bundle = make_bundle_body (service);

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      const char *path = kinds[i].path, *body = kinds[i].body != NULL ? kinds[i].body : bundle;
      g_autoptr(Answer) first = NULL, shown = NULL;
      g_autofree char *current = NULL;

      drop (service, 404, "GET", path, NULL, NULL);
      drop (service, 404, "DELETE", path, NULL, NULL);
      drop (service, 404, "DELETE", path, "*", NULL);
      drop (service, 404, "DELETE", path, "\"0a00\"", NULL);
      drop (service, 404, "PUT", path, "*", body);
      drop (service, 404, "PUT", path, "\"*\"", body);
      drop (service, 412, "PUT", path, "\"0a00\"", body);

      first = expect (service, 200, "PUT", path, NULL, body);
      current = g_strdup (first->etag);
      g_assert_nonnull (current);
      for (gsize j = 0; j < G_N_ELEMENTS (spellings); j++)
        {
          g_auto(GStrv) parts = g_strsplit (spellings[j], "%s", 2);
          g_autofree char *if_match = g_strjoinv (current, parts);
          g_autoptr(Answer) next = expect (service, 200, "PUT", path, if_match, body);

          g_assert_cmpstr (next->etag, !=, current);
          drop (service, 412, "PUT", path, if_match, body);
          drop (service, 412, "DELETE", path, if_match, NULL);
          g_free (current);
          current = g_strdup (next->etag);
        }
      shown = expect (service, 200, "GET", path, NULL, NULL);
      g_assert_cmpstr (shown->etag, ==, current);
      drop (service, 200, "PUT", path, "\"*\"", body);
      drop (service, 412, "DELETE", path, current, NULL);
      drop (service, 204, "DELETE", path, "*", NULL);
      drop (service, 404, "GET", path, NULL, NULL);
    }
}

/* What is refused, and that the message says what to change. Nothing of it is stored. */
static void
test_refused (Service *service, gconstpointer data)
{
  static const struct {
    const char *path;
    const char *body;
    const char *words;
  } rows[] = {
    { "/enrollments/mydevice1", ENROLLMENT (NAMES_CA ("noca")), "certificateAuthorityName “noca”" },
    { "/enrollments/mydevice1", ENROLLMENT (",\"trustBundleId\":\"nobundle\""), "trustBundleId “nobundle”" },
    { "/enrollmentGroups/line-4", GROUP (NAMES_CA ("noca")), "certificateAuthorityName “noca”" },
    { "/enrollments/mydevice1", ENROLLMENT (",\"iotHubs\":[\"hub1.example.net\",\"hub9.example.net\"]"),
      "“hub9.example.net” is not linked to this service; linked are: hub1.example.net, hub2.example.net" },
    { "/enrollments/mydevice1", ENROLLMENT (",\"allocationPolicy\":\"static\",\"iotHubHostName\":\"hub9.example.net\""),
      "hub9.example.net" },
    { "/enrollments/mydevice1", ENROLLMENT (",\"allocationPolicy\":\"custom\",\"customAllocationDefinition\":{\"webhookUrl\":"
      "\"https://alloc.example.net/\",\"apiVersion\":\"2021-10-01\"}"), "custom" },
    { "/enrollments/mydevice1", ENROLLMENT (",\"allocationPolicy\":\"nearest\""), "allocationPolicy" },
    { "/enrollments/mydevice1", "{\"registrationId\":\"mydevice1\",\"attestation\":{\"type\":\"carrierPigeon\"}}", "" },
    { "/enrollments/mydevice1", "{\"registrationId\":\"mydevice1\"}", "attestation" },
    { "/enrollments/mydevice1", "{\"registrationId\":\"mydevice1\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":"
      "{\"primaryKey\":\"AAEC\"}}}", "primaryKey" },
    { "/enrollments/other", ENROLLMENT (""), "registrationId" },
    { "/enrollmentGroups/other", GROUP (""), "enrollmentGroupId" },
    { "/enrollments/mydevice1", "", "" },
    { "/enrollments/mydevice1", "{\"registrationId\":", "" },
    { "/enrollments/mydevice1", "[]", "" },
    { "/certificateAuthorities/myca1", "{\"certificateAuthorityType\":\"PigeonCertificateAuthority\"}", "PigeonCertificateAuthority" },
    { "/certificateAuthorities/myca1", "{\"apiKey\":\"0123456789\"}", "certificateAuthorityType" },
    { "/certificateAuthorities/myca1", "{\"certificateAuthorityType\":\"LocalCertificateAuthority\",\"profileName\":\"other\"}",
      "there are: Factory" },
    { "/trustBundles/roots", "{\"certificates\": [{\"certificate\": \"-----BEGIN CERTIFICATE-----\\r\\nsome content\\r\\n"
      "-----END CERTIFICATE-----\\r\\n\"}]}", "" },
    { "/trustBundles/roots", "{\"certificates\":\"all\"}", "certificates" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr(Answer) refused = expect (service, 400, "PUT", rows[i].path, NULL, rows[i].body);

      assert_error_says (refused, rows[i].words);
      g_assert_null (strstr (refused->text, "0123456789"));
      drop (service, 404, "GET", rows[i].path, NULL, NULL);
    }
}

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
  g_autoptr(BrevetRecord) record = brevet_store_get (interposed_store_get_real (service->store), collection, key, &error);

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
  brevet_store_commit (interposed_store_get_real (service->store), batch, &error);
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
      g_autofree char *body = g_strdup_printf ("{\"registrationId\":\"device-%03u\",\"attestation\":{\"type\":\"symmetricKey\"}%s}", i,
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
  add ("/service-api/rights", test_rights);
  add ("/service-api/preview-document", test_preview_document);
  add ("/service-api/keys", test_keys);
  add ("/service-api/old-dialect", test_old_dialect);
  add ("/service-api/spelling", test_spelling);
  add ("/service-api/versions", test_versions);
  add ("/service-api/refused", test_refused);
  add ("/service-api/references", test_references);
  add ("/service-api/reference-far-behind", test_reference_far_behind);
  add ("/service-api/configured-authority", test_configured_authority);
  add ("/service-api/api-key", test_api_key);
  add ("/service-api/lists", test_lists);
  return g_test_run ();
}
