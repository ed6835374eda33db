/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generation-check.h"

#include "x509-world.h"

#include <string.h>

#define TOLERANCE BREVET_GENERATION_CLOCK_TOLERANCE

/* What a test changes about a certificate that is right. */
typedef struct
{
  const char            *common_name;
  BrevetCertificateUsage usage;
  BrevetKey             *key;
  BrevetCertificate     *issuer;
  BrevetKey             *issuer_key;
} Wish;

static BrevetCertificate *
make_leaf (X509World *world, const Wish *wish)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (wish->usage);
  g_autoptr(GError) error = NULL;
  BrevetCertificate *leaf = NULL;

  if (wish->common_name != NULL)
    brevet_certificate_builder_set_common_name (builder, wish->common_name);
  else
    brevet_certificate_builder_set_organization (builder, "Nameless", NULL);
  brevet_certificate_builder_set_key (builder, wish->key);
  brevet_certificate_builder_set_validity (builder, world->now, world->now + X509_DAY);
  leaf = brevet_certificate_builder_sign (builder, wish->issuer, wish->issuer_key, &error);
  g_assert_no_error (error);
  return leaf;
}

static Wish
usual_wish (X509World *world)
{
  return (Wish) { "dev-1", BREVET_CERTIFICATE_USAGE_CLIENT, world->device_key, world->issuing, world->issuing_key };
}

static BrevetGeneration *
make_generation (BrevetKey *key, BrevetChain *chain, BrevetTrustBundle *bundle)
{
  BrevetGeneration *self = brevet_generation_new (1, "abc");

  self->assigned_hub = g_strdup ("hub.example.com");
  self->device_id = g_strdup ("machine-7");
  self->key = key != NULL ? brevet_key_ref (key) : NULL;
  self->chain = chain;
  self->trust_bundle = bundle;
  return self;
}

static BrevetGeneration *
grant (X509World *world, const Wish *wish)
{
  g_autoptr(BrevetCertificate) leaf = make_leaf (world, wish);

  return make_generation (world->device_key, x509_make_chain (leaf, world->issuing, NULL), x509_make_trust (world->root, NULL));
}

static void
assert_good (BrevetGeneration *self, gint64 now)
{
  g_autoptr(GError) error = NULL;
  gboolean good = brevet_generation_check (self, "DEV-1", now, &error);

  g_assert_no_error (error);
  g_assert_true (good);
  g_assert_true (brevet_generation_check_stored (self, &error));
  g_assert_no_error (error);
}

static void
assert_refused (BrevetGeneration *self, gint64 now, const char *certificate, const char *reason)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (brevet_generation_check (self, "dev-1", now, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNTRUSTED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, certificate));
  g_assert_nonnull (strstr (error->message, reason));
}

static void
assert_corrupt (BrevetGeneration *self, const char *reason)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (brevet_generation_check_stored (self, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, reason));
}

static void
assert_stored_good (BrevetGeneration *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (brevet_generation_check_stored (self, &error));
  g_assert_no_error (error);
}

static void
test_names (X509World *world, gconstpointer data)
{
  static const char *const good[] = { "dev-1", "Dev-1", "machine-7", "MACHINE-7" };
  static const char *const bad[] = { "dev-2", "dev-1x", "dev", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      Wish wish = usual_wish (world);
      g_autoptr(BrevetGeneration) self = NULL;

      wish.common_name = good[i];
      self = grant (world, &wish);
      assert_good (self, world->now);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      Wish wish = usual_wish (world);
      g_autoptr(BrevetGeneration) self = NULL;

      wish.common_name = bad[i];
      self = grant (world, &wish);
      assert_refused (self, world->now, bad[i] != NULL ? bad[i] : "O=Nameless", "for another device");
      assert_stored_good (self);
    }
}

static void
test_dates (X509World *world, gconstpointer data)
{
  Wish wish = usual_wish (world);
  g_autoptr(BrevetGeneration) self = grant (world, &wish);
  gint64 end = world->now + X509_DAY;

  assert_good (self, world->now - TOLERANCE);
  assert_good (self, world->now);
  assert_good (self, end);
  assert_good (self, end + TOLERANCE);
  assert_refused (self, world->now - TOLERANCE - 1, "CN=dev-1", "not valid before 2026-09-21T14:13:20Z");
  assert_refused (self, end + TOLERANCE + 1, "CN=dev-1", "expired at 2026-09-22T14:13:20Z; here it is 2026-09-22T14:18:21Z");
  assert_stored_good (self);
}

static void
test_key (X509World *world, gconstpointer data)
{
  Wish wish = usual_wish (world);
  g_autoptr(BrevetKey) other = x509_make_key ();
  g_autoptr(BrevetGeneration) self = NULL;

  wish.key = other;
  self = grant (world, &wish);
  assert_refused (self, world->now, "CN=dev-1", brevet_key_get_spki_sha256 (other));
  assert_refused (self, world->now, "CN=dev-1", "for another key");
  assert_corrupt (self, "for another key");
}

static void
test_parts (X509World *world, gconstpointer data)
{
  Wish wish = usual_wish (world);
  g_autoptr(BrevetGeneration) keyless = grant (world, &wish);
  g_autoptr(BrevetGeneration) bare = make_generation (world->device_key, NULL, NULL);
  g_autoptr(BrevetGeneration) none = make_generation (NULL, NULL, NULL);

  g_clear_pointer (&keyless->key, brevet_key_unref);
  assert_refused (keyless, world->now, "", "certificate without a key");
  assert_corrupt (keyless, "certificate without a key");
  assert_refused (bare, world->now, "", "key without a certificate");
  assert_good (none, world->now);
}

static void
test_authority (X509World *world, gconstpointer data)
{
  Wish wish = usual_wish (world);
  g_autoptr(BrevetCertificate) ca = NULL;
  g_autoptr(BrevetGeneration) self = NULL;

  wish.usage = BREVET_CERTIFICATE_USAGE_CA;
  wish.issuer = world->root;
  wish.issuer_key = world->root_key;
  ca = make_leaf (world, &wish);
  self = make_generation (world->device_key, x509_make_chain (ca, NULL), NULL);
  assert_refused (self, world->now, "CN=dev-1", "one of a CA");
}

static void
test_purpose (X509World *world, gconstpointer data)
{
  Wish wish = usual_wish (world);
  g_autoptr(BrevetGeneration) self = NULL;

  wish.usage = BREVET_CERTIFICATE_USAGE_SERVER;
  self = grant (world, &wish);
  assert_refused (self, world->now, "CN=dev-1", "lacks clientAuth");
}

/* Made by openssl, since brevet's own builder always says what a certificate is for. */
static void
test_other_purposes (X509World *world, gconstpointer data)
{
  static const struct
  {
    const char *extension;
    gboolean    good;
  } cases[] = {
    { "basicConstraints=CA:FALSE", TRUE },
    { "extendedKeyUsage=serverAuth,clientAuth", TRUE },
    { "extendedKeyUsage=anyExtendedKeyUsage", TRUE },
    { "extendedKeyUsage=codeSigning,timeStamping", FALSE },
  };
  g_autofree char *key_path = x509_world_path (world, "device.key");
  g_autofree char *ca_key_path = x509_world_path (world, "ca.key");
  g_autofree char *ca = brevet_certificate_to_pem (world->issuing);

  g_assert_true (brevet_key_save (world->device_key, key_path, NULL));
  g_assert_true (brevet_key_save (world->issuing_key, ca_key_path, NULL));
  x509_world_write (world, "ca.pem", ca);
  g_free (x509_world_run (world, "openssl req -new -key device.key -subj /CN=dev-1 -out request"));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *pem = NULL;
      g_autoptr(BrevetCertificate) leaf = NULL;
      g_autoptr(BrevetGeneration) self = NULL;
      g_autoptr(GError) error = NULL;

      x509_world_write (world, "extension", cases[i].extension);
      pem = x509_world_run (world, "openssl x509 -req -in request -CA ca.pem -CAkey ca.key -days 30000 -extfile extension "
                                   "2>/dev/null");
      leaf = brevet_certificate_new_from_pem (pem, &error);
      g_assert_no_error (error);
      self = make_generation (world->device_key, x509_make_chain (leaf, world->issuing, NULL), NULL);
      if (cases[i].good)
        assert_good (self, brevet_certificate_get_not_before (leaf));
      else
        assert_refused (self, brevet_certificate_get_not_before (leaf), "CN=dev-1", "lacks clientAuth");
    }
}

static void
test_chain (X509World *world, gconstpointer data)
{
  Wish wish = usual_wish (world);
  g_autoptr(BrevetCertificate) leaf = make_leaf (world, &wish);
  g_autoptr(BrevetCertificate) forged = NULL;
  g_autoptr(GBytes) der = NULL;
  g_autoptr(BrevetGeneration) self = NULL;
  g_autofree guint8 *bytes = NULL;
  gsize length = 0;
  gconstpointer original = g_bytes_get_data (brevet_certificate_get_der (leaf), &length);

  /* One bit of the signature. */
  bytes = g_memdup2 (original, length);
  bytes[length - 1] ^= 1;
  der = g_bytes_new (bytes, length);
  forged = brevet_certificate_new (der, NULL);
  g_assert_nonnull (forged);
  self = make_generation (world->device_key, x509_make_chain (forged, world->issuing, NULL), NULL);
  assert_refused (self, world->now, "CN=dev-1", "is not signed by “CN=Test Issuing”");
  assert_corrupt (self, "is not signed by");
}

static void
test_long_chain (X509World *world, gconstpointer data)
{
  Wish wish = usual_wish (world);
  g_autoptr(BrevetCertificate) leaf = make_leaf (world, &wish);
  g_autoptr(BrevetGeneration) self
    = make_generation (world->device_key, x509_make_chain (leaf, world->issuing, world->root, NULL),
                       x509_make_trust (world->root, NULL));
  g_autoptr(BrevetGeneration) short_chain
    = make_generation (world->device_key, x509_make_chain (leaf, NULL), x509_make_trust (world->issuing, NULL));

  g_assert_cmpuint (brevet_chain_get_length (self->chain), ==, 3);
  assert_good (self, world->now);
  assert_good (short_chain, world->now);
}

static void
test_bundle (X509World *world, gconstpointer data)
{
  Wish wish = usual_wish (world);
  g_autoptr(BrevetKey) key = x509_make_key ();
  g_autoptr(BrevetCertificate) impostor = x509_make_root (key, "Test Root", -1);
  g_autoptr(BrevetCertificate) stranger = x509_make_root (key, "Hub Root", -1);
  g_autoptr(BrevetGeneration) self = grant (world, &wish);

  g_clear_pointer (&self->trust_bundle, brevet_trust_bundle_unref);
  assert_good (self, world->now);

  self->trust_bundle = x509_make_trust (stranger, NULL);
  assert_good (self, world->now);
  brevet_trust_bundle_unref (self->trust_bundle);

  self->trust_bundle = x509_make_trust (impostor, NULL);
  assert_refused (self, world->now, "CN=Test Issuing", "The trust bundle knows the issuer's name");
  assert_stored_good (self);
  brevet_trust_bundle_unref (self->trust_bundle);

  self->trust_bundle = x509_make_trust (impostor, stranger, world->root, NULL);
  assert_good (self, world->now);
  brevet_trust_bundle_unref (self->trust_bundle);

  self->trust_bundle = x509_make_trust (NULL, NULL);
  assert_good (self, world->now);
}

static void
test_kinds_of_keys (X509World *world, gconstpointer data)
{
  const BrevetKeyKind kinds[] = { BREVET_KEY_KIND_EC_P384, BREVET_KEY_KIND_RSA_2048, BREVET_KEY_KIND_ED25519 };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr(BrevetKey) ca_key = brevet_key_generate (kinds[i], NULL);
      g_autoptr(BrevetKey) key = brevet_key_generate (kinds[i], NULL);
      g_autoptr(BrevetCertificate) ca = x509_make_root (ca_key, "Another Root", -1);
      Wish wish = { "dev-1", BREVET_CERTIFICATE_USAGE_CLIENT, key, ca, ca_key };
      g_autoptr(BrevetCertificate) leaf = make_leaf (world, &wish);
      g_autoptr(BrevetGeneration) self = make_generation (key, x509_make_chain (leaf, NULL), x509_make_trust (ca, NULL));

      assert_good (self, world->now);
      brevet_key_unref (self->key);
      self->key = brevet_key_ref (world->device_key);
      assert_refused (self, world->now, "CN=dev-1", "for another key");
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function)                                                                                                        \
  g_test_add ("/generation-check/" name, X509World, NULL, x509_world_set_up, function, x509_world_tear_down)
  ADD ("names", test_names);
  ADD ("dates", test_dates);
  ADD ("key", test_key);
  ADD ("parts", test_parts);
  ADD ("authority", test_authority);
  ADD ("purpose", test_purpose);
  ADD ("other-purposes", test_other_purposes);
  ADD ("chain", test_chain);
  ADD ("long-chain", test_long_chain);
  ADD ("bundle", test_bundle);
  ADD ("kinds-of-keys", test_kinds_of_keys);
  return g_test_run ();
}
