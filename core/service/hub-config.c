/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub-config.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define WRITTEN_BY "# Written by brevet-dps hub-config, which replaces it: see brevet-dps-hub-config(1).\n"

void
brevet_hub_config_free (BrevetHubConfig *self)
{
  g_free (self->directory);
  g_free (self->certificate);
  g_free (self->key);
  g_free (self->hub);
  g_clear_pointer (&self->trust, brevet_hub_trust_free);
  g_free (self);
}

static void
append_tls (GString *text, const BrevetHubConfig *self)
{
  g_string_append_printf (text,
                          "# Whom devices see.\n"
                          "certfile %s\n"
                          "keyfile %s\n"
                          "# This version and later ones.\n"
                          "tls_version tlsv1.2\n"
                          "\n"
                          "# Who may come: whoever has a certificate of one of these authorities.\n"
                          "require_certificate true\n"
                          "cafile %s/" BREVET_HUB_CONFIG_TRUST "\n",
                          self->certificate, self->key, self->directory);
  if (brevet_hub_trust_is_revocable (self->trust))
    g_string_append_printf (text,
                            "# Except for those on these lists. They end, and then nobody may come: write them again in time.\n"
                            "crlfile %s/" BREVET_HUB_CONFIG_LISTS "\n",
                            self->directory);
  else
    g_string_append (text, "# Nobody is turned away for being revoked: not every authority publishes a revocation list.\n");
}

char *
brevet_hub_config_render_main (const BrevetHubConfig *self)
{
  GString *text = g_string_new (WRITTEN_BY);

  g_string_append_printf (text,
                          "# %s%s: a hub for devices with certificates of the provisioning service.\n"
                          "\n"
                          "# What is said here is for this listener alone; others may have other rules.\n"
                          "per_listener_settings true\n"
                          "\n"
                          "listener %u\n",
                          self->hub != NULL ? "mosquitto as " : "mosquitto", self->hub != NULL ? self->hub : "", self->port);
  append_tls (text, self);
  g_string_append_printf (text,
                          "\n"
                          "# A device is its certificate's common name, whatever it calls itself, and has one connection.\n"
                          "use_identity_as_username true\n"
                          "use_username_as_clientid true\n"
                          "allow_anonymous false\n"
                          "acl_file %s/" BREVET_HUB_CONFIG_ACCESS_LIST "\n"
                          "\n"
                          "# For settings and listeners of your own, in files NAME.conf: they stay as they are.\n"
                          "include_dir %s/" BREVET_HUB_CONFIG_LOCAL "\n",
                          self->directory, self->directory);
  return g_string_free (text, FALSE);
}

char *
brevet_hub_config_render_trust (const BrevetHubConfig *self)
{
  GString *text = g_string_new (WRITTEN_BY);

  for (guint i = 0; i < self->trust->certificates->len; i++)
    {
      g_autofree char *pem = brevet_certificate_to_pem (g_ptr_array_index (self->trust->certificates, i));

      g_string_append (text, pem);
    }
  return g_string_free (text, FALSE);
}

/* No registration id has a wildcard or a slash in it, and mosquitto lets nobody in whose name has a wildcard. */
char *
brevet_hub_config_render_access_list (const BrevetHubConfig *self)
{
  return g_strdup (WRITTEN_BY
                   "# Each device reaches its own topics and no others; %u is the common name of its certificate.\n"
                   "\n"
                   "# From the device to the hub.\n"
                   "pattern write devices/%u/messages/events/#\n"
                   "# From the hub to the device.\n"
                   "pattern read devices/%u/messages/devicebound/#\n");
}

static void
append_list (GString *text, GBytes *der)
{
  gnutls_datum_t data = { (unsigned char *) g_bytes_get_data (der, NULL), g_bytes_get_size (der) };
  gnutls_datum_t pem = { NULL, 0 };

  if (gnutls_pem_base64_encode2 ("X509 CRL", &data, &pem) < 0)
    g_error ("Out of memory");
  g_string_append_len (text, (const char *) pem.data, pem.size);
  gnutls_free (pem.data);
}

char *
brevet_hub_config_render_lists (const BrevetHubConfig *self)
{
  GString *text;

  if (!brevet_hub_trust_is_revocable (self->trust))
    return NULL;
  text = g_string_new (WRITTEN_BY);
  for (guint i = 0; i < self->trust->lists->len; i++)
    append_list (text, g_ptr_array_index (self->trust->lists, i));
  return g_string_free (text, FALSE);
}

static void
append_as_comment (GString *text, const BrevetHubConfig *self, const char *name, char *contents)
{
  g_auto(GStrv) lines = contents != NULL ? g_strsplit (g_strchomp (contents), "\n", -1) : NULL;

  if (lines == NULL)
    return;
  g_string_append_printf (text, "\n# --- %s/%s\n", self->directory, name);
  for (gsize i = 0; lines[i] != NULL; i++)
    g_string_append_printf (text, "#| %s\n", lines[i]);
}

char *
brevet_hub_config_render_all (const BrevetHubConfig *self)
{
  g_autofree char *main_file = brevet_hub_config_render_main (self);
  g_autofree char *trust = brevet_hub_config_render_trust (self);
  g_autofree char *access_list = brevet_hub_config_render_access_list (self);
  g_autofree char *lists = brevet_hub_config_render_lists (self);
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "# --- %s/" BREVET_HUB_CONFIG_MAIN "\n%s\n# What it names, to be written by --directory %s:\n",
                          self->directory, main_file, self->directory);
  append_as_comment (text, self, BREVET_HUB_CONFIG_TRUST, trust);
  append_as_comment (text, self, BREVET_HUB_CONFIG_ACCESS_LIST, access_list);
  append_as_comment (text, self, BREVET_HUB_CONFIG_LISTS, lists);
  return g_string_free (text, FALSE);
}
