/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service.h"

G_BEGIN_DECLS

/**
 * BrevetSharedService:
 *
 * A service that all transports over one configuration file share: there may be one for each store only.
 */
typedef struct _BrevetSharedService BrevetSharedService;

/**
 * brevet_shared_service_acquire:
 * @config: the configuration
 * @change: (out) (nullable) (transfer full): what must take effect before the service is asked on behalf of @config, if anything
 *
 * Starts the service, or joins the one that runs with a configuration from the same file. If @config was read anew, it is checked,
 * and the service goes on with what it has until @change is applied. On the main thread.
 *
 * Returns: (transfer full) (nullable): the service, or %NULL with an error that names file and line
 */
BrevetSharedService *brevet_shared_service_acquire (BrevetConfig *config, BrevetServiceChange **change, GError **error);

/**
 * brevet_shared_service_get_service:
 *
 * Returns: (transfer none): the service, as long as it is held
 */
BrevetService *brevet_shared_service_get_service (BrevetSharedService *self);

/**
 * brevet_shared_service_release:
 *
 * Leaves the service, which ends soon after the last one has left it, when it has nothing left to do. From any thread.
 */
void brevet_shared_service_release (BrevetSharedService *self);

G_END_DECLS
