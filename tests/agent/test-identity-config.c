/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-config.h"

#include "brevet-error.h"
#include "test-scratch.h"
#include "x509-world.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_NAME "agent.conf"
#define REST                                                                                                                       \
  "[transport main]\ntype=https\nhost=dps.example.com\nca-file=ca.pem\n"                                                           \
  "[attestation main]\ntype=symmetric-key\nkey-file=device.key\n"
#define LEAST "[identity main]\nid-scope=0ne1\nregistration-id=dev-1\n"

typedef struct
{
  char *directory;
} Fixture;

static void
write_file (Fixture *self, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (self->directory, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
set_up (Fixture *self, gconstpointer data)
{
  self->directory = test_scratch_new ();
  write_file (self, "device.key", "c2VjcmV0");
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  test_scratch_remove (self->directory);
  g_free (self->directory);
}

static BrevetIdentityConfig *
read_config (Fixture *self, const char *text, GPtrArray **unused, GError **error)
{
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(GPtrArray) groups = NULL;
  BrevetIdentityConfig *identity = NULL;
  g_autoptr(GError) config_error = NULL;

  config = brevet_config_new_from_text (text, FILE_NAME, self->directory, &config_error);
  g_assert_no_error (config_error);
  groups = brevet_config_list_groups (config, "identity");
  g_assert_cmpuint (groups->len, ==, 1);
  identity = brevet_identity_config_new (config, groups->pdata[0], error);
  if (unused != NULL)
    *unused = brevet_config_list_unused (config);
  return identity;
}

static BrevetIdentityConfig *
read_good (Fixture *self, const char *text)
{
  g_autoptr(GError) error = NULL;
  BrevetIdentityConfig *identity = read_config (self, text, NULL, &error);

  g_assert_no_error (error);
  return identity;
}

static void
test_defaults (Fixture *self, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) config = read_good (self, LEAST REST);

  g_assert_cmpstr (config->name, ==, "main");
  g_assert_true (config->enabled);
  g_assert_cmpstr (config->id_scope, ==, "0ne1");
  g_assert_cmpstr (config->registration_id, ==, "dev-1");
  g_assert_cmpstr (brevet_settings_get_kind (config->transport), ==, "transport");
  g_assert_cmpstr (brevet_settings_get_name (config->attestation), ==, "main");
  g_assert_cmpstr (config->service, ==, "dps.example.com");
  g_assert_true (config->wants_certificate);
  g_assert_cmpint (config->key_kind, ==, BREVET_KEY_KIND_EC_P256);
  g_assert_true (config->rekey);
  g_assert_null (config->key_token);
  g_assert_null (config->key_pin);
  g_assert_cmpuint (config->renewal.percent, ==, 66);
  g_assert_cmpint (config->renewal.before, ==, 0);
  g_assert_cmpuint (config->renewal.jitter, ==, 5);
  g_assert_cmpint (config->backoff.minimum, ==, 5);
  g_assert_cmpint (config->backoff.maximum, ==, 3600);
  g_assert_cmpuint (config->timeout, ==, 600);
  g_assert_cmpstr (config->trust_bundle_name, ==, "aziot-dps-trust-bundle");
  g_assert_cmpint (config->trust_bundle_poll, ==, 3600);
  g_assert_null (config->local_trust);
  g_assert_null (config->payload);
  g_assert_cmpstr (config->api_version, ==, "2021-11-01-preview");
  g_assert_true (config->brings_trust);
  g_assert_false (config->hub_proof);
  g_assert_cmpuint (config->hub_port, ==, 8883);
}

static char *
make_pem (const char *name)
{
  g_autoptr(BrevetKey) key = x509_make_key ();
  g_autoptr(BrevetCertificate) root = x509_make_root (key, name, -1);

  return brevet_certificate_to_pem (root);
}

static void
test_all_keys (Fixture *self, gconstpointer data)
{
  g_autofree char *pem = make_pem ("Local Root");
  g_autoptr(GPtrArray) unused = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetIdentityConfig) config = NULL;

  write_file (self, "local.pem", pem);
  write_file (self, "payload.json", "{\"site\": [1, 2]}");
  config = read_config (self, "[identity factory-2]\nenabled=no\nid-scope=0ne2\nregistration-id=Dev:2\ntransport=near\n"
                        "attestation=other\ncertificate=none\nkey-type=ed25519\nrekey=no\nrenew=30d\nrenewal-jitter=20\n"
                        "retry-minimum=1min\nretry-maximum=1d\ntimeout=30s\ndps_trust_bundle=my.bundle\n"
                        "trust-bundle-poll=never\nlocal-trust-file=local.pem\npayload-file=payload.json\nrenewal=66%\n"
                        "api-version=2025-07-01-preview\nhub-proof=yes\nhub-port=18883\n"
                        "[transport near]\ntype=in-process\n[attestation other]\ntype=tpm\n", &unused, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (config->name, ==, "factory-2");
  g_assert_cmpstr (config->api_version, ==, "2025-07-01-preview");
  g_assert_false (config->brings_trust);
  g_assert_true (config->hub_proof);
  g_assert_cmpuint (config->hub_port, ==, 18883);
  g_assert_false (config->enabled);
  g_assert_cmpstr (brevet_settings_get_name (config->transport), ==, "near");
  g_assert_cmpstr (brevet_settings_get_name (config->attestation), ==, "other");
  g_assert_cmpstr (config->service, ==, "in-process");
  g_assert_false (config->wants_certificate);
  g_assert_cmpint (config->key_kind, ==, BREVET_KEY_KIND_ED25519);
  g_assert_false (config->rekey);
  g_assert_cmpuint (config->renewal.percent, ==, 0);
  g_assert_cmpint (config->renewal.before, ==, 30 * 86400);
  g_assert_cmpuint (config->renewal.jitter, ==, 20);
  g_assert_cmpint (config->backoff.minimum, ==, 60);
  g_assert_cmpint (config->backoff.maximum, ==, 86400);
  g_assert_cmpuint (config->timeout, ==, 30);
  g_assert_cmpstr (config->trust_bundle_name, ==, "my.bundle");
  g_assert_cmpint (config->trust_bundle_poll, ==, 0);
  g_assert_cmpuint (brevet_trust_bundle_get_length (config->local_trust), ==, 1);
  g_assert_true (json_object_has_member (json_node_get_object (config->payload), "site"));

  /* What is mistyped is told; the type is left to whoever makes the plugin. */
  g_assert_cmpuint (unused->len, ==, 2);
  g_assert_cmpstr (unused->pdata[0], ==, FILE_NAME ":19: [identity factory-2] renewal");
  g_assert_nonnull (strstr (unused->pdata[1], "[attestation other] type"));
}

static void
test_service (Fixture *self, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) config
    = read_good (self, LEAST "[transport main]\ntype=https\nhost=dps\nport=8443\n[attestation main]\ntype=tpm\n");

  g_assert_cmpstr (config->service, ==, "dps:8443");
}

/* Lines of an identity's group, and how the error begins that they cause. */
static const struct
{
  const char *line;
  const char *message;
} wrong_values[] = {
  { "enabled=perhaps", "enabled: “perhaps” is neither true nor false" },
  { "id-scope=a b", "id-scope: " },
  { "id-scope=", "id-scope: the value is empty" },
  { "registration-id=no/slash", "registration-id: " },
  { "registration-id=-dev", "registration-id: " },
  { "transport=nowhere", "transport: there is no group [transport nowhere]" },
  { "attestation=nobody", "attestation: there is no group [attestation nobody]" },
  { "certificate=perhaps", "certificate: “perhaps” is neither required nor none" },
  { "key-type=p521", "key-type: “p521” is not a type of key that can be made; write p256" },
  { "key-type=dsa", "key-type: “dsa” is not a type" },
  { "rekey=2", "rekey: " },
  { "renew=100%", "renew: “100%” is no time for a renewal" },
  { "renew=", "renew: “” is no time for a renewal" },
  { "renewal-jitter=51%", "renewal-jitter: “51%” is not a percentage from 0% to 50%" },
  { "renewal-jitter=5 %%", "renewal-jitter: " },
  { "renewal-jitter=", "renewal-jitter: " },
  { "renewal-jitter=-1", "renewal-jitter: " },
  { "retry-minimum=0", "retry-minimum: “0” is out of range" },
  { "retry-minimum=2h", "retry-minimum: “2h” is out of range; write a duration from 1s to 1h" },
  { "retry-maximum=0", "retry-maximum: " },
  { "retry-maximum=1y", "retry-maximum: " },
  { "timeout=4s", "timeout: “4s” is out of range" },
  { "timeout=2d", "timeout: " },
  { "dps_trust_bundle=", "dps_trust_bundle: “” is no name" },
  { "dps_trust_bundle=.hidden", "dps_trust_bundle: " },
  { "dps_trust_bundle=../up", "dps_trust_bundle: " },
  { "dps_trust_bundle=generation", "dps_trust_bundle: “generation” is no name for the trust bundle" },
  { "dps_trust_bundle=memory", "dps_trust_bundle: " },
  { "dps_trust_bundle=csr", "dps_trust_bundle: " },
  { "dps_trust_bundle=aziot-dps-identity-cert-key", "dps_trust_bundle: " },
  { "dps_trust_bundle=tokens", "dps_trust_bundle: " },
  { "key-token=", "key-token: The place of a token is a PKCS#11 URI; write for example pkcs11:token=devices" },
  { "key-token=/dev/tpm0", "key-token: The place of a token is a PKCS#11 URI" },
  { "key-token=pkcs11:", "key-token: " },
  { "key-token=pkcs11:model=x", "key-token: The PKCS#11 URI names no token" },
  { "key-token=pkcs11:token=", "key-token: “token=” is no part of a PKCS#11 URI that names a token" },
  { "key-token=pkcs11:token=a b", "key-token: “token=a b” is no part" },
  { "key-token=pkcs11:token=a;colour=red", "key-token: “colour=red” is no part" },
  { "key-token=pkcs11:token=a;object=b", "key-token: The PKCS#11 URI shall name a token, and not an object in it" },
  { "key-token=pkcs11:token=a;type=private", "key-token: The PKCS#11 URI shall name a token, and not an object in it" },
  { "key-token=pkcs11:token=a;id=%01", "key-token: The PKCS#11 URI shall name a token, and not an object in it" },
  { "key-token=pkcs11:token=a?pin-value=1234", "key-token: the part behind “?” does not belong here" },
  { "key-token-pin-file=missing", "key-token-pin-file: " },
  { "trust-bundle-poll=9s", "trust-bundle-poll: “9s” is out of range" },
  { "trust-bundle-poll=Never", "trust-bundle-poll: “Never” is not a duration" },
  { "api-version=2021-06-01", "api-version: “2021-06-01” is not a version that this agent speaks; write 2021-11-01-preview or" },
  { "api-version=", "api-version: " },
  { "hub-proof=perhaps", "hub-proof: “perhaps” is neither true nor false" },
  { "hub-port=0", "hub-port: " },
  { "hub-port=65536", "hub-port: " },
  { "local-trust-file=missing.pem", "local-trust-file: " },
  { "local-trust-file=broken.json", "local-trust-file: " },
  { "payload-file=missing.json", "payload-file: " },
  { "payload-file=broken.json", "payload-file: " },
  { "payload-file=empty.json", "payload-file: " },
  { "payload-file=binary.json", "payload-file: " },
  { "payload-file=pipe.json", "payload-file: " },
};

static void
test_wrong_values (Fixture *self, gconstpointer data)
{
  g_autofree char *pipe = g_build_filename (self->directory, "pipe.json", NULL);

  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  write_file (self, "broken.json", "{");
  write_file (self, "empty.json", "");
  write_file (self, "binary.json", "\"\xff\xfe\"");
  for (guint i = 0; i < G_N_ELEMENTS (wrong_values); i++)
    {
      g_autofree char *text = g_strconcat (LEAST, wrong_values[i].line, "\n" REST, NULL);
      g_autofree char *expected = g_strconcat (FILE_NAME ":4: [identity main] ", wrong_values[i].message, NULL);
      g_autoptr(GError) error = NULL;

      g_assert_null (read_config (self, text, NULL, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_test_message ("%s", error->message);
      g_assert_true (g_str_has_prefix (error->message, expected));
    }
}

static void
test_missing (Fixture *self, gconstpointer data)
{
  static const struct
  {
    const char *text;
    const char *message;
  } cases[] = {
    { "[identity main]\nregistration-id=dev-1\n" REST, FILE_NAME ":1: [identity main] id-scope: this key is missing" },
    { "[identity main]\nid-scope=0ne1\n" REST, FILE_NAME ":1: [identity main] registration-id: this key is missing" },
    { LEAST "[attestation main]\ntype=tpm\n", FILE_NAME ":1: [identity main] transport: there is no group [transport main]" },
    { LEAST "[transport main]\ntype=https\n", FILE_NAME ":1: [identity main] attestation: there is no group [attestation main]" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (read_config (self, cases[i].text, NULL, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_true (g_str_has_prefix (error->message, cases[i].message));
    }
}

static void
test_names (Fixture *self, gconstpointer data)
{
  static const char *const good[] = { "a", "main", "x-1", "previous", "abcdefghijklmnopqrstuvwxyz-01234", NULL };
  static const char *const bad[] = { "Main", "a_b", "a-previous", "a-staged", "ä", "a b", "abcdefghijklmnopqrstuvwxyz-012345",
                                     NULL };

  for (guint i = 0; good[i] != NULL; i++)
    {
      g_autofree char *text = g_strdup_printf ("[identity %s]\nid-scope=0ne1\nregistration-id=dev-1\n" REST, good[i]);
      g_autoptr(BrevetIdentityConfig) config = read_good (self, text);

      g_assert_cmpstr (config->name, ==, good[i]);
    }
  for (guint i = 0; bad[i] != NULL; i++)
    {
      g_autofree char *text = g_strdup_printf ("[identity %s]\nid-scope=0ne1\nregistration-id=dev-1\n" REST, bad[i]);
      g_autoptr(GError) error = NULL;

      g_assert_null (read_config (self, text, NULL, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_nonnull (strstr (error->message, "is no name for an identity"));
      g_assert_true (g_str_has_prefix (error->message, FILE_NAME ":1: "));
    }
}

static void
test_token (Fixture *self, gconstpointer data)
{
  const char *text = LEAST "key-token=pkcs11:token=my%20token;manufacturer=x\nkey-token-pin-file=pin\n" REST;
  g_autoptr(BrevetIdentityConfig) plain = read_good (self, LEAST REST);
  g_autoptr(BrevetIdentityConfig) config = NULL;
  g_autoptr(BrevetIdentityConfig) same = NULL;
  g_autoptr(BrevetIdentityConfig) other = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  write_file (self, "pin", "4711\n");
  config = read_good (self, text);
  g_assert_cmpstr (config->key_token, ==, "pkcs11:token=my%20token;manufacturer=x");
  g_assert_cmpstr ((const char *) brevet_secret_get_data (config->key_pin, NULL), ==, "4711");
  same = read_good (self, text);
  g_assert_true (brevet_identity_config_has_key_like (config, same));
  g_assert_false (brevet_identity_config_has_key_like (config, plain));
  write_file (self, "pin", "4712\n");
  other = read_good (self, text);
  g_assert_false (brevet_identity_config_has_key_like (config, other));
  /* Another place for the key makes no other identity. */
  before = brevet_identity_config_compute_digest (plain, NULL);
  after = brevet_identity_config_compute_digest (config, NULL);
  g_assert_cmpstr (before, ==, after);
}

static char *
digest_of (Fixture *self, const char *text)
{
  g_autoptr(BrevetIdentityConfig) config = read_good (self, text);
  g_autoptr(GError) error = NULL;
  char *digest = brevet_identity_config_compute_digest (config, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (strlen (digest), ==, 64);
  return digest;
}

static void
test_digest (Fixture *self, gconstpointer data)
{
  static const char *const same[] = {
    LEAST "renew=50%\ntimeout=30s\ncertificate=none\n" REST,
    LEAST "api-version=2025-07-01-preview\nhub-proof=yes\nhub-port=1\n" REST,
    "# moved\n" LEAST "[attestation main]\nkey-file=device.key\ntype=symmetric-key\n[transport main]\ntype=https\n"
    "host=dps.example.com\nca-file=other.pem\ntimeout=5s\n",
    LEAST "transport=a\nattestation=b\n[transport a]\ntype=https\nhost=dps.example.com\n"
    "[attestation b]\ntype=symmetric-key\nkey-file=device.key\n",
  };
  static const char *const other[] = {
    "[identity main]\nid-scope=0ne2\nregistration-id=dev-1\n" REST,
    "[identity main]\nid-scope=0ne1\nregistration-id=dev-2\n" REST,
    LEAST "[transport main]\ntype=https\nhost=dps2.example.com\n[attestation main]\ntype=symmetric-key\nkey-file=device.key\n",
    LEAST "[transport main]\ntype=https\nhost=dps.example.com\nport=8443\n"
    "[attestation main]\ntype=symmetric-key\nkey-file=device.key\n",
    LEAST "[transport main]\ntype=mqtt\nhost=dps.example.com\n[attestation main]\ntype=symmetric-key\nkey-file=device.key\n",
    LEAST REST "token-lifetime=1h\n",
    LEAST REST "key-file=other.key\n",
  };
  g_autofree char *digest = digest_of (self, LEAST REST);
  g_autofree char *replaced = NULL;

  write_file (self, "other.key", "b3RoZXI=");
  for (guint i = 0; i < G_N_ELEMENTS (same); i++)
    {
      g_autofree char *found = digest_of (self, same[i]);

      g_assert_cmpstr (found, ==, digest);
    }
  for (guint i = 0; i < G_N_ELEMENTS (other); i++)
    {
      g_autofree char *found = digest_of (self, other[i]);

      g_assert_cmpstr (found, !=, digest);
    }
  write_file (self, "device.key", "YW5vdGhlcg==");
  replaced = digest_of (self, LEAST REST);
  g_assert_cmpstr (replaced, !=, digest);
}

static void
test_unreadable_file (Fixture *self, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) config = read_good (self, LEAST REST);
  g_autofree char *path = g_build_filename (self->directory, "device.key", NULL);
  g_autoptr(GError) error = NULL;

  g_unlink (path);
  g_assert_null (brevet_identity_config_compute_digest (config, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, path));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/identity-config/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("defaults", test_defaults);
  ADD ("all-keys", test_all_keys);
  ADD ("service", test_service);
  ADD ("wrong-values", test_wrong_values);
  ADD ("missing", test_missing);
  ADD ("token", test_token);
  ADD ("names", test_names);
  ADD ("digest", test_digest);
  ADD ("unreadable-file", test_unreadable_file);
  return g_test_run ();
}
