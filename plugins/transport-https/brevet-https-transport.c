/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-https-transport.h"

#include "brevet-https-exchange.h"
#include "brevet-network-trust.h"

#include <libsoup/soup.h>

#define DEFAULT_PORT 443

/* Longer than any `Prefer: wait` that a client of ours sends, so that a service that uses all of it is still heard. */
#define DEFAULT_TIMEOUT 90

struct _BrevetHttpsTransport
{
  BrevetPlugin parent_instance;

  BrevetNetworkPeer *peer;
  GMutex             trust_lock;
  gboolean           has_trust;   /* under the lock */
  SoupSession       *session;
};

static void brevet_https_transport_iface_init (BrevetTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetHttpsTransport, brevet_https_transport, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_TRANSPORT, brevet_https_transport_iface_init))

/* Not before the first exchange: TLS is a module that is loaded then, which costs the agent milliseconds at its start, and memory
 * for as long as it needs no service. */
static gboolean
ensure_trust (BrevetHttpsTransport *self, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->trust_lock);
  g_autoptr(GTlsDatabase) database = NULL;

  if (self->has_trust)
    return TRUE;
  database = brevet_network_trust_new (self->peer, error);
  if (database == NULL)
    return FALSE;
  soup_session_set_tls_database (self->session, database);
  self->has_trust = TRUE;
  return TRUE;
}

/* What libsoup would do by itself: decode bodies (a small answer could become a large one) and answer challenges. Neither is
 * wanted. */
static SoupSession *
make_session (BrevetHttpsTransport *self)
{
  SoupSession *session = soup_session_new_with_options ("user-agent", "brevet/" BREVET_VERSION, "timeout", 0,
                                                        "proxy-resolver", self->peer->resolver, NULL);

  soup_session_remove_feature_by_type (session, SOUP_TYPE_CONTENT_DECODER);
  soup_session_remove_feature_by_type (session, SOUP_TYPE_AUTH_MANAGER);
  return session;
}

static gboolean
brevet_https_transport_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetHttpsTransport *self = BREVET_HTTPS_TRANSPORT (plugin);

  self->peer = brevet_network_peer_read (brevet_plugin_get_settings (plugin), DEFAULT_PORT, DEFAULT_TIMEOUT, error);
  if (self->peer == NULL)
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
  brevet_https_exchange_run (task, self->session, self->peer, request);
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
  G_OBJECT_CLASS (brevet_https_transport_parent_class)->dispose (object);
}

static void
brevet_https_transport_finalize (GObject *object)
{
  BrevetHttpsTransport *self = BREVET_HTTPS_TRANSPORT (object);

  g_clear_pointer (&self->peer, brevet_network_peer_free);
  g_mutex_clear (&self->trust_lock);
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
  g_mutex_init (&self->trust_lock);
}
