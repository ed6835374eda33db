/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-api-private.h"

G_BEGIN_DECLS

extern const BrevetServiceResource brevet_service_issued;

/**
 * brevet_service_call_issued:
 *
 * Lists, shows and revokes issued certificates; as the verbs of service-api-private.h.
 */
void brevet_service_call_issued (GTask *task);

/* Its POST, once the key is known (service-api-revoke.c). */
void brevet_service_call_revoke (GTask *task);

/**
 * brevet_service_issued_show:
 * @etag: version of @entry
 *
 * Returns: (transfer full): what operators see
 */
JsonObject *brevet_service_issued_show (const BrevetInventoryEntry *entry, const char *etag);

G_END_DECLS
