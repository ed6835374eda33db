/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-token.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STOP_SECONDS 10
#define MOST_CONNECTIONS 10000

G_DEFINE_FINAL_TYPE (BrevetGate, brevet_gate, G_TYPE_OBJECT)

/* Store, CA clients, logs and workers need descriptors too. */
static guint
derive_maximum (void)
{
  struct rlimit limit = { .rlim_cur = 1024 };
  guint64 files, reserve;

  getrlimit (RLIMIT_NOFILE, &limit);
  files = MIN (limit.rlim_cur, (rlim_t) G_MAXINT32);
  reserve = CLAMP (files / 4, 32, 256);
  return CLAMP (files, reserve + 8, reserve + MOST_CONNECTIONS) - reserve;
}

static gboolean
read_limits (BrevetGate *self, GError **error)
{
  gint64 workers, maximum, per_address, handshake;

  if (!brevet_settings_get_int (self->settings, "workers", g_get_num_processors (), 1, 256, &workers, error)
      || !brevet_settings_get_int (self->settings, "maximum-connections", derive_maximum (), 1, 1000000, &maximum, error)
      || !brevet_settings_get_int (self->settings, "maximum-connections-per-address", MAX (maximum / 4, 16), 1, 1000000,
                                   &per_address, error)
      || !brevet_settings_get_duration (self->settings, "handshake-timeout", 10, 1, 3600, &handshake, error))
    return FALSE;

  self->n_workers = workers;
  self->census.maximum = maximum;
  self->census.maximum_per_address = per_address;
  self->handshake_timeout = handshake * 1000;
  return TRUE;
}

static gboolean
read_address (BrevetGate *self, guint16 default_port, GError **error)
{
  guint8 bytes[sizeof (struct in6_addr)];
  gint64 port;

  self->address = g_strdup (brevet_settings_get_string (self->settings, "address", NULL));
  if (self->address != NULL && inet_pton (AF_INET, self->address, bytes) != 1 && inet_pton (AF_INET6, self->address, bytes) != 1)
    {
      g_propagate_error (error, brevet_settings_error (self->settings, "address",
                                                       "“%s” is not an IP address; write for example 192.0.2.1 or ::1",
                                                       self->address));
      return FALSE;
    }
  if (!brevet_settings_get_int (self->settings, "port", default_port, 0, G_MAXUINT16, &port, error))
    return FALSE;
  self->configured_port = port;
  return TRUE;
}

static BrevetGate *
gate_new (BrevetSettings *settings, guint16 default_port, gboolean is_public, GError **error)
{
  g_autoptr(BrevetGate) self = g_object_new (BREVET_TYPE_GATE, NULL);

  self->settings = g_object_ref (settings);
  self->proxies.is_public = is_public;
  if (!read_limits (self, error) || !read_address (self, default_port, error)
      || !brevet_gate_proxies_read (&self->proxies, settings, error))
    return NULL;
  return g_steal_pointer (&self);
}

BrevetGate *
brevet_gate_new (BrevetSettings *settings, guint16 default_port, GError **error)
{
  return gate_new (settings, default_port, FALSE, error);
}

BrevetGate *
brevet_gate_new_public (BrevetSettings *settings, guint16 default_port, GError **error)
{
  return gate_new (settings, default_port, TRUE, error);
}

static void
warn_of_dates (BrevetCertificate *certificate, const char *path)
{
  gint64 now = brevet_clock_now_seconds ();

  if (brevet_certificate_get_not_after (certificate) < now)
    g_warning ("The certificate in %s has expired; clients will refuse it", path);
  else if (brevet_certificate_get_not_before (certificate) > now)
    g_warning ("The certificate in %s is not valid yet; clients will refuse it", path);
}

static BrevetKey *
load_key (BrevetGate *self, GError **error)
{
  const char *location = brevet_settings_require_string (self->settings, "key", error);
  g_autoptr(BrevetSecret) password = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autofree char *path = NULL;
  BrevetKey *key;

  if (location == NULL || !brevet_settings_get_secret (self->settings, "key-password", &password, error))
    return NULL;
  if (!brevet_token_is_uri (location))
    location = path = brevet_settings_get_path (self->settings, "key");
  key = brevet_key_load (location, password, &local_error);
  if (key == NULL)
    {
      g_propagate_error (error, brevet_settings_error (self->settings, "key", "%s", local_error->message));
      if (error != NULL)
        (*error)->code = local_error->code;
    }
  return key;
}

static BrevetGateCredentials *
load_credentials (BrevetGate *self, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(BrevetKey) key = NULL;
  BrevetGateCredentials *credentials;

  if (brevet_settings_require_string (self->settings, "certificate", error) == NULL)
    return NULL;
  path = brevet_settings_get_path (self->settings, "certificate");
  chain = brevet_chain_load (path, error);
  key = chain == NULL ? NULL : load_key (self, error);
  if (key == NULL)
    return NULL;

  credentials = brevet_gate_credentials_new (chain, key, error);
  if (credentials == NULL)
    g_prefix_error (error, "%s: ", path);
  else
    warn_of_dates (brevet_chain_get_leaf (chain), path);
  return credentials;
}

gboolean
brevet_gate_reload (BrevetGate *self, GError **error)
{
  BrevetGateCredentials *former;
  BrevetGateCredentials *credentials;

  if (!self->proxies.has_tls)
    return TRUE;
  credentials = load_credentials (self, error);
  if (credentials == NULL)
    return FALSE;

  g_mutex_lock (&self->credentials_lock);
  former = self->credentials;
  self->credentials = credentials;
  g_mutex_unlock (&self->credentials_lock);
  g_clear_pointer (&former, brevet_gate_credentials_unref);
  return TRUE;
}

BrevetGateCredentials *
brevet_gate_ref_credentials (BrevetGate *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->credentials_lock);

  return self->credentials == NULL ? NULL : brevet_gate_credentials_ref (self->credentials);
}

static void
add_acceptor (BrevetGate *self, guint worker, int fd, gboolean shared)
{
  g_ptr_array_add (self->acceptors, brevet_gate_acceptor_new (self, self->workers->pdata[worker], fd, shared));
}

/* Every worker listens to every socket of systemd, through a descriptor of its own. */
static gboolean
share_sockets (BrevetGate *self, GArray *sockets, GError **error)
{
  for (guint i = 0; i < sockets->len; i++)
    for (guint worker = 0; worker < self->n_workers; worker++)
      {
        int fd = dup (g_array_index (sockets, int, i));

        if (fd < 0)
          {
            g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot share a socket among the workers: %s",
                         g_strerror (errno));
            return FALSE;
          }
        add_acceptor (self, worker, fd, TRUE);
      }
  self->port = brevet_gate_socket_get_port (g_array_index (sockets, int, 0));
  return TRUE;
}

static gboolean
open_sockets (BrevetGate *self, GError **error)
{
  g_autoptr(GArray) passed = brevet_gate_take_passed_sockets (brevet_settings_get_name (self->settings), error);
  g_autoptr(GArray) sockets = NULL;

  if (passed == NULL)
    return FALSE;
  if (passed->len > 0)
    return share_sockets (self, passed, error);

  sockets = brevet_gate_open_sockets (self->address, self->configured_port, self->n_workers, &self->port, error);
  if (sockets == NULL)
    return FALSE;
  for (guint worker = 0; worker < self->n_workers; worker++)
    {
      add_acceptor (self, worker, g_array_index (sockets, int, worker), FALSE);
      g_array_index (sockets, int, worker) = -1;
    }
  return TRUE;
}

static void
acceptor_free (gpointer data)
{
  BrevetGateAcceptor *acceptor = data;

  if (acceptor->watch.fd >= 0)
    close (acceptor->watch.fd);
  g_free (acceptor);
}

static void
give_up_workers (BrevetGate *self)
{
  if (self->workers == NULL)
    return;

  g_clear_pointer (&self->workers, g_ptr_array_unref);
  brevet_gate_workers_release ();
  g_ptr_array_set_size (self->acceptors, 0);
  self->port = 0;
}

gboolean
brevet_gate_start (BrevetGate *self, const char *protocol, GError **error)
{
  g_return_val_if_fail (self->workers == NULL, FALSE);

  if (!brevet_gate_reload (self, error))
    return FALSE;

  g_free (self->protocol);
  self->protocol = g_strdup (protocol);
  self->workers = brevet_gate_workers_acquire (self->n_workers, error);
  if (self->workers == NULL)
    return FALSE;
  if (!open_sockets (self, error))
    {
      give_up_workers (self);
      return FALSE;
    }

  for (guint i = 0; i < self->acceptors->len; i++)
    brevet_gate_acceptor_start (self->acceptors->pdata[i]);
  return TRUE;
}

void
brevet_gate_retain (BrevetGate *self)
{
  g_atomic_int_inc (&self->open);
}

static gboolean
on_all_closed (gpointer data)
{
  BrevetGate *self = data;
  g_autoptr(GTask) task = NULL;

  /* The time-out may have come between, and with it something that is still open. */
  if (self->stop_task == NULL || g_atomic_int_get (&self->open) != 0)
    return G_SOURCE_REMOVE;

  task = g_steal_pointer (&self->stop_task);
  g_clear_handle_id (&self->stop_timeout, g_source_remove);
  give_up_workers (self);
  g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

void
brevet_gate_release (BrevetGate *self)
{
  g_autoptr(GSource) source = NULL;

  if (!g_atomic_int_dec_and_test (&self->open))
    return;

  /* Only a gate that stops has no acceptor left. The workers must be joined from outside. */
  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_all_closed, g_object_ref (self), g_object_unref);
  g_source_attach (source, g_task_get_context (self->stop_task));
}

static gboolean
on_stop_timeout (gpointer data)
{
  BrevetGate *self = data;

  self->stop_timeout = 0;
  for (guint i = 0; i < self->acceptors->len; i++)
    brevet_gate_acceptor_cut (self->acceptors->pdata[i]);
  return G_SOURCE_REMOVE;
}

void
brevet_gate_stop_async (BrevetGate *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_gate_stop_async);
  g_task_set_check_cancellable (task, FALSE);
  if (self->workers == NULL || self->stop_task != NULL)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  self->stop_task = g_steal_pointer (&task);
  self->stop_timeout = g_timeout_add_seconds (STOP_SECONDS, on_stop_timeout, self);
  for (guint i = 0; i < self->acceptors->len; i++)
    brevet_gate_acceptor_stop (self->acceptors->pdata[i]);
}

gboolean
brevet_gate_stop_finish (BrevetGate *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
brevet_gate_has_tls (BrevetGate *self)
{
  return self->proxies.has_tls;
}

guint16
brevet_gate_get_port (BrevetGate *self)
{
  return self->port;
}

static void
brevet_gate_finalize (GObject *object)
{
  BrevetGate *self = BREVET_GATE (object);

  g_warn_if_fail (self->workers == NULL);
  brevet_gate_census_clear (&self->census);
  brevet_gate_proxies_clear (&self->proxies);
  g_clear_pointer (&self->acceptors, g_ptr_array_unref);
  g_clear_pointer (&self->credentials, brevet_gate_credentials_unref);
  g_mutex_clear (&self->credentials_lock);
  gnutls_memset (self->ticket_key.data, 0, self->ticket_key.size);
  gnutls_free (self->ticket_key.data);
  g_clear_object (&self->settings);
  g_free (self->address);
  g_free (self->protocol);
  G_OBJECT_CLASS (brevet_gate_parent_class)->finalize (object);
}

static void
brevet_gate_class_init (BrevetGateClass *class)
{
  G_OBJECT_CLASS (class)->finalize = brevet_gate_finalize;
}

static gpointer
ref_connection (gpointer connection)
{
  return brevet_gate_connection_ref (connection);
}

static void
brevet_gate_init (BrevetGate *self)
{
  g_mutex_init (&self->credentials_lock);
  brevet_gate_census_init (&self->census, ref_connection);
  brevet_gate_proxies_init (&self->proxies);
  self->acceptors = g_ptr_array_new_with_free_func (acceptor_free);

  /* One key for all workers, so that a ticket is good wherever the kernel sends the next connection. GnuTLS derives the keys that
   * it really uses from it, a new one every few hours. */
  if (gnutls_session_ticket_key_generate (&self->ticket_key) < 0)
    g_error ("The random source of GnuTLS does not work");
}
