/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-shared-service.h"

/* What was begun for the last user may still be written when he has gone, and until then nobody else could open the store. */
#define LINGER_SECONDS 1

struct _BrevetSharedService
{
  char                *key;
  guint                users;
  guint                lingering; /* source, while there are no users */
  BrevetConfig        *config;    /* the last one that was right, whether it has taken effect or not */
  BrevetServiceChange *change;    /* what it changes; NULL if the service was started with it */
  BrevetService       *service;
};

static GMutex lock;          /* guards all below, and lets one service end before the next one wants the same store */
static GHashTable *services; /* key → BrevetSharedService; NULL while there is none */

/* A configuration without a file is like no other. */
static char *
make_key (BrevetConfig *config)
{
  const char *path = brevet_config_get_path (config);

  return path != NULL ? g_strdup (path) : g_strdup_printf ("%p", (gpointer) config);
}

static BrevetSharedService *
start (BrevetConfig *config, const char *key, GError **error)
{
  BrevetService *service = brevet_service_new_embedded (config, error);
  BrevetSharedService *self;

  if (service == NULL)
    return NULL;
  self = g_new0 (BrevetSharedService, 1);
  self->key = g_strdup (key);
  self->users = 1;
  self->config = g_object_ref (config);
  self->service = service;
  if (services == NULL)
    services = g_hash_table_new (g_str_hash, g_str_equal);
  g_hash_table_insert (services, self->key, self);
  return self;
}

static gboolean
prepare (BrevetSharedService *self, BrevetConfig *config, GError **error)
{
  BrevetServiceChange *change = brevet_service_prepare (self->service, config, error);

  if (change == NULL)
    return FALSE;
  g_set_object (&self->config, config);
  g_clear_pointer (&self->change, brevet_service_change_unref);
  self->change = change;
  return TRUE;
}

static BrevetSharedService *
join (BrevetSharedService *self, BrevetConfig *config, GError **error)
{
  if (config != self->config && !prepare (self, config, error))
    return NULL;
  g_clear_handle_id (&self->lingering, g_source_remove);
  self->users++;
  return self;
}

BrevetSharedService *
brevet_shared_service_acquire (BrevetConfig *config, BrevetServiceChange **change, GError **error)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  g_autofree char *key = make_key (config);
  BrevetSharedService *self = services != NULL ? g_hash_table_lookup (services, key) : NULL;

  self = self != NULL ? join (self, config, error) : start (config, key, error);
  if (self != NULL && self->change != NULL)
    *change = brevet_service_change_ref (self->change);
  return self;
}

BrevetService *
brevet_shared_service_get_service (BrevetSharedService *self)
{
  return self->service;
}

static void
end (BrevetSharedService *self)
{
  g_hash_table_remove (services, self->key);
  if (g_hash_table_size (services) == 0)
    g_clear_pointer (&services, g_hash_table_unref);
  g_clear_pointer (&self->change, brevet_service_change_unref);
  g_object_unref (self->service);
  g_object_unref (self->config);
  g_free (self->key);
  g_free (self);
}

static gboolean
on_lingered (gpointer user_data)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  BrevetSharedService *self = user_data;

  if (brevet_service_is_busy (self->service))
    return G_SOURCE_CONTINUE;
  end (self);
  return G_SOURCE_REMOVE;
}

void
brevet_shared_service_release (BrevetSharedService *self)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);

  if (--self->users == 0)
    self->lingering = g_timeout_add_seconds (LINGER_SECONDS, on_lingered, self);
}
