/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-protocol.h"

#include "brevet-error.h"

static GMutex lock;
static GHashTable *entries;

void
brevet_gate_protocol_entry_unref (BrevetGateProtocolEntry *entry)
{
  if (!g_atomic_ref_count_dec (&entry->references))
    return;

  if (entry->destroy != NULL)
    entry->destroy (entry->user_data);
  g_free (entry);
}

gboolean
brevet_gate_register_protocol (const char *name, const BrevetGateProtocol *protocol, gpointer user_data, GDestroyNotify destroy,
                               GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&lock);
  BrevetGateProtocolEntry *entry;

  if (entries == NULL)
    entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) brevet_gate_protocol_entry_unref);

  if (g_hash_table_contains (entries, name))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "There already is a protocol “%s”", name);
      return FALSE;
    }

  entry = g_new (BrevetGateProtocolEntry, 1);
  g_atomic_ref_count_init (&entry->references);
  entry->functions = protocol;
  entry->user_data = user_data;
  entry->destroy = destroy;
  g_hash_table_insert (entries, g_strdup (name), entry);
  return TRUE;
}

void
brevet_gate_unregister_protocol (const char *name)
{
  g_autofree char *key = NULL;
  BrevetGateProtocolEntry *entry = NULL;

  g_mutex_lock (&lock);
  if (entries != NULL && g_hash_table_steal_extended (entries, name, (gpointer *) &key, (gpointer *) &entry)
      && g_hash_table_size (entries) == 0)
    g_clear_pointer (&entries, g_hash_table_unref);
  g_mutex_unlock (&lock);

  /* Outside the lock: it may free whatever the protocol was registered with. */
  if (entry != NULL)
    brevet_gate_protocol_entry_unref (entry);
}

gboolean
brevet_gate_has_protocol (const char *name)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&lock);

  return entries != NULL && g_hash_table_contains (entries, name);
}

BrevetGateProtocolEntry *
brevet_gate_protocol_lookup (const char *name)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&lock);
  BrevetGateProtocolEntry *entry = entries == NULL ? NULL : g_hash_table_lookup (entries, name);

  if (entry != NULL)
    g_atomic_ref_count_inc (&entry->references);
  return entry;
}
