/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-bus-names.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * brevet_identity_json_new:
 * @now: seconds since 1970-01-01 UTC
 *
 * Returns: (transfer full): all that the agent tells of @identity; times in RFC 3339, null for what there is not
 */
JsonObject *brevet_identity_json_new (BrevetBusAgent1Identity *identity, gint64 now);

/**
 * brevet_identity_json_new_list:
 * @texts: (nullable): texts
 *
 * Returns: (transfer full): the same in JSON
 */
JsonArray *brevet_identity_json_new_list (const char *const *texts);

G_END_DECLS
