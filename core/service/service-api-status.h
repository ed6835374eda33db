/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-api-private.h"

G_BEGIN_DECLS

extern const BrevetServiceResource brevet_service_authority_status;
extern const BrevetServiceResource brevet_service_bundle_status;

/**
 * brevet_service_call_status:
 *
 * Shows how certificate authorities are, all of them or one, perhaps after a check; as the verbs of service-api-private.h.
 */
void brevet_service_call_status (GTask *task);

/**
 * brevet_service_call_bundle_status:
 *
 * Shows which devices have which version of a trust bundle; as the verbs of service-api-private.h.
 */
void brevet_service_call_bundle_status (GTask *task);

G_END_DECLS
