/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-revocation.h"
#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * BrevetRevocations:
 * @list: (element-type BrevetRevocation): certificates that hubs must not accept
 * @issuers: (element-type utf8): names of those who issued what has not expired
 * @authorities: (element-type utf8): which CAs those are, as keys of their versions (records-ca.h); of certificates of which that
 *   is not known, the folded name of the certificate authority alone
 *
 * What the inventory says about certificates that may still be shown to a hub. Plain data.
 *
 * A certificate is revoked while its device is not welcome: the individual enrollment that admits the device is disabled; or there
 * is none, and the enrollment group that admitted it last is disabled or gone as well. So is what a CA has signed and the service
 * has refused, and what an operator has revoked, for the reason that was given then.
 *
 * Of a record that cannot be read, or was put aside for that, it is found out otherwise whether it revokes something: from its
 * key, and from the small records beside it. Where nothing tells, the certificate is revoked, and a device or group is welcome.
 */
typedef struct {
  GPtrArray *list;
  GHashTable *issuers;
  GHashTable *authorities;
} BrevetRevocations;

/**
 * brevet_revocations_read:
 * @store: an open store
 * @now: seconds since 1970-01-01 UTC
 * @cancellable: (nullable): looked at between two pages
 *
 * Reads the whole inventory. Waits for the store: for commands and threads, never inside a main loop.
 *
 * Returns: (transfer full) (nullable): what it says, or %NULL with an error of the store
 */
BrevetRevocations *brevet_revocations_read (BrevetStore *store, gint64 now, GCancellable *cancellable, GError **error);

/**
 * brevet_revocations_new:
 *
 * Returns: (transfer full): what an empty inventory says
 */
BrevetRevocations *brevet_revocations_new (void);

void brevet_revocations_free (BrevetRevocations *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetRevocations, brevet_revocations_free)

G_END_DECLS
