/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-settings.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Groups of the configuration in the words of the service API, so that everything behind them is the same as for a PUT. */

/**
 * brevet_configured_enrollment_to_json:
 * @settings: a group `[enrollment REGISTRATION-ID]`
 *
 * Returns: (transfer full) (nullable): the body of a PUT of the enrollment, or %NULL with an error that names file and line
 */
JsonObject *brevet_configured_enrollment_to_json (BrevetSettings *settings, GError **error);

/**
 * brevet_configured_trust_bundle_to_json:
 * @settings: any group
 * @key: the key in it that names a PEM file
 * @authorities_key: (nullable): the key in it that lists the certificate authorities to follow; one of both keys must be there
 *
 * Returns: (transfer full) (nullable): the body of a PUT of the trust bundle, or %NULL with an error that names file and line
 */
JsonObject *brevet_configured_trust_bundle_to_json (BrevetSettings *settings, const char *key, const char *authorities_key,
                                                    GError **error);

G_END_DECLS
