/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-credential.h"

#include "brevet-error.h"
#include "brevet-token.h"

#include <string.h>

static char *
read_location (BrevetSettings *settings, const char *key, GError **error)
{
  const char *value = brevet_settings_require_string (settings, key, error);

  if (value == NULL)
    return NULL;
  return brevet_token_is_uri (value) ? g_strdup (value) : brevet_settings_get_path (settings, key);
}

gboolean
x509_places_read (X509Places *self, BrevetSettings *settings, GError **error)
{
  self->certificate = read_location (settings, "certificate", error);
  if (self->certificate == NULL)
    return FALSE;
  self->key = read_location (settings, "key", error);
  if (self->key == NULL)
    return FALSE;
  self->name = g_strndup (self->key, strcspn (self->key, "?"));
  self->intermediates = brevet_settings_get_path (settings, "intermediates");
  return brevet_settings_get_secret (settings, "key-password", &self->password, error);
}

void
x509_places_clear (X509Places *self)
{
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->certificate, g_free);
  g_clear_pointer (&self->intermediates, g_free);
  g_clear_pointer (&self->key, brevet_secret_free_text);
  g_clear_pointer (&self->password, brevet_secret_unref);
}

static void
add_chain (GPtrArray *certificates, BrevetChain *chain)
{
  for (guint i = 0; i < brevet_chain_get_length (chain); i++)
    g_ptr_array_add (certificates, brevet_certificate_ref (brevet_chain_get (chain, i)));
}

static gboolean
add_certificate (const X509Places *self, GPtrArray *certificates, GError **error)
{
  g_autoptr(BrevetChain) chain = NULL;
  BrevetCertificate *leaf;

  if (!brevet_token_is_uri (self->certificate))
    {
      chain = brevet_chain_load (self->certificate, error);
      if (chain != NULL)
        add_chain (certificates, chain);
      return chain != NULL;
    }
  leaf = brevet_token_load_certificate (self->certificate, error);
  if (leaf != NULL)
    g_ptr_array_add (certificates, leaf);
  return leaf != NULL;
}

/* The file of intermediates is a chain of its own, whose first certificate has issued the leaf or an issuer of it. */
static gboolean
add_intermediates (const X509Places *self, GPtrArray *certificates, GError **error)
{
  g_autoptr(BrevetChain) chain = NULL;

  if (self->intermediates == NULL)
    return TRUE;
  chain = brevet_chain_load (self->intermediates, error);
  if (chain == NULL)
    return FALSE;
  add_chain (certificates, chain);
  return TRUE;
}

BrevetChain *
x509_places_load_chain (const X509Places *self, GError **error)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) problem = NULL;

  if (!add_certificate (self, certificates, error) || !add_intermediates (self, certificates, error))
    return NULL;
  chain = brevet_chain_new (certificates, &problem);
  if (chain == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The device's certificates cannot be used: %s",
                   problem->message);
      return NULL;
    }
  return brevet_chain_without_root (chain);
}

BrevetKey *
x509_places_load_key (const X509Places *self, BrevetCertificate *leaf, GError **error)
{
  g_autoptr(BrevetKey) key = brevet_key_load (self->key, self->password, error);
  gboolean in_token = brevet_token_is_uri (self->certificate);

  if (key == NULL)
    return NULL;
  if (strcmp (brevet_key_get_spki_sha256 (key), brevet_certificate_get_spki_sha256 (leaf)) == 0)
    return g_steal_pointer (&key);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "The device's private key does not belong to its certificate “%s”, the first in %s%s%s",
               brevet_certificate_get_subject (leaf), in_token ? "the token" : "“", in_token ? "" : self->certificate,
               in_token ? "" : "”");
  return NULL;
}
