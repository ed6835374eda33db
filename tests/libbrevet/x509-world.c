/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-world.h"

#include "test-scratch.h"

BrevetCertificate *
x509_make_root (BrevetKey *key, const char *name, int path_length)
{
  return x509_make_ca (key, name, NULL, key, path_length);
}

BrevetCertificate *
x509_make_ca (BrevetKey *key, const char *name, BrevetCertificate *issuer, BrevetKey *issuer_key, int path_length)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CA);
  g_autoptr(GError) error = NULL;
  BrevetCertificate *certificate;

  brevet_certificate_builder_set_common_name (builder, name);
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, X509_WORLD_NOW - 10 * X509_DAY, X509_WORLD_NOW + 1000 * X509_DAY);
  brevet_certificate_builder_set_path_length (builder, path_length);
  certificate = brevet_certificate_builder_sign (builder, issuer, issuer_key, &error);
  g_assert_no_error (error);
  return certificate;
}

BrevetCsr *
x509_make_csr (BrevetKey *key, const char *common_name)
{
  g_autoptr(BrevetKeyPolicy) policy = brevet_key_policy_new ();
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) der = brevet_key_create_csr (key, common_name, &error);
  BrevetCsr *csr;

  g_assert_no_error (error);
  csr = brevet_csr_new (der, policy, &error);
  g_assert_no_error (error);
  return csr;
}

static GPtrArray *
collect (BrevetCertificate *first, va_list arguments)
{
  GPtrArray *certificates = g_ptr_array_new ();

  for (BrevetCertificate *certificate = first; certificate != NULL; certificate = va_arg (arguments, BrevetCertificate *))
    g_ptr_array_add (certificates, certificate);
  return certificates;
}

BrevetChain *
x509_make_chain (BrevetCertificate *first, ...)
{
  g_autoptr(GPtrArray) certificates = NULL;
  g_autoptr(GError) error = NULL;
  BrevetChain *chain;
  va_list arguments;

  va_start (arguments, first);
  certificates = collect (first, arguments);
  va_end (arguments);
  chain = brevet_chain_new (certificates, &error);
  g_assert_no_error (error);
  return chain;
}

BrevetTrustBundle *
x509_make_trust (BrevetCertificate *first, ...)
{
  g_autoptr(GPtrArray) certificates = NULL;
  va_list arguments;

  va_start (arguments, first);
  certificates = collect (first, arguments);
  va_end (arguments);
  return brevet_trust_bundle_new (certificates);
}

BrevetKey *
x509_make_key (void)
{
  g_autoptr(GError) error = NULL;
  BrevetKey *key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);

  g_assert_no_error (error);
  return key;
}

void
x509_world_set_up (X509World *self, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  self->directory = test_scratch_new ();
  self->now = X509_WORLD_NOW;
  self->root_key = x509_make_key ();
  self->root = x509_make_root (self->root_key, "Test Root", -1);
  self->issuing_key = x509_make_key ();
  self->issuing = x509_make_ca (self->issuing_key, "Test Issuing", self->root, self->root_key, 0);
  self->device_key = x509_make_key ();
  self->csr = x509_make_csr (self->device_key, "dev-1");
}

void
x509_world_tear_down (X509World *self, gconstpointer data)
{
  brevet_csr_unref (self->csr);
  brevet_key_unref (self->device_key);
  brevet_certificate_unref (self->issuing);
  brevet_key_unref (self->issuing_key);
  brevet_certificate_unref (self->root);
  brevet_key_unref (self->root_key);
  test_scratch_remove (self->directory);
  g_free (self->directory);
}

char *
x509_world_run (X509World *self, const char *command)
{
  const char *argv[] = { "/bin/sh", "-c", command, NULL };
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  g_autoptr(GError) error = NULL;
  int status;

  g_spawn_sync (self->directory, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, &errors, &status, &error);
  g_assert_no_error (error);
  if (!g_spawn_check_wait_status (status, &error))
    g_error ("“%s” failed: %s\n%s%s", command, error->message, output, errors);
  return g_steal_pointer (&output);
}

char *
x509_world_path (X509World *self, const char *name)
{
  return g_build_filename (self->directory, name, NULL);
}

void
x509_world_write (X509World *self, const char *name, const char *text)
{
  g_autofree char *path = x509_world_path (self, name);
  g_autoptr(GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

char *
x509_world_read (X509World *self, const char *name, gsize *length)
{
  g_autofree char *path = x509_world_path (self, name);
  g_autoptr(GError) error = NULL;
  char *contents;

  g_file_get_contents (path, &contents, length, &error);
  g_assert_no_error (error);
  return contents;
}
