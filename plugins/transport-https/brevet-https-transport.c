/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-https-transport.h"

#include "brevet-error.h"
#include "brevet-https-exchange.h"
#include "brevet-trust-bundle.h"

#include <libsoup/soup.h>
#include <string.h>

#define DEFAULT_PORT 443

/* Longer than any `Prefer: wait` that a client of ours sends, so that a service that uses all of it is still heard. */
#define DEFAULT_TIMEOUT 90
#define MAXIMUM_TIMEOUT 3600

struct _BrevetHttpsTransport
{
  BrevetPlugin parent_instance;

  BrevetHttpsPeer peer;
  gboolean        has_trust;   /* under the lock */
  GProxyResolver *resolver;    /* NULL: no proxy */
  SoupSession    *session;
};

static void brevet_https_transport_iface_init (BrevetTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetHttpsTransport, brevet_https_transport, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_TRANSPORT, brevet_https_transport_iface_init))

/* A TLS connection reads the whole trust store of the system before it is told to use another database, which costs megabytes and
 * tens of milliseconds on a device. With our own database as the default of the process it does not. */
static gboolean default_database_replaced;
static GMutex trust_lock;

static gboolean
check_ca_file (BrevetHttpsTransport *self, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_autoptr(BrevetTrustBundle) bundle = brevet_trust_bundle_load (self->peer.ca_file, &problem);

  if (bundle == NULL)
    g_propagate_error (error, brevet_settings_error (brevet_plugin_get_settings (BREVET_PLUGIN (self)), "ca-file", "%s",
                                                     problem->message));
  return bundle != NULL;
}

static gboolean
use_ca_file (BrevetHttpsTransport *self, GError **error)
{
  BrevetSettings *settings = brevet_plugin_get_settings (BREVET_PLUGIN (self));
  g_autoptr(GError) local_error = NULL;
  g_autoptr(GTlsDatabase) database = g_tls_file_database_new (self->peer.ca_file, &local_error);

  if (database == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "ca-file", "cannot use %s: %s", self->peer.ca_file,
                                                       local_error->message));
      return FALSE;
    }
  g_tls_backend_set_default_database (g_tls_backend_get_default (), database);
  default_database_replaced = TRUE;
  soup_session_set_tls_database (self->session, database);
  return TRUE;
}

/* A transport that trusts the system must not inherit what another one of the same process makes the default. */
static void
use_system_trust (BrevetHttpsTransport *self)
{
  GTlsBackend *backend = g_tls_backend_get_default ();
  g_autoptr(GTlsDatabase) database = NULL;

  if (default_database_replaced)
    g_tls_backend_set_default_database (backend, NULL);
  default_database_replaced = FALSE;
  database = g_tls_backend_get_default_database (backend);
  soup_session_set_tls_database (self->session, database);
}

/* Not before the first exchange: TLS is a module that is loaded then, which costs the agent milliseconds at its start, and memory
 * for as long as it needs no service. */
static gboolean
ensure_trust (BrevetHttpsTransport *self, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&trust_lock);

  if (self->has_trust)
    return TRUE;
  if (self->peer.ca_file == NULL)
    use_system_trust (self);
  else if (!use_ca_file (self, error))
    return FALSE;
  self->has_trust = TRUE;
  return TRUE;
}

static gboolean
use_proxy (BrevetHttpsTransport *self, GError **error)
{
  BrevetSettings *settings = brevet_plugin_get_settings (BREVET_PLUGIN (self));
  const char *proxy = brevet_settings_get_string (settings, "proxy", NULL);
  g_autoptr(GUri) uri = NULL;

  if (proxy == NULL)
    return TRUE;
  uri = g_uri_parse (proxy, G_URI_FLAGS_NONE, NULL);
  if (uri == NULL || !g_str_equal (g_uri_get_scheme (uri), "http") || g_uri_get_host (uri) == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "proxy",
                                                       "“%s” is not a proxy; write for example http://proxy:3128", proxy));
      return FALSE;
    }
  self->resolver = g_simple_proxy_resolver_new (proxy, NULL);
  return TRUE;
}

static gboolean
read_host (BrevetHttpsTransport *self, GError **error)
{
  BrevetSettings *settings = brevet_plugin_get_settings (BREVET_PLUGIN (self));
  const char *host = brevet_settings_require_string (settings, "host", error);

  if (host == NULL)
    return FALSE;
  if (*host == '\0' || strpbrk (host, "/@?#[] \t") != NULL || (strchr (host, ':') != NULL && !g_hostname_is_ip_address (host)))
    {
      g_propagate_error (error, brevet_settings_error (settings, "host", "“%s” is not the name or address of a host; the "
                                                       "port has its own key", host));
      return FALSE;
    }
  self->peer.host = g_strdup (host);
  return TRUE;
}

/* What libsoup would do by itself: decode bodies (a small answer could become a large one) and answer challenges. Neither is
 * wanted. */
static SoupSession *
make_session (BrevetHttpsTransport *self)
{
  SoupSession *session = soup_session_new_with_options ("user-agent", "brevet/" BREVET_VERSION, "timeout", 0,
                                                        "proxy-resolver", self->resolver, NULL);

  soup_session_remove_feature_by_type (session, SOUP_TYPE_CONTENT_DECODER);
  soup_session_remove_feature_by_type (session, SOUP_TYPE_AUTH_MANAGER);
  return session;
}

static gboolean
brevet_https_transport_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetHttpsTransport *self = BREVET_HTTPS_TRANSPORT (plugin);
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);
  gint64 port, timeout;

  if (!read_host (self, error) ||
      !brevet_settings_get_int (settings, "port", DEFAULT_PORT, 1, G_MAXUINT16, &port, error) ||
      !brevet_settings_get_duration (settings, "timeout", DEFAULT_TIMEOUT, 1, MAXIMUM_TIMEOUT, &timeout, error))
    return FALSE;
  self->peer.port = (guint16) port;
  self->peer.timeout = (guint) timeout;
  self->peer.ca_file = brevet_settings_get_path (settings, "ca-file");
  if ((self->peer.ca_file != NULL && !check_ca_file (self, error)) || !use_proxy (self, error))
    return FALSE;
  self->session = make_session (self);
  return TRUE;
}

static void
brevet_https_transport_exchange_async (BrevetTransport *transport, BrevetRequest *request, GCancellable *cancellable,
                                       GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetHttpsTransport *self = BREVET_HTTPS_TRANSPORT (transport);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, brevet_https_transport_exchange_async);
  if (!ensure_trust (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  brevet_https_exchange_run (task, self->session, &self->peer, request);
}

static BrevetReply *
brevet_https_transport_exchange_finish (BrevetTransport *transport, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_https_transport_exchange_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
brevet_https_transport_iface_init (BrevetTransportInterface *iface)
{
  iface->exchange_async = brevet_https_transport_exchange_async;
  iface->exchange_finish = brevet_https_transport_exchange_finish;
}

static void
brevet_https_transport_dispose (GObject *object)
{
  BrevetHttpsTransport *self = BREVET_HTTPS_TRANSPORT (object);

  g_clear_object (&self->session);
  g_clear_object (&self->resolver);
  G_OBJECT_CLASS (brevet_https_transport_parent_class)->dispose (object);
}

static void
brevet_https_transport_finalize (GObject *object)
{
  BrevetHttpsTransport *self = BREVET_HTTPS_TRANSPORT (object);

  g_free (self->peer.host);
  g_free (self->peer.ca_file);
  G_OBJECT_CLASS (brevet_https_transport_parent_class)->finalize (object);
}

static void
brevet_https_transport_class_init (BrevetHttpsTransportClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = brevet_https_transport_dispose;
  object_class->finalize = brevet_https_transport_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_https_transport_configure;
}

static void
brevet_https_transport_init (BrevetHttpsTransport *self)
{
}
