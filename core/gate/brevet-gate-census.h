/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _BrevetGateAddress BrevetGateAddress;

/* The place that one connection takes; embedded in it. */
typedef struct
{
  gpointer           owner;
  GList              everywhere;   /* in the census' queue of those who wait */
  GList              neighbours;   /* in the queue of the same address */
  BrevetGateAddress *address;
  gboolean           waiting;
  gint64             since;        /* when it began to wait, monotonic */
} BrevetGateSeat;

/* Counts the connections of one gate, in all and per address, and keeps those who wait (handshake, incomplete header, idle) in the
 * order in which they began to. Shared by the workers. An address is an IPv4 address or the /64 of an IPv6 address.
 *
 * Who has waited longest makes room for a new connection, but not before a short grace: else a burst of connections would push
 * everybody out before any could finish its handshake. */
typedef struct
{
  GMutex      lock;
  guint       maximum;
  guint       maximum_per_address;
  guint       count;
  GHashTable *addresses;
  GQueue      waiting;
  gpointer (*ref_owner) (gpointer owner);
} BrevetGateCensus;

void brevet_gate_census_init (BrevetGateCensus *self, gpointer (*ref_owner) (gpointer owner));

void brevet_gate_census_clear (BrevetGateCensus *self);

/* Returns: FALSE if there will be room soon, because somebody waits but has not waited long enough to be dropped: accept nobody
 * now */
gboolean brevet_gate_census_is_ready (BrevetGateCensus *self);

/* Takes a place for @seat, which waits from now on.
 * @limited: FALSE for an address that speaks for others: it may have all the places
 * @victim: (out): a reference to the owner that has waited longest and must make room; NULL if nobody needs to
 * Returns: FALSE if there is no room, in all or for this address, and nobody can be dropped */
gboolean brevet_gate_census_enter (BrevetGateCensus *self, BrevetGateSeat *seat, const guint8 address[16], gboolean limited,
                                   gpointer *victim);

/* Counts @seat under another address, which is limited; the time of waiting begins anew.
 * @victim: (out): as above
 * Returns: FALSE if there is no room for this address and nobody can be dropped; nothing has changed then */
gboolean brevet_gate_census_move (BrevetGateCensus *self, BrevetGateSeat *seat, const guint8 address[16], gpointer *victim);

/* @anybody: (out): whether anybody waits at all
 * Returns: a reference to the owner that has waited longest, no longer counted as waiting; NULL if nobody has waited long enough */
gpointer brevet_gate_census_pick_victim (BrevetGateCensus *self, gboolean *anybody);

/* Begins the time of waiting anew, for somebody who has made progress. */
void brevet_gate_census_renew (BrevetGateCensus *self, BrevetGateSeat *seat);

void brevet_gate_census_set_waiting (BrevetGateCensus *self, BrevetGateSeat *seat, gboolean waiting);

void brevet_gate_census_leave (BrevetGateCensus *self, BrevetGateSeat *seat);

G_END_DECLS
