/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/* See service-chores.h. */
typedef struct _BrevetServiceChores BrevetServiceChores;

/**
 * BrevetBundleHolders:
 *
 * Keeps which version of its trust bundle each device has. A device that asks again and again for a bundle that does not change
 * costs nothing here as long as it is among those that are remembered, one read if it is not, and never a write. Thread-safe and
 * reference counted.
 */
typedef struct _BrevetBundleHolders BrevetBundleHolders;

/**
 * brevet_bundle_holders_new:
 * @chores: (nullable): of the service, which does not stop before all is written
 */
BrevetBundleHolders *brevet_bundle_holders_new (BrevetStore *store, BrevetServiceChores *chores);

BrevetBundleHolders *brevet_bundle_holders_ref (BrevetBundleHolders *self);

void brevet_bundle_holders_unref (BrevetBundleHolders *self);

/**
 * brevet_bundle_holders_note:
 * @registration_id: a device that has proved that it is this one
 * @bundle_id: the trust bundle
 * @etag: the version that the device has now
 *
 * Writes it down, in the background, if it is news. The device does not wait for it, and never fails because of it: what could not
 * be written is written when the device comes next.
 */
void brevet_bundle_holders_note (BrevetBundleHolders *self, const char *registration_id, const char *bundle_id, const char *etag);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetBundleHolders, brevet_bundle_holders_unref)

G_END_DECLS
