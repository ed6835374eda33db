/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generation.h"

#include "x509-world.h"

static BrevetChain *
make_chain (X509World *world, gint64 not_before, gint64 not_after)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CLIENT);
  g_autoptr(BrevetCertificate) leaf = NULL;
  g_autoptr(GError) error = NULL;

  brevet_certificate_builder_set_common_name (builder, "dev-1");
  brevet_certificate_builder_set_key (builder, world->device_key);
  brevet_certificate_builder_set_validity (builder, not_before, not_after);
  leaf = brevet_certificate_builder_sign (builder, world->issuing, world->issuing_key, &error);
  g_assert_no_error (error);
  return x509_make_chain (leaf, world->issuing, NULL);
}

static void
test_copy (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetGeneration) self = brevet_generation_new (7, "abc");
  g_autoptr(BrevetGeneration) copy = NULL;

  self->assigned_hub = g_strdup ("hub.example.com");
  self->device_id = g_strdup ("dev-1");
  self->installed = world->now;
  self->key = brevet_key_ref (world->device_key);
  self->csr = brevet_key_create_csr (world->device_key, "dev-1", NULL);
  self->chain = make_chain (world, world->now, world->now + X509_DAY);
  self->trust_bundle = x509_make_trust (world->root, NULL);
  self->trust_bundle_etag = g_strdup ("\"1\"");
  self->used = TRUE;
  copy = brevet_generation_copy (self);
  g_clear_pointer (&self, brevet_generation_unref);

  g_assert_cmpuint (copy->number, ==, 7);
  g_assert_cmpstr (copy->input_digest, ==, "abc");
  g_assert_cmpstr (copy->assigned_hub, ==, "hub.example.com");
  g_assert_cmpstr (copy->device_id, ==, "dev-1");
  g_assert_cmpint (copy->installed, ==, world->now);
  g_assert_cmpstr (brevet_key_get_spki_sha256 (copy->key), ==, brevet_key_get_spki_sha256 (world->device_key));
  g_assert_cmpuint (g_bytes_get_size (copy->csr), >, 100);
  g_assert_cmpuint (brevet_chain_get_length (copy->chain), ==, 2);
  g_assert_cmpuint (brevet_trust_bundle_get_length (copy->trust_bundle), ==, 1);
  g_assert_cmpstr (copy->trust_bundle_etag, ==, "\"1\"");
  g_assert_true (copy->used);
}

static void
test_copy_of_little (void)
{
  g_autoptr(BrevetGeneration) self = brevet_generation_new (1, NULL);
  g_autoptr(BrevetGeneration) reference = brevet_generation_ref (self);
  g_autoptr(BrevetGeneration) copy = brevet_generation_copy (reference);

  g_assert_true (reference == self);
  g_assert_true (copy != self);
  g_assert_null (copy->key);
  g_assert_null (copy->chain);
}

static void
test_validity (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetGeneration) self = brevet_generation_new (1, "abc");
  gint64 end = world->now + X509_DAY;

  self->chain = make_chain (world, world->now, end);
  g_assert_cmpint (brevet_generation_get_not_after (self), ==, end);
  g_assert_false (brevet_generation_is_valid (self, world->now));

  self->assigned_hub = g_strdup ("hub.example.com");
  g_assert_true (brevet_generation_is_valid (self, world->now));
  g_assert_true (brevet_generation_is_valid (self, end));
  g_assert_false (brevet_generation_is_valid (self, end + 1));
  g_assert_true (brevet_generation_is_valid (self, world->now - BREVET_GENERATION_CLOCK_TOLERANCE));
  g_assert_false (brevet_generation_is_valid (self, world->now - BREVET_GENERATION_CLOCK_TOLERANCE - 1));
}

static void
test_validity_without_certificate (void)
{
  g_autoptr(BrevetGeneration) self = brevet_generation_new (1, "abc");

  g_assert_cmpint (brevet_generation_get_not_after (self), ==, G_MAXINT64);
  g_assert_false (brevet_generation_is_valid (self, 0));
  self->assigned_hub = g_strdup ("hub.example.com");
  g_assert_true (brevet_generation_is_valid (self, G_MAXINT64));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/generation/copy", X509World, NULL, x509_world_set_up, test_copy, x509_world_tear_down);
  g_test_add_func ("/generation/copy-of-little", test_copy_of_little);
  g_test_add ("/generation/validity", X509World, NULL, x509_world_set_up, test_validity, x509_world_tear_down);
  g_test_add_func ("/generation/validity-without-certificate", test_validity_without_certificate);
  return g_test_run ();
}
