/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-traffic-private.h"

#include "brevet-identifier.h"

struct _BrevetAuthorityTraffics
{
  GMainContext *main_context;
  GMutex        lock;
  GHashTable   *traffics; /* folded name, line end, identity → BrevetAuthorityTraffic */
};

BrevetAuthorityTraffics *
brevet_authority_traffics_new (void)
{
  BrevetAuthorityTraffics *self = g_atomic_rc_box_new0 (BrevetAuthorityTraffics);

  g_mutex_init (&self->lock);
  self->main_context = g_main_context_ref_thread_default ();
  self->traffics = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) brevet_authority_traffic_unref);
  return self;
}

BrevetAuthorityTraffics *
brevet_authority_traffics_ref (BrevetAuthorityTraffics *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
traffics_clear (gpointer data)
{
  BrevetAuthorityTraffics *self = data;

  g_hash_table_unref (self->traffics);
  g_main_context_unref (self->main_context);
  g_mutex_clear (&self->lock);
}

void
brevet_authority_traffics_unref (BrevetAuthorityTraffics *self)
{
  g_atomic_rc_box_release_full (self, traffics_clear);
}

/* A name may stand for one CA now and for another before, and both are asked: each has its own. */
static char *
make_key (const char *name, const char *identity)
{
  g_autofree char *folded = brevet_identifier_fold (name);

  return g_strconcat (folded, "\n", identity, NULL);
}

BrevetAuthorityTraffic *
brevet_authority_traffics_get (BrevetAuthorityTraffics *self, const char *name, const char *identity,
                               const BrevetAuthorityLimits *limits)
{
  g_autofree char *key = make_key (name, identity);
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);
  BrevetAuthorityTraffic *traffic = g_hash_table_lookup (self->traffics, key);

  if (traffic == NULL)
    {
      traffic = brevet_authority_traffic_new_for_context (name, limits, self->main_context);
      g_hash_table_insert (self->traffics, g_steal_pointer (&key), traffic);
    }
  return brevet_authority_traffic_ref (traffic);
}
