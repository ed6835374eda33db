/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-network-trust.h"

#include "brevet-error.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The default database of the process, if it is ours; and the system's trust, as long as somebody uses it. */
static GTlsDatabase *replacement;
static GWeakRef system_trust;
static GMutex lock;

/* GIO hands out the system's trust as the default database and not otherwise. */
static GTlsDatabase *
get_system_trust (void)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&lock);
  GTlsBackend *backend = g_tls_backend_get_default ();
  GTlsDatabase *database = g_weak_ref_get (&system_trust);

  if (database != NULL)
    return database;
  if (replacement != NULL)
    g_tls_backend_set_default_database (backend, NULL);
  database = g_tls_backend_get_default_database (backend);
  if (replacement != NULL)
    g_tls_backend_set_default_database (backend, replacement);
  g_weak_ref_set (&system_trust, database);
  return database;
}

static gboolean
write_all (int descriptor, const char *text)
{
  for (gsize done = 0, length = strlen (text); done < length;)
    {
      gssize written = write (descriptor, text + done, length - done);

      if (written < 0 && errno != EINTR)
        return FALSE;
      done += written > 0 ? (gsize) written : 0;
    }
  return TRUE;
}

static void
close_descriptor (gpointer data)
{
  close (GPOINTER_TO_INT (data));
}

/* The database of GIO wants a file, and reads it again when it is first used. Ours is in memory, and there as long as the database:
 * one that was deleted in between would fail connections that do not even use it. */
static GTlsDatabase *
open_memory (const char *pem, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr(GError) local_error = NULL;
  GTlsDatabase *database;
  int descriptor = memfd_create ("brevet-trust", MFD_CLOEXEC);

  if (descriptor < 0 || !write_all (descriptor, pem))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot keep trusted certificates in memory: %s", g_strerror (errno));
      if (descriptor >= 0)
        close (descriptor);
      return NULL;
    }
  path = g_strdup_printf ("/proc/self/fd/%d", descriptor);
  database = g_tls_file_database_new (path, &local_error);
  if (database == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot use the trusted certificates for TLS: %s",
                   local_error->message);
      close (descriptor);
      return NULL;
    }
  g_object_set_data_full (G_OBJECT (database), "brevet-trust", GINT_TO_POINTER (descriptor), close_descriptor);
  return database;
}

/* See the header. It has to be any that is not empty. */
static gboolean
ensure_default (const char *pem, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&lock);

  if (replacement != NULL)
    return TRUE;
  replacement = open_memory (pem, error);
  if (replacement != NULL)
    g_tls_backend_set_default_database (g_tls_backend_get_default (), replacement);
  return replacement != NULL;
}

GTlsDatabase *
brevet_network_trust_new (const BrevetNetworkPeer *peer, GError **error)
{
  g_autoptr(BrevetTrustBundle) bundle = NULL;
  g_autofree char *pem = NULL;

  g_return_val_if_fail (peer != NULL, NULL);

  if (peer->trust == NULL && peer->ca_file == NULL)
    return get_system_trust ();
  bundle = peer->trust != NULL ? brevet_trust_bundle_ref (peer->trust) : brevet_trust_bundle_load (peer->ca_file, error);
  if (bundle == NULL)
    return NULL;
  pem = brevet_trust_bundle_to_pem (bundle);
  return ensure_default (pem, error) ? open_memory (pem, error) : NULL;
}
