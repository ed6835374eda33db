/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-network-peer.h"

#include "brevet-error.h"

#include <string.h>

#define DEFAULT_TIMEOUT 30
#define MAXIMUM_TIMEOUT 3600

/* In place of an address: ask the desktop or the environment. */
#define SYSTEM_PROXY "system"

static gboolean
read_host (BrevetNetworkPeer *self, BrevetSettings *settings, GError **error)
{
  const char *host = brevet_settings_require_string (settings, "host", error);

  if (host == NULL)
    return FALSE;
  if (*host == '\0' || strpbrk (host, "/@?#[] \t") != NULL || (strchr (host, ':') != NULL && !g_hostname_is_ip_address (host)))
    {
      g_propagate_error (error, brevet_settings_error (settings, "host", "“%s” is not the name or address of a host; the "
                                                       "port has its own key", host));
      return FALSE;
    }
  self->host = g_strdup (host);
  return TRUE;
}

static gboolean
read_ca_file (BrevetNetworkPeer *self, BrevetSettings *settings, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_autoptr(BrevetTrustBundle) bundle = NULL;

  self->ca_file = brevet_settings_get_path (settings, "ca-file");
  if (self->ca_file == NULL)
    return TRUE;
  bundle = brevet_trust_bundle_load (self->ca_file, &problem);
  if (bundle == NULL)
    g_propagate_error (error, brevet_settings_error (settings, "ca-file", "%s", problem->message));
  return bundle != NULL;
}

static gboolean
read_proxy (BrevetNetworkPeer *self, BrevetSettings *settings, GError **error)
{
  const char *proxy = brevet_settings_get_string (settings, "proxy", NULL);
  g_autoptr(GUri) uri = NULL;

  if (proxy == NULL)
    return TRUE;
  if (g_str_equal (proxy, SYSTEM_PROXY))
    {
      self->resolver = g_object_ref (g_proxy_resolver_get_default ());
      return TRUE;
    }
  uri = g_uri_parse (proxy, G_URI_FLAGS_NONE, NULL);
  /* What is there is not repeated: there may be a password in it. */
  if (uri == NULL || !g_str_equal (g_uri_get_scheme (uri), "http") || g_uri_get_host (uri) == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "proxy", "that is not a proxy; write for example "
                                                       "http://proxy:3128, or " SYSTEM_PROXY));
      return FALSE;
    }
  self->resolver = g_simple_proxy_resolver_new (proxy, NULL);
  return TRUE;
}

/* How to get there, and what to believe; the host is known. */
static gboolean
read_ways (BrevetNetworkPeer *self, BrevetSettings *settings, guint default_timeout, GError **error)
{
  gint64 timeout;

  if (!brevet_settings_get_duration (settings, "timeout", default_timeout, 1, MAXIMUM_TIMEOUT, &timeout, error) ||
      !read_ca_file (self, settings, error) || !read_proxy (self, settings, error))
    return FALSE;
  self->timeout = (guint) timeout;
  return TRUE;
}

BrevetNetworkPeer *
brevet_network_peer_read (BrevetSettings *settings, guint16 default_port, guint default_timeout, GError **error)
{
  g_autoptr(BrevetNetworkPeer) self = g_new0 (BrevetNetworkPeer, 1);
  gint64 port;

  g_return_val_if_fail (BREVET_IS_SETTINGS (settings), NULL);

  if (!read_host (self, settings, error) ||
      !brevet_settings_get_int (settings, "port", default_port, 1, G_MAXUINT16, &port, error) ||
      !read_ways (self, settings, default_timeout, error))
    return NULL;
  self->port = (guint16) port;
  return g_steal_pointer (&self);
}

BrevetNetworkPeer *
brevet_network_peer_read_for (BrevetSettings *settings, const char *host, guint16 port, guint default_timeout, GError **error)
{
  g_autoptr(BrevetNetworkPeer) self = brevet_network_peer_new (host, port);

  g_return_val_if_fail (BREVET_IS_SETTINGS (settings), NULL);

  return read_ways (self, settings, default_timeout, error) ? g_steal_pointer (&self) : NULL;
}

BrevetNetworkPeer *
brevet_network_peer_new (const char *host, guint16 port)
{
  BrevetNetworkPeer *self;

  g_return_val_if_fail (host != NULL, NULL);

  self = g_new0 (BrevetNetworkPeer, 1);
  self->host = g_strdup (host);
  self->port = port;
  self->timeout = DEFAULT_TIMEOUT;
  return self;
}

void
brevet_network_peer_free (BrevetNetworkPeer *self)
{
  g_free (self->host);
  g_free (self->ca_file);
  g_clear_pointer (&self->trust, brevet_trust_bundle_unref);
  g_clear_object (&self->resolver);
  g_free (self);
}
