/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-census.h"

#include <string.h>

#define GRACE (G_USEC_PER_SEC / 5)

/* Those who must go from another worker are gone a moment later; until then this many may be here beside the maximum. */
#define SLACK 4

struct _BrevetGateAddress
{
  guint8 bytes[16];
  guint  count;
  GQueue waiting;
};

static guint
address_hash (gconstpointer key)
{
  const guint8 *bytes = key;
  guint hash = 5381;

  for (guint i = 0; i < 16; i++)
    hash = hash * 33 + bytes[i];
  return hash;
}

static gboolean
address_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, 16) == 0;
}

void
brevet_gate_census_init (BrevetGateCensus *self, gpointer (*ref_owner) (gpointer owner))
{
  g_mutex_init (&self->lock);
  g_queue_init (&self->waiting);
  self->addresses = g_hash_table_new_full (address_hash, address_equal, NULL, g_free);
  self->ref_owner = ref_owner;
}

void
brevet_gate_census_clear (BrevetGateCensus *self)
{
  g_clear_pointer (&self->addresses, g_hash_table_unref);
  g_mutex_clear (&self->lock);
}

static void
stop_waiting (BrevetGateCensus *self, BrevetGateSeat *seat)
{
  if (!seat->waiting)
    return;

  g_queue_unlink (&self->waiting, &seat->everywhere);
  g_queue_unlink (&seat->address->waiting, &seat->neighbours);
  seat->waiting = FALSE;
}

static void
start_waiting (BrevetGateCensus *self, BrevetGateSeat *seat)
{
  if (seat->waiting)
    return;

  seat->since = g_get_monotonic_time ();
  g_queue_push_tail_link (&self->waiting, &seat->everywhere);
  g_queue_push_tail_link (&seat->address->waiting, &seat->neighbours);
  seat->waiting = TRUE;
}

static gboolean
is_droppable (BrevetGateSeat *seat)
{
  return seat != NULL && g_get_monotonic_time () - seat->since >= GRACE;
}

static gpointer
take_first (BrevetGateCensus *self, GQueue *queue)
{
  BrevetGateSeat *seat = g_queue_peek_head (queue);

  if (!is_droppable (seat))
    return NULL;

  stop_waiting (self, seat);
  return self->ref_owner (seat->owner);
}

/* Returns: FALSE if @address has no room left and nobody there can be dropped */
static gboolean
make_room_there (BrevetGateCensus *self, BrevetGateAddress *address, gpointer *victim)
{
  *victim = NULL;
  if (address == NULL || address->count < self->maximum_per_address)
    return TRUE;
  *victim = take_first (self, &address->waiting);
  return *victim != NULL;
}

static gboolean
make_room (BrevetGateCensus *self, BrevetGateAddress *address, gpointer *victim)
{
  if (!make_room_there (self, address, victim))
    return FALSE;
  if (*victim != NULL || self->count < self->maximum)
    return TRUE;
  *victim = take_first (self, &self->waiting);
  return *victim != NULL;
}

static void
join (BrevetGateCensus *self, BrevetGateSeat *seat, const guint8 bytes[16])
{
  BrevetGateAddress *address = g_hash_table_lookup (self->addresses, bytes);

  if (address == NULL)
    {
      address = g_new0 (BrevetGateAddress, 1);
      memcpy (address->bytes, bytes, 16);
      g_hash_table_insert (self->addresses, address->bytes, address);
    }
  seat->address = address;
  address->count++;
}

static void
part (BrevetGateCensus *self, BrevetGateSeat *seat)
{
  if (--seat->address->count == 0)
    g_hash_table_remove (self->addresses, seat->address->bytes);
  seat->address = NULL;
}

gboolean
brevet_gate_census_is_ready (BrevetGateCensus *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  BrevetGateSeat *first = g_queue_peek_head (&self->waiting);

  if (self->count < self->maximum || first == NULL)
    return TRUE;
  return self->count < self->maximum + SLACK && is_droppable (first);
}

gboolean
brevet_gate_census_enter (BrevetGateCensus *self, BrevetGateSeat *seat, const guint8 bytes[16], gboolean limited, gpointer *victim)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (!make_room (self, limited ? g_hash_table_lookup (self->addresses, bytes) : NULL, victim))
    return FALSE;

  seat->everywhere.data = seat->neighbours.data = seat;
  join (self, seat, bytes);
  self->count++;
  start_waiting (self, seat);
  return TRUE;
}

gboolean
brevet_gate_census_move (BrevetGateCensus *self, BrevetGateSeat *seat, const guint8 bytes[16], gpointer *victim)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  gboolean waiting = seat->waiting;

  if (!make_room_there (self, g_hash_table_lookup (self->addresses, bytes), victim))
    return FALSE;

  stop_waiting (self, seat);
  part (self, seat);
  join (self, seat, bytes);
  if (waiting)
    start_waiting (self, seat);
  return TRUE;
}

gpointer
brevet_gate_census_pick_victim (BrevetGateCensus *self, gboolean *anybody)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  *anybody = !g_queue_is_empty (&self->waiting);
  return take_first (self, &self->waiting);
}

void
brevet_gate_census_set_waiting (BrevetGateCensus *self, BrevetGateSeat *seat, gboolean waiting)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (waiting)
    start_waiting (self, seat);
  else
    stop_waiting (self, seat);
}

void
brevet_gate_census_renew (BrevetGateCensus *self, BrevetGateSeat *seat)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (!seat->waiting)
    return;
  stop_waiting (self, seat);
  start_waiting (self, seat);
}

void
brevet_gate_census_leave (BrevetGateCensus *self, BrevetGateSeat *seat)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  stop_waiting (self, seat);
  self->count--;
  part (self, seat);
}
