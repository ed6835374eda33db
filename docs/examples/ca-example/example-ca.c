/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the core may ask without a network: settings, abilities, identity, traffic. */

#include "example-ca.h"

#define MAXIMUM_IN_FLIGHT 16

static void ca_backend_iface_init (BrevetCaBackendInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ExampleCa, example_ca, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_CA_BACKEND, ca_backend_iface_init))

/* The token goes to this address and nowhere else, so it must be complete, and never in the clear. */
static gboolean
read_address (ExampleCa *self, BrevetSettings *settings, GError **error)
{
  const char *address = brevet_settings_require_string (settings, "address", error);
  g_autoptr(GUri) uri = NULL;

  if (address == NULL)
    return FALSE;
  uri = g_uri_parse (address, SOUP_HTTP_URI_FLAGS, NULL);
  if (uri == NULL || !g_str_equal (g_uri_get_scheme (uri), "https") || g_uri_get_host (uri) == NULL ||
      g_uri_get_user (uri) != NULL || g_uri_get_query (uri) != NULL || !g_str_equal (g_uri_get_path (uri), "/"))
    {
      g_propagate_error (error, brevet_settings_error (settings, "address", "“%s” is not the https address of a host; write for "
                                                       "example https://ca.example.org", address));
      return FALSE;
    }
  self->host = g_strdup (g_uri_get_host (uri));
  self->port = (guint16) g_uri_get_port (uri);
  return TRUE;
}

static gboolean
is_token (BrevetSecret *token)
{
  gsize length;
  const guint8 *data = brevet_secret_get_data (token, &length);

  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isgraph (data[i]))
      return FALSE;
  return length > 0;
}

static gboolean
read_token (ExampleCa *self, BrevetSettings *settings, GError **error)
{
  if (!brevet_settings_get_secret (settings, "token", &self->token, error))
    return FALSE;
  if (self->token != NULL && is_token (self->token))
    return TRUE;
  g_propagate_error (error, brevet_settings_error (settings, "token", "it is missing, empty, or has blanks in it; put it into a "
                                                   "file and name that with token-file"));
  return FALSE;
}

/* Without a file, what the system trusts; never nothing. */
static gboolean
open_session (ExampleCa *self, BrevetSettings *settings, GError **error)
{
  g_autofree char *path = brevet_settings_get_path (settings, "ca-file");
  g_autoptr(GTlsDatabase) database = NULL;
  g_autoptr(GError) problem = NULL;

  self->soup = soup_session_new_with_options ("timeout", 0, "max-conns", MAXIMUM_IN_FLIGHT, "max-conns-per-host", MAXIMUM_IN_FLIGHT,
                                              NULL);
  soup_session_remove_feature_by_type (self->soup, SOUP_TYPE_CONTENT_DECODER);
  soup_session_remove_feature_by_type (self->soup, SOUP_TYPE_AUTH_MANAGER);
  if (path == NULL)
    return TRUE;
  database = g_tls_file_database_new (path, &problem);
  if (database == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "ca-file", "%s", problem->message));
      return FALSE;
    }
  soup_session_set_tls_database (self->soup, database);
  return TRUE;
}

static gboolean
example_ca_configure (BrevetPlugin *plugin, GError **error)
{
  ExampleCa *self = EXAMPLE_CA (plugin);
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);

  return read_address (self, settings, error) && read_token (self, settings, error) &&
         brevet_settings_get_duration (settings, "timeout", 30, 1, 300, &self->timeout, error) &&
         open_session (self, settings, error);
}

static BrevetCaCapabilities
example_ca_get_capabilities (BrevetCaBackend *backend)
{
  return BREVET_CA_CAPABILITY_PENDING | BREVET_CA_CAPABILITY_FIND | BREVET_CA_CAPABILITY_REVOKE | BREVET_CA_CAPABILITY_URI;
}

static char *
example_ca_dup_identity (BrevetCaBackend *backend)
{
  ExampleCa *self = EXAMPLE_CA (backend);
  g_autofree char *host = g_ascii_strdown (self->host, -1);

  return g_strdup_printf ("example CA, %s:%u", host, self->port);
}

static void
example_ca_get_traffic (BrevetCaBackend *backend, BrevetCaTraffic *traffic)
{
  *traffic = (BrevetCaTraffic){ .maximum_in_flight = MAXIMUM_IN_FLIGHT };
}

static void
ca_backend_iface_init (BrevetCaBackendInterface *iface)
{
  iface->get_capabilities = example_ca_get_capabilities;
  iface->dup_identity = example_ca_dup_identity;
  iface->get_traffic = example_ca_get_traffic;
  example_verbs_init (iface);
}

static void
example_ca_finalize (GObject *object)
{
  ExampleCa *self = EXAMPLE_CA (object);

  g_clear_object (&self->soup);
  g_clear_pointer (&self->token, brevet_secret_unref);
  g_free (self->host);
  G_OBJECT_CLASS (example_ca_parent_class)->finalize (object);
}

static void
example_ca_class_init (ExampleCaClass *class)
{
  G_OBJECT_CLASS (class)->finalize = example_ca_finalize;
  BREVET_PLUGIN_CLASS (class)->configure = example_ca_configure;
}

static void
example_ca_init (ExampleCa *self)
{
}
