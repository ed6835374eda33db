/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mqtt-sessions.h"

static GMutex lock;
static GHashTable *sessions;   /* device → BrevetGateConnection, not referenced; NULL if empty */

void
mqtt_sessions_enter (const char *device, BrevetGateConnection *connection)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&lock);
  BrevetGateConnection *former;

  if (sessions == NULL)
    sessions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  /* Under the lock, as the other one cannot leave before it is taken: neither it nor its worker goes away meanwhile. */
  former = g_hash_table_lookup (sessions, device);
  if (former != NULL && former != connection)
    brevet_gate_connection_dismiss (former);
  g_hash_table_replace (sessions, g_strdup (device), connection);
}

void
mqtt_sessions_leave (const char *device, BrevetGateConnection *connection)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&lock);

  /* One that was dismissed may leave after the last of the others. */
  if (sessions == NULL || g_hash_table_lookup (sessions, device) != connection)
    return;
  g_hash_table_remove (sessions, device);
  if (g_hash_table_size (sessions) == 0)
    g_clear_pointer (&sessions, g_hash_table_unref);
}
