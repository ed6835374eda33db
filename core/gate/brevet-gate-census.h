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
} BrevetGateSeat;

/* Counts the connections of one gate, in all and per address, and keeps those who wait (handshake, incomplete header, idle) in the
 * order in which they began to. Shared by the workers. An address is an IPv4 address or the /64 of an IPv6 address. */
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

/* Takes a place for @seat, which waits from now on.
 * @victim: (out): a reference to the owner that has waited longest and must make room; NULL if nobody needs to
 * Returns: FALSE if there is no room and nobody waits */
gboolean brevet_gate_census_enter (BrevetGateCensus *self, BrevetGateSeat *seat, const guint8 address[16], gpointer *victim);

/* Returns: a reference to the owner that has waited longest, no longer counted as waiting; NULL if nobody waits */
gpointer brevet_gate_census_pick_victim (BrevetGateCensus *self);

void brevet_gate_census_set_waiting (BrevetGateCensus *self, BrevetGateSeat *seat, gboolean waiting);

void brevet_gate_census_leave (BrevetGateCensus *self, BrevetGateSeat *seat);

G_END_DECLS
