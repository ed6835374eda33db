/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-config.h"
#include "brevet-enrollment.h"

G_BEGIN_DECLS

/**
 * BrevetHubs:
 *
 * The linked hubs: groups `[hub NAME]` with `host-name`, `weight` (1 to 100, default 1) and `networks` (address ranges whose
 * devices are nearest to this hub). Immutable.
 */
typedef struct _BrevetHubs BrevetHubs;

/**
 * brevet_hubs_new:
 *
 * Returns: (transfer full) (nullable): the hubs, possibly none; %NULL with an error that names file and line
 */
BrevetHubs *brevet_hubs_new (BrevetConfig *config, GError **error);

void brevet_hubs_free (BrevetHubs *self);

/**
 * brevet_hubs_is_linked:
 *
 * Returns: %TRUE if @host_name is the host name of a linked hub; without case
 */
gboolean brevet_hubs_is_linked (BrevetHubs *self, const char *host_name);

/**
 * brevet_hubs_list:
 *
 * Returns: (transfer none) (array zero-terminated=1): host names in the order of the configuration
 */
const char *const *brevet_hubs_list (BrevetHubs *self);

/**
 * brevet_hubs_choose:
 * @policy: not %BREVET_ALLOCATION_UNSET
 * @wanted: (nullable): host names that the enrollment allows; %NULL for all linked hubs
 * @registration_id: the device
 * @remote_address: (nullable): its address
 *
 * Chooses a hub (protocol/dps.md §11.1). hashed: rendezvous hashing with weights: adding a hub moves no more devices than it must.
 * geoLatency: the hub with the longest matching address range, hashed among equals and where none matches. static: the first of
 * @wanted.
 *
 * Returns: (nullable) (transfer none): host name; %NULL with %BREVET_ERROR_NOT_CONFIGURED if no hub is eligible,
 *   %BREVET_ERROR_UNSUPPORTED for custom
 */
const char *brevet_hubs_choose (BrevetHubs *self, BrevetAllocationPolicy policy, const char *const *wanted,
                                const char *registration_id, const char *remote_address, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetHubs, brevet_hubs_free)

G_END_DECLS
