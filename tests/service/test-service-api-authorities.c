/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificate authorities and trust bundles: what names them, what stands in the configuration, their secrets, and their lists. */

#include "service-fixture.h"

#include "authority-versions.h"
#include "brevet-ca-error.h"
#include "brevet-error.h"
#include "test-wait.h"

#include <glib/gstdio.h>
#include <string.h>

#define PROFILE_1 "11112222-3333-4444-5555-666677778888"
#define PROFILE_2 "99992222-3333-4444-5555-666677778888"
#define OBJECT(type, profile, more) \
  "{\"certificateAuthorityType\":\"" type "CertificateAuthority\",\"profileName\":\"" profile "\"" more "}"
#define DIGICERT(profile, more) OBJECT ("DigiCert", profile, more)
#define MEMBERS(profile, more) OBJECT ("Members", profile, more)

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
        "{\"certificateAuthorityType\":\"DigiCertCertificateAuthority\",\"profileName\":\"" PROFILE_1 "\",\"apiKey\":\"k\"}");
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
                                      "\"profileName\":\"" PROFILE_1 "\"}");
  g_autoptr(Answer) changed = expect (service, 200, "PUT", "/certificateAuthorities/myca1", created->etag,
                                      DIGICERT (PROFILE_2, ""));
  g_autoptr(Answer) shown = expect (service, 200, "GET", "/certificateAuthorities/myca1", NULL, NULL);
  g_autoptr(Answer) list = expect (service, 200, "GET", "/certificateAuthorities", NULL, NULL);
  g_autofree char *stored = read_stored (service, "certificate-authorities", "myca1");

  g_assert_null (strstr (created->text, "0123456789"));
  g_assert_null (strstr (changed->text, "0123456789"));
  g_assert_null (strstr (shown->text, "0123456789"));
  g_assert_null (strstr (list->text, "0123456789"));
  g_assert_cmpstr (answer_get (shown, "profileName"), ==, PROFILE_2);
  g_assert_null (strstr (stored, "0123456789"));
  g_assert_nonnull (strstr (stored, PROFILE_2));
}

static BrevetAuthority *
resolve (Service *service, const char *name, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_authority_pool_resolve_async (service->context->authorities, name, NULL, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_authority_pool_resolve_finish (service->context->authorities, result, error);
}

static BrevetSettings *
get_settings (BrevetAuthority *authority)
{
  return brevet_plugin_get_settings (BREVET_PLUGIN (authority->backend));
}

/* Looks at every byte that the service has written down, whatever the file. */
static gboolean
is_written_down (Service *service, const char *text)
{
  g_autoptr(GDir) directory = g_dir_open (service->directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename (service->directory, name, NULL);
      g_autofree char *content = NULL;
      gsize length;

      if (!g_file_get_contents (path, &content, &length, NULL))
        continue;
      if (memmem (content, length, text, strlen (text)) != NULL)
        return TRUE;
    }
  return FALSE;
}

/* Neither the document nor what is kept of a CA that was asked has the key in it: not in the database, not in its log. */
static void
test_sealed_at_rest (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority = NULL;

  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, MEMBERS ("p-1", ",\"apiKey\":\"very-secret-1\""));
  authority = resolve (service, "myca1", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_settings_peek (get_settings (authority), "api-key"), ==, "very-secret-1");
  g_assert_true (is_written_down (service, "MembersCertificateAuthority"));
  g_assert_true (is_written_down (service, "members p-1"));
  g_assert_false (is_written_down (service, "very-secret-1"));
}

static void
store_body (Service *service, const char *key, const char *text)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new (text, strlen (text));
  g_autoptr(GError) error = NULL;

  brevet_batch_put (batch, "certificate-authorities", key, NULL, body, NULL);
  brevet_store_commit (BREVET_STORE (service->store), batch, &error);
  g_assert_no_error (error);
}

/* What was stored before there was a seal gets one when the service starts. */
static void
test_former_documents (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority = NULL;
  g_autofree char *stored = NULL;

  store_body (service, "old", "{\"name\":\"Old\",\"certificateAuthorityType\":\"MembersCertificateAuthority\","
              "\"apiKey\":\"plain-key\"}");
  g_assert_true (is_written_down (service, "plain-key"));
  g_assert_true (brevet_authority_pool_seal_stored (service->context->authorities, &error));
  g_assert_no_error (error);
  stored = read_stored (service, "certificate-authorities", "old");
  g_assert_null (strstr (stored, "plain-key"));
  authority = resolve (service, "OLD", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (authority->name, ==, "Old");
  g_assert_cmpstr (brevet_settings_peek (get_settings (authority), "api-key"), ==, "plain-key");
  /* At once, while the database is in use. */
  g_assert_false (is_written_down (service, "plain-key"));
}

/* Whoever can write into the database cannot move a key to where it would be sent to another host. */
static void
test_moved_key (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *stored = NULL;
  g_auto(GStrv) parts = NULL;
  g_autofree char *moved = NULL;

  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, MEMBERS ("p-1", ",\"apiKey\":\"very-secret-1\""));
  stored = read_stored (service, "certificate-authorities", "myca1");
  parts = g_strsplit (stored, "\"myca1\"", -1);
  g_assert_cmpuint (g_strv_length (parts), ==, 2);
  moved = g_strjoinv ("\"other\"", parts);
  store_body (service, "other", moved);
  g_assert_null (resolve (service, "other", &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "sealed for another place"));
}

static void
make_context_anew (Service *service, const char *more)
{
  g_autofree char *text = g_strconcat ("[service]\nid-scope=0ne000A1B2C\nhost-names=dps.example.net\n[store main]\nfile=store.db\n"
                                       "[policy " OWNER "]\nprimary-key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", more,
                                       NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (text, "dps.conf", service->directory, &error);

  g_assert_no_error (error);
  g_clear_pointer (&service->context, brevet_service_context_unref);
  service->context = brevet_service_context_new (config, service->registry, BREVET_STORE (service->store), NULL, NULL, &error);
  g_assert_no_error (error);
  brevet_authority_pool_seal_stored (service->context->authorities, &error);
  g_assert_no_error (error);
}

/* A lost key is not replaced by a new one, which would hide the loss; what needs it says so, and all else goes on. */
static void
test_lost_key (Service *service, gconstpointer data)
{
  g_autofree char *path = g_build_filename (service->directory, "secrets.key", NULL);
  g_autofree char *kept = g_build_filename (service->directory, "elsewhere", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(Answer) shown = NULL, refused = NULL;
  g_autoptr(BrevetAuthority) back = NULL, usable = NULL;

  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, MEMBERS ("p-1", ",\"apiKey\":\"very-secret-1\""));
  g_assert_cmpint (g_rename (path, kept), ==, 0);
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  make_context_anew (service, "");
  g_assert_null (resolve (service, "myca1", &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, path));
  shown = expect (service, 200, "GET", "/certificateAuthorities/myca1", NULL, NULL);
  refused = ask (service, OWNER, "PUT", "/certificateAuthorities/other", NULL, MEMBERS ("p-1", ",\"apiKey\":\"new\""));
  g_assert_cmpuint (refused->status, >=, 400);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));

  /* What the log then says to do for one that is lost for good. */
  g_assert_true (g_file_set_contents (path, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", -1, NULL));
  g_assert_cmpint (g_chmod (path, 0600), ==, 0);
  make_context_anew (service, "");
  drop (service, 200, "PUT", "/certificateAuthorities/other", NULL, MEMBERS ("p-1", ",\"apiKey\":\"very-secret-2\""));
  g_clear_error (&error);
  usable = resolve (service, "other", &error);
  g_assert_no_error (error);

  g_assert_cmpint (g_rename (kept, path), ==, 0);
  make_context_anew (service, "");
  g_clear_error (&error);
  back = resolve (service, "myca1", &error);
  g_assert_no_error (error);
}

/* All that an object may say is said by profileName and apiKey; where the key goes is not among it. */
static void
test_host_is_pinned (Service *service, gconstpointer data)
{
  static const char *const tries[] = {
    ",\"endpoint\":\"https://thief.example\"", ",\"Endpoint\":\"https://thief.example\"", ",\"host\":\"thief.example\"",
    ",\"url\":\"https://thief.example\"", ",\"proxy\":\"http://thief.example:3128\"", ",\"ca-file\":\"/tmp/thief.pem\"",
    ",\"caFile\":\"/tmp/thief.pem\"", ",\"settings\":{\"endpoint\":\"https://thief.example\"}", ",\"type\":\"digicert\"",
    ",\"api-key-file\":\"/etc/shadow\"", ",\"sealedApiKey\":\"AAAA\"", ",\"name\":\"factory\"",
  };
  const char *const bad_profiles[] = {
    "p-1 endpoint=https://thief.example", "p-1\\nendpoint=https://thief.example x",
  };
  g_autoptr(GError) error = NULL;

  make_context_anew (service, "[plugin ca-members]\nendpoint=https://ca.plant.example\n");
  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, MEMBERS ("p-1", ",\"apiKey\":\"very-secret-1\""));
  for (gsize i = 0; i < G_N_ELEMENTS (tries); i++)
    {
      g_autofree char *body = g_strdup_printf (MEMBERS ("p-%" G_GSIZE_FORMAT, "%s"), i, tries[i]);
      g_autoptr(Answer) answer = ask (service, OWNER, "PUT", "/certificateAuthorities/myca1", NULL, body);
      g_autoptr(BrevetAuthority) authority = resolve (service, "myca1", &error);
      g_autoptr(GPtrArray) keys = NULL;

      g_assert_no_error (error);
      g_assert_true (answer->status == 200 || answer->status == 400);
      g_assert_null (strstr (answer->text, "very-secret-1"));
      keys = brevet_settings_list_keys (get_settings (authority));
      g_assert_cmpuint (keys->len, ==, 3);
      g_assert_cmpstr (brevet_settings_peek (get_settings (authority), "endpoint"), ==, "https://ca.plant.example");
      g_assert_cmpstr (brevet_settings_peek (get_settings (authority), "api-key"), ==, "very-secret-1");
      g_assert_cmpstr (authority->name, ==, "myca1");
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad_profiles); i++)
    {
      g_autofree char *body = g_strdup_printf (MEMBERS ("%s", ""), bad_profiles[i]);
      g_autoptr(Answer) answer = expect (service, 400, "PUT", "/certificateAuthorities/myca1", NULL, body);

      assert_error_says (answer, "profileName");
      g_assert_null (strstr (answer->text, "very-secret-1"));
    }
}

/* A key is for the plugin that it was given to. */
static void
test_kept_key_and_type (Service *service, gconstpointer data)
{
  g_autoptr(Answer) without = NULL;
  g_autofree char *stored = NULL;

  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, MEMBERS ("p-1", ",\"apiKey\":\"very-secret-1\""));
  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, MEMBERS ("p-2", ""));
  without = expect (service, 400, "PUT", "/certificateAuthorities/myca1", NULL, DIGICERT (PROFILE_1, ""));
  assert_error_says (without, "apiKey");
  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL, OBJECT ("Local", "factory", ""));
  stored = read_stored (service, "certificate-authorities", "myca1");
  g_assert_null (strstr (stored, "ApiKey"));
}

/* What the plugin would not take is refused when it is sent, and the answer says which member it is. */
static void
test_wrong_members (Service *service, gconstpointer data)
{
  static const struct {
    const char *body;
    const char *words;
  } mistakes[] = {
    { DIGICERT ("p", ",\"apiKey\":\"k\""), "profileName" },
    { DIGICERT ("2.16.840.1.113733.1.16.1", ",\"apiKey\":\"k\""), "PKI Platform 8" },
    { DIGICERT (PROFILE_1, ""), "apiKey" },
    { DIGICERT (PROFILE_1, ",\"apiKey\":\"\\\"0123456789\\\"\""), "quotes" },
    { DIGICERT (PROFILE_1, ",\"apiKey\":\"0123456789 \""), "blanks" },
    { DIGICERT (PROFILE_1, ",\"apiKey\":\"\""), "apiKey" },
    { DIGICERT (PROFILE_1, ",\"apiKey\":7"), "apiKey" },
    { DIGICERT ("IOT_" PROFILE_1, ",\"apiKey\":\"k\""), "trust" },
    { "{\"certificateAuthorityType\":\"DigiCertCertificateAuthority\",\"apiKey\":\"0123456789\"}", "profile" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autoptr(Answer) answer = expect (service, 400, "PUT", "/certificateAuthorities/myca1", NULL, mistakes[i].body);

      assert_error_says (answer, mistakes[i].words);
      g_assert_null (strstr (answer->text, "0123456789"));
      drop (service, 404, "GET", "/certificateAuthorities/myca1", NULL, NULL);
    }
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
  add ("/service-api-authorities/sealed-at-rest", test_sealed_at_rest);
  add ("/service-api-authorities/former-documents", test_former_documents);
  add ("/service-api-authorities/moved-key", test_moved_key);
  add ("/service-api-authorities/lost-key", test_lost_key);
  add ("/service-api-authorities/host-is-pinned", test_host_is_pinned);
  add ("/service-api-authorities/kept-key-and-type", test_kept_key_and_type);
  if (g_strcmp0 (g_getenv ("CA_DIGICERT"), "1") == 0)
    add ("/service-api-authorities/wrong-members", test_wrong_members);
  return g_test_run ();
}
