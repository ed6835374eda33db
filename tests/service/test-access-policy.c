/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may use the service API: tokens in every spelling that the SDKs send, and everything that must not open the door. */

#include "access-policy.h"
#include "brevet-error.h"
#include "brevet-sas-token.h"

#include <glib/gstdio.h>
#include <string.h>

#define NOW G_GINT64_CONSTANT (1893456000)

/* Bytes 00…1f, 20…3f and 40…5f. */
#define OWNER_PRIMARY   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OWNER_SECONDARY "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define READER_PRIMARY  "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="

#define OWNER "provisioningserviceowner"

#define ENROLLMENT_PATH "/enrollments/pump-07"

static const char *const host_names[] = { "dps.example.net", "dps-2.example.net", NULL };

static BrevetAccessPolicies *
load (const char *text, GError **error)
{
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (text, "dps.conf", NULL, error);

  return config != NULL ? brevet_access_policies_new (config, host_names, error) : NULL;
}

static BrevetAccessPolicies *
load_sample (void)
{
  g_autoptr(GError) error = NULL;
  BrevetAccessPolicies *policies = load ("[policy provisioningserviceowner]\n"
                                         "primary-key=" OWNER_PRIMARY "\n"
                                         "secondary-key=" OWNER_SECONDARY "\n"
                                         "[policy reader]\n"
                                         "rights=enrollmentread;RegistrationStatusRead\n"
                                         "primary-key=" READER_PRIMARY "\n", &error);

  g_assert_no_error (error);
  g_assert_nonnull (policies);
  return policies;
}

static char *
make_token (const char *resource, const char *key, gint64 expiry, const char *policy)
{
  g_autoptr(BrevetSecret) secret = brevet_secret_new_from_base64 (key, NULL);

  return brevet_sas_token_create (resource, secret, expiry, policy);
}

typedef struct {
  const char *name;
  const char *resource;
  const char *key;
  gint64 lifetime;
  const char *policy;
  BrevetRights needed;
  int refusal; /* -1 for none */
  const char *message;
} Case;

static const Case cases[] = {
  { "primary-key", "dps.example.net", OWNER_PRIMARY, 60, OWNER, BREVET_RIGHT_SERVICE_CONFIG, -1, NULL },
  { "secondary-key", "dps.example.net", OWNER_SECONDARY, 60, OWNER, BREVET_RIGHT_ENROLLMENT_WRITE, -1, NULL },
  { "other-name-of-the-service", "dps-2.example.net", OWNER_PRIMARY, 60, OWNER, BREVET_RIGHT_ENROLLMENT_READ, -1, NULL },
  { "host-in-other-case", "DPS.Example.net", OWNER_PRIMARY, 60, OWNER, BREVET_RIGHT_ENROLLMENT_READ, -1, NULL },
  { "host-and-path", "dps.example.net/enrollments", OWNER_PRIMARY, 60, OWNER, BREVET_RIGHT_ENROLLMENT_READ, -1, NULL },
  { "within-grace", "dps.example.net", OWNER_PRIMARY, -BREVET_SAS_GRACE, OWNER, BREVET_RIGHT_ENROLLMENT_READ, -1, NULL },
  { "reader-reads", "dps.example.net", READER_PRIMARY, 60, "reader", BREVET_RIGHT_ENROLLMENT_READ, -1, NULL },
  { "reader-writes", "dps.example.net", READER_PRIMARY, 60, "reader", BREVET_RIGHT_ENROLLMENT_WRITE, BREVET_ERROR_UNSUPPORTED,
    "EnrollmentWrite" },
  { "reader-configures", "dps.example.net", READER_PRIMARY, 60, "reader", BREVET_RIGHT_SERVICE_CONFIG, BREVET_ERROR_UNSUPPORTED,
    "ServiceConfig" },
  { "key-of-another-policy", "dps.example.net", READER_PRIMARY, 60, OWNER, BREVET_RIGHT_ENROLLMENT_READ, BREVET_ERROR_REJECTED,
    "not signed" },
  { "unknown-policy", "dps.example.net", OWNER_PRIMARY, 60, "nobody", BREVET_RIGHT_ENROLLMENT_READ, BREVET_ERROR_REJECTED,
    "nobody" },
  { "no-policy", "dps.example.net", OWNER_PRIMARY, 60, NULL, BREVET_RIGHT_ENROLLMENT_READ, BREVET_ERROR_REJECTED, "skn" },
  { "empty-policy", "dps.example.net", OWNER_PRIMARY, 60, "", BREVET_RIGHT_ENROLLMENT_READ, BREVET_ERROR_REJECTED, "skn" },
  { "expired", "dps.example.net", OWNER_PRIMARY, -BREVET_SAS_GRACE - 1, OWNER, BREVET_RIGHT_ENROLLMENT_READ, BREVET_ERROR_REJECTED,
    "expired 301 s ago" },
  { "other-service", "dps.example.org", OWNER_PRIMARY, 60, OWNER, BREVET_RIGHT_ENROLLMENT_READ, BREVET_ERROR_REJECTED,
    "dps.example.org" },
  { "other-path", "dps.example.net/trustBundles", OWNER_PRIMARY, 60, OWNER, BREVET_RIGHT_ENROLLMENT_READ, BREVET_ERROR_REJECTED,
    "trustBundles" },
  { "half-a-segment", "dps.example.net/enroll", OWNER_PRIMARY, 60, OWNER, BREVET_RIGHT_ENROLLMENT_READ, BREVET_ERROR_REJECTED,
    "not for this service and path" },
  { "device-token", "0ne000A1B2C/registrations/pump-07", OWNER_PRIMARY, 60, "registration", BREVET_RIGHT_ENROLLMENT_READ,
    BREVET_ERROR_REJECTED, "registration" },
};

static void
test_token (gconstpointer data)
{
  const Case *one = data;
  g_autoptr(BrevetAccessPolicies) policies = load_sample ();
  g_autofree char *token = make_token (one->resource, one->key, NOW + one->lifetime, one->policy);
  g_autofree char *policy = NULL;
  g_autoptr(GError) error = NULL;
  gboolean good = brevet_access_policies_authorise (policies, token, ENROLLMENT_PATH, one->needed, NOW, &policy, &error);

  g_assert_cmpstr (policy, ==, one->policy);
  if (one->refusal < 0)
    {
      g_assert_no_error (error);
      g_assert_true (good);
      return;
    }
  g_assert_false (good);
  g_assert_error (error, BREVET_ERROR, one->refusal);
  g_assert_nonnull (strstr (error->message, one->message));
  g_assert_null (strstr (error->message, "sig="));
}

static void
test_no_token (void)
{
  static const char *const texts[] = {
    NULL, "", "Bearer eyJhbGciOi", "SharedAccessSignature ", "SharedAccessSignature sr=x&sig=%%&se=y",
  };
  g_autoptr(BrevetAccessPolicies) policies = load_sample ();

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *policy = NULL;
      g_autoptr(GError) error = NULL;

      g_assert_false (brevet_access_policies_authorise (policies, texts[i], ENROLLMENT_PATH, BREVET_RIGHT_ENROLLMENT_READ, NOW,
                                                        &policy, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
      g_assert_null (policy);
    }
}

/* A token made elsewhere, not by our own code: the resource raw, the policy in the middle. */
static void
test_foreign_token (void)
{
  g_autoptr(BrevetAccessPolicies) policies = load_sample ();
  g_autoptr(GHmac) hmac = NULL;
  g_autofree guchar *key = NULL;
  g_autofree char *signature = NULL, *escaped = NULL, *token = NULL, *policy = NULL;
  g_autoptr(GError) error = NULL;
  guint8 digest[32];
  gsize length = 0;

  key = g_base64_decode (OWNER_PRIMARY, &length);
  hmac = g_hmac_new (G_CHECKSUM_SHA256, key, length);
  g_hmac_update (hmac, (const guchar *) "dps.example.net\n1893456060", -1);
  length = sizeof digest;
  g_hmac_get_digest (hmac, digest, &length);
  signature = g_base64_encode (digest, length);
  escaped = g_uri_escape_string (signature, NULL, FALSE);
  token = g_strdup_printf ("SharedAccessSignature se=1893456060&skn=provisioningserviceowner&sr=dps.example.net&sig=%s", escaped);

  g_assert_true (brevet_access_policies_authorise (policies, token, ENROLLMENT_PATH, BREVET_RIGHT_ENROLLMENT_WRITE, NOW, &policy,
                                                   &error));
  g_assert_no_error (error);
  g_assert_cmpstr (policy, ==, "provisioningserviceowner");
}

static void
test_bad_configuration (void)
{
  static const struct {
    const char *text;
    const char *message;
  } mistakes[] = {
    { "[policy p]\nrights=EnrollmentRead\n", "no key" },
    { "[policy p]\nprimary-key=" OWNER_PRIMARY "\n", "rights" },
    { "[policy p]\nrights=EnrolmentRead\nprimary-key=" OWNER_PRIMARY "\n", "EnrolmentRead" },
    { "[policy p]\nrights=EnrollmentRead\nprimary-key=AAEC\n", "3 bytes" },
    { "[policy p]\nrights=EnrollmentRead\nprimary-key=not base64!\n", "primary-key" },
    { "[policy p]\nrights=EnrollmentRead\nprimary-key-file=/nowhere/at/all\n", "/nowhere/at/all" },
    { "[policy]\nrights=EnrollmentRead\nprimary-key=" OWNER_PRIMARY "\n", "name" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (load (mistakes[i].text, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_nonnull (strstr (error->message, mistakes[i].message));
      g_assert_nonnull (strstr (error->message, "dps.conf"));
      g_assert_null (strstr (error->message, "not base64!"));
    }
}

static void
test_key_file (void)
{
  g_autofree char *directory = g_dir_make_tmp ("brevet-policy-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "owner.key", NULL);
  g_autofree char *text = g_strdup_printf ("[policy provisioningserviceowner]\nprimary-key-file=%s\n", path);
  g_autofree char *token = make_token ("dps.example.net", OWNER_PRIMARY, NOW + 60, "provisioningserviceowner");
  g_autofree char *policy = NULL;
  g_autoptr(BrevetAccessPolicies) policies = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (g_file_set_contents (path, OWNER_PRIMARY "\n", -1, NULL));
  policies = load (text, &error);
  g_assert_no_error (error);
  g_assert_true (brevet_access_policies_authorise (policies, token, ENROLLMENT_PATH, BREVET_RIGHT_SERVICE_CONFIG, NOW, &policy,
                                                   &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_cmpint (g_rmdir (directory), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/access-policy/token/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_token);
    }
  g_test_add_func ("/access-policy/no-token", test_no_token);
  g_test_add_func ("/access-policy/foreign-token", test_foreign_token);
  g_test_add_func ("/access-policy/bad-configuration", test_bad_configuration);
  g_test_add_func ("/access-policy/key-file", test_key_file);
  return g_test_run ();
}
