/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-https-listener.h"

#include "http-connection.h"

#define DEFAULT_PORT 443

struct _BrevetHttpsListener
{
  BrevetGateListener parent_instance;

  HttpService        limits;   /* as configured; its handler stays NULL */
};

G_DEFINE_FINAL_TYPE (BrevetHttpsListener, brevet_https_listener, BREVET_TYPE_GATE_LISTENER)

static gboolean
read_timeouts (BrevetHttpsListener *self, BrevetSettings *settings, GError **error)
{
  gint64 header, body, idle;

  if (!brevet_settings_get_duration (settings, "header-timeout", 10, 1, 3600, &header, error)
      || !brevet_settings_get_duration (settings, "body-timeout", 30, 1, 3600, &body, error)
      || !brevet_settings_get_duration (settings, "idle-timeout", 60, 1, 86400, &idle, error))
    return FALSE;

  self->limits.header_timeout = header * 1000;
  self->limits.body_timeout = body * 1000;
  self->limits.idle_timeout = idle * 1000;
  return TRUE;
}

static gboolean
read_sizes (BrevetHttpsListener *self, BrevetSettings *settings, GError **error)
{
  gint64 header, body, requests;

  if (!brevet_settings_get_int (settings, "maximum-header-size", 16 * 1024, 1024, 1024 * 1024, &header, error)
      || !brevet_settings_get_int (settings, "maximum-body-size", 64 * 1024, 1024, 64 * 1024 * 1024, &body, error)
      || !brevet_settings_get_int (settings, "maximum-requests-per-connection", 1000, 1, G_MAXINT32, &requests, error))
    return FALSE;

  self->limits.header_limit = header;
  self->limits.body_limit = body;
  self->limits.request_limit = requests;
  return TRUE;
}

static gboolean
read_offer (BrevetHttpsListener *self, BrevetSettings *settings, GError **error)
{
  const char *offer = brevet_settings_get_string (settings, "serve", "everything");

  self->limits.public_only = g_str_equal (offer, "revocation-lists");
  if (self->limits.public_only || g_str_equal (offer, "everything"))
    return TRUE;
  g_propagate_error (error, brevet_settings_error (settings, "serve", "“%s” is nothing that a listener could be limited to; write "
                                                   "revocation-lists, or leave it out", offer));
  return FALSE;
}

static gboolean
brevet_https_listener_is_public (BrevetGateListener *listener)
{
  return BREVET_HTTPS_LISTENER (listener)->limits.public_only;
}

static gboolean
brevet_https_listener_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetHttpsListener *self = BREVET_HTTPS_LISTENER (plugin);
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);

  if (!read_timeouts (self, settings, error) || !read_sizes (self, settings, error) || !read_offer (self, settings, error))
    return FALSE;
  return BREVET_PLUGIN_CLASS (brevet_https_listener_parent_class)->configure (plugin, error)
         && http_forwarding_configure (&self->limits.forwarding, settings, error);
}

static void
service_free (gpointer data)
{
  HttpService *service = data;

  g_object_unref (service->handler);
  g_free (service);
}

static gboolean
brevet_https_listener_register_protocols (BrevetGateListener *listener, const char *name, BrevetHandler *handler, GError **error)
{
  BrevetHttpsListener *self = BREVET_HTTPS_LISTENER (listener);
  HttpService *service = g_memdup2 (&self->limits, sizeof self->limits);

  service->handler = g_object_ref (handler);
  if (brevet_gate_register_protocol (name, &http_connection_protocol, service, service_free, error))
    return TRUE;
  service_free (service);
  return FALSE;
}

static void
brevet_https_listener_class_init (BrevetHttpsListenerClass *class)
{
  BrevetGateListenerClass *listener_class = BREVET_GATE_LISTENER_CLASS (class);

  BREVET_PLUGIN_CLASS (class)->configure = brevet_https_listener_configure;
  listener_class->protocol = "https";
  listener_class->default_port = DEFAULT_PORT;
  listener_class->is_public = brevet_https_listener_is_public;
  listener_class->register_protocols = brevet_https_listener_register_protocols;
}

static void
brevet_https_listener_init (BrevetHttpsListener *self)
{
}
