/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rules of the service API, as an operator with curl meets them. */

#include "brevet-log.h"
#include "service-fixture.h"

#include <string.h>

#define OWN_PRIMARY   "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="
#define OWN_SECONDARY "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

#define PRIMARY "attestation.symmetricKey.primaryKey"

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
    { "GET", "/certificateAuthorityStatus/c", 404, 403, 404 },
    { "GET", "/certificateAuthorityStatus", 200, 403, 200 },
    { "POST", "/certificateAuthorityStatus/c/check", 404, 403, 404 },
    { "GET", "/trustBundleStatus/b", 404, 403, 404 },
    { "GET", "/issuedCertificates", 200, 403, 403 },
    { "GET", "/issuedCertificates/00:11", 404, 403, 403 },
    { "POST", "/issuedCertificates/00:11/revoke", 404, 403, 403 },
    { "GET", "/certificates/c", 404, 403, 404 },
    { "GET", "/certificates", 200, 403, 200 },
    { "PUT", "/certificates/c", 400, 403, 400 },
    { "DELETE", "/certificates/c", 404, 403, 404 },
    { "POST", "/certificates/c/generateVerificationCode", 404, 403, 404 },
    { "POST", "/certificates/c/verify", 404, 403, 404 },
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
  static const char authority[] = "{\"certificateAuthorityType\":\"DigiCertCertificateAuthority\",\"apiKey\":\"0123456789\","
                                  "\"profileName\":\"11112222-3333-4444-5555-666677778888\"}";
  static const char enrollment[] = "{ \"registrationId\": \"mydevice1\", \"attestation\": { \"type\": \"symmetricKey\" }, "
                                   "\"clientCertificateIssuancePolicy\": {\"certificateAuthorityName\":\"myca1\"} }";
  static const char group[] = "{ \"enrollmentGroupId\": \"line-4\", \"attestation\": { \"type\": \"symmetricKey\" },"
                              "\"clientCertificateIssuancePolicy\": {\"certificateAuthorityName\":\"myca1\"}}";
  g_autofree char *bundle = make_bundle_body (service);
  g_autofree char *edited = NULL, *etag = NULL;
  g_autoptr(Answer) created = NULL, changed = NULL, shown = NULL, attached = NULL, lookup = NULL, uploaded = NULL;

  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, authority);

  /* The document's PUTs say If-Match: *, for an enrollment that is there already as well as for the first one. */
  created = expect (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (""));
  changed = expect (service, 200, "PUT", "/enrollments/mydevice1", "*", enrollment);
  g_assert_cmpstr (answer_get (changed, "clientCertificateIssuancePolicy.certificateAuthorityName"), ==, "myca1");
  g_assert_nonnull (answer_get (created, PRIMARY));
  g_assert_cmpstr (answer_get (changed, PRIMARY), ==, answer_get (created, PRIMARY));
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

/* A standby exists, and stays as long as an enrollment counts on it. */
static void
test_standby (Service *service, gconstpointer data)
{
  static const char both[] = ENROLLMENT (",\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"factory\","
                                         "\"standbyCertificateAuthorityName\":\"myca1\"}");
  g_autoptr(Answer) unknown = expect (service, 400, "PUT", "/enrollments/mydevice1", NULL, both);
  g_autoptr(Answer) created = NULL, kept = NULL;

  assert_error_says (unknown, "standbyCertificateAuthorityName “myca1” does not exist");
  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, LOCAL_CA);
  created = expect (service, 200, "PUT", "/enrollments/mydevice1", NULL, both);
  g_assert_cmpstr (answer_get (created, "clientCertificateIssuancePolicy.standbyCertificateAuthorityName"), ==, "myca1");
  kept = expect (service, 409, "DELETE", "/certificateAuthorities/myca1", NULL, NULL);
  assert_error_says (kept, "mydevice1");
  drop (service, 204, "DELETE", "/enrollments/mydevice1", NULL, NULL);
  drop (service, 204, "DELETE", "/certificateAuthorities/myca1", NULL, NULL);
}

/* An operator of the newer dialect and one of the older see the same enrollment, each in his words. */
static void
test_credential_policy (Service *service, gconstpointer data)
{
  static const char newer[] = "/enrollments/mydevice1?" API_2025;
  g_autoptr(Answer) created = NULL, older = NULL, shown = NULL, edited = NULL, unknown = NULL, both = NULL;
  g_autofree char *text = NULL;

  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, LOCAL_CA);
  created = expect (service, 200, "PUT", newer, NULL, ENROLLMENT (",\"credentialPolicyName\":\"myca1\""));
  g_assert_cmpstr (answer_get (created, "credentialPolicyName"), ==, "myca1");
  g_assert_false (json_object_has_member (created->json, "clientCertificateIssuancePolicy"));
  older = expect (service, 200, "GET", "/enrollments/mydevice1", NULL, NULL);
  g_assert_cmpstr (answer_get (older, "clientCertificateIssuancePolicy.certificateAuthorityName"), ==, "myca1");
  g_assert_false (json_object_has_member (older->json, "credentialPolicyName"));
  drop (service, 409, "DELETE", "/certificateAuthorities/myca1", NULL, NULL);

  /* Read, edit, write back. */
  shown = expect (service, 200, "GET", newer, NULL, NULL);
  json_object_set_string_member (shown->json, "deviceId", "pump-07");
  text = json_to_string (shown->node, FALSE);
  edited = expect (service, 200, "PUT", newer, shown->etag, text);
  g_assert_cmpstr (answer_get (edited, "credentialPolicyName"), ==, "myca1");
  g_assert_cmpstr (answer_get (edited, PRIMARY), ==, answer_get (created, PRIMARY));

  unknown = expect (service, 400, "PUT", newer, NULL, ENROLLMENT (",\"credentialPolicyName\":\"noca\""));
  assert_error_says (unknown, "credentialPolicyName “noca” does not exist");
  both = expect (service, 400, "PUT", newer, NULL, ENROLLMENT (",\"credentialPolicyName\":\"myca1\"" NAMES_CA ("noca")));
  assert_error_says (both, "contradicts");
  drop (service, 200, "PUT", newer, NULL, ENROLLMENT (""));
  drop (service, 204, "DELETE", "/certificateAuthorities/myca1", NULL, NULL);
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
      drop (service, 412, "PUT", path, "\"0a00\"", body);
      drop (service, 200, "PUT", path, "*", body);
      drop (service, 204, "DELETE", path, "\"*\"", NULL);

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
    { "/certificateAuthorities/myca1", "{\"certificateAuthorityType\":\"PigeonCertificateAuthority\"}", "“PigeonCert" },
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

static void
test_body_limits (Service *service, gconstpointer data)
{
  g_autoptr(Answer) enrollment = expect (service, 404, "GET", "/enrollments/d", NULL, NULL);
  g_autoptr(Answer) group = expect (service, 404, "GET", "/enrollmentGroups/g", NULL, NULL);
  g_autoptr(Answer) authority = expect (service, 404, "GET", "/certificateAuthorities/c", NULL, NULL);
  g_autoptr(Answer) bundle = expect (service, 404, "GET", "/trustBundles/b", NULL, NULL);

  g_assert_cmpuint (enrollment->body_limit, ==, 64 * 1024);
  g_assert_cmpuint (group->body_limit, ==, 64 * 1024);
  g_assert_cmpuint (authority->body_limit, ==, 64 * 1024);
  g_assert_cmpuint (bundle->body_limit, ==, 512 * 1024);
}

static GString *journal; /* what was logged, a line for each field, when a test wants it */

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize length, gpointer user_data)
{
  if (journal == NULL)
    return g_log_writer_default (level, fields, length, user_data);
  for (gsize i = 0; i < length; i++)
    if (fields[i].length < 0)
      g_string_append_printf (journal, "%s=%s\n", fields[i].key, (const char *) fields[i].value);
  return G_LOG_WRITER_HANDLED;
}

static void
assert_logged (const char *field, const char *value)
{
  g_autofree char *line = g_strdup_printf ("%s=%s\n", field, value);

  if (strstr (journal->str, line) == NULL)
    g_error ("“%s” is missing in: %s", line, journal->str);
}

/* Who changed what from where, and who was refused why; never a key or token. */
static void
test_log (Service *service, gconstpointer data)
{
  journal = g_string_new (NULL);
  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL,
        "{\"registrationId\":\"mydevice1\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":"
        "{\"primaryKey\":\"" OWN_PRIMARY "\"}}}");
  assert_logged ("MESSAGE_ID", BREVET_MESSAGE_OPERATOR_CHANGE);
  assert_logged ("MESSAGE", "Created enrollment mydevice1");
  assert_logged ("BREVET_POLICY", OWNER);
  assert_logged ("BREVET_ADDRESS", "192.0.2.7");
  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (""));
  assert_logged ("MESSAGE", "Replaced enrollment mydevice1");
  drop (service, 204, "DELETE", "/enrollments/mydevice1", NULL, NULL);
  assert_logged ("MESSAGE", "Deleted enrollment mydevice1");

  answer_free (ask (service, READER, "DELETE", "/enrollments/mydevice1", NULL, NULL));
  assert_logged ("MESSAGE_ID", BREVET_MESSAGE_OPERATOR_REFUSED);
  assert_logged ("MESSAGE", "The shared access policy “reader” lacks the right EnrollmentWrite");
  assert_logged ("BREVET_POLICY", READER);
  g_assert_null (strstr (journal->str, OWN_PRIMARY));
  g_assert_null (strstr (journal->str, "sig="));
  g_string_free (g_steal_pointer (&journal), TRUE);
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
  g_log_set_writer_func (write_log, NULL, NULL);
  add ("/service-api/rights", test_rights);
  add ("/service-api/preview-document", test_preview_document);
  add ("/service-api/standby", test_standby);
  add ("/service-api/credential-policy", test_credential_policy);
  add ("/service-api/keys", test_keys);
  add ("/service-api/old-dialect", test_old_dialect);
  add ("/service-api/spelling", test_spelling);
  add ("/service-api/versions", test_versions);
  add ("/service-api/refused", test_refused);
  add ("/service-api/body-limits", test_body_limits);
  add ("/service-api/log", test_log);
  return g_test_run ();
}
