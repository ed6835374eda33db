/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-local-world.h"

gint64 ca_local_seconds = X509_WORLD_NOW;

static gint64
tell_time (gpointer data)
{
  return ca_local_seconds * G_USEC_PER_SEC;
}

static void
write_authority (X509World *x509)
{
  g_autoptr(BrevetChain) chain = x509_make_chain (x509->issuing, x509->root, NULL);
  g_autofree char *pem = brevet_chain_to_pem (chain);
  g_autofree char *root = brevet_certificate_to_pem (x509->root);
  g_autofree char *key = x509_world_path (x509, "issuing.key");
  g_autoptr(GError) error = NULL;

  x509_world_write (x509, "issuing.pem", pem);
  x509_world_write (x509, "root.pem", root);
  brevet_key_save (x509->issuing_key, key, &error);
  g_assert_no_error (error);
}

void
ca_local_set_up (CaLocalWorld *world, gconstpointer data)
{
  brevet_clock_set_source (tell_time, NULL);
  ca_local_seconds = X509_WORLD_NOW;
  x509_world_set_up (&world->x509, NULL);
  write_authority (&world->x509);
}

void
ca_local_tear_down (CaLocalWorld *world, gconstpointer data)
{
  x509_world_tear_down (&world->x509, NULL);
}

BrevetSettings *
ca_local_settings (CaLocalWorld *world)
{
  BrevetSettings *settings = brevet_settings_new ("ca", "factory", world->x509.directory);

  brevet_settings_set (settings, "certificate", "issuing.pem", "dps.conf:3");
  brevet_settings_set (settings, "key", "issuing.key", "dps.conf:4");
  return settings;
}

BrevetCaBackend *
ca_local_create (BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  BrevetPlugin *plugin = brevet_registry_create (registry, BREVET_TYPE_CA_BACKEND, "ca-local", "factory", settings, error);

  return plugin != NULL ? BREVET_CA_BACKEND (plugin) : NULL;
}

BrevetCaBackend *
ca_local_assert_create (BrevetSettings *settings)
{
  g_autoptr(GError) error = NULL;
  BrevetCaBackend *backend = ca_local_create (settings, &error);

  g_assert_no_error (error);
  return backend;
}

BrevetCaBackend *
ca_local_create_with (CaLocalWorld *world, const char *key, const char *value)
{
  g_autoptr(BrevetSettings) settings = ca_local_settings (world);

  if (key != NULL)
    brevet_settings_set (settings, key, value, "dps.conf:9");
  return ca_local_assert_create (settings);
}

BrevetCertificate *
ca_local_leaf_of (BrevetCaOutcome *outcome)
{
  return brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome));
}

void
ca_local_issue_to_file (CaLocalWorld *world, BrevetCaBackend *backend, BrevetCaRequest *request)
{
  g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (backend, request);
  g_autofree char *pem = brevet_certificate_to_pem (ca_local_leaf_of (outcome));

  x509_world_write (&world->x509, "leaf.pem", pem);
}
