/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-trust-bundle.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * brevet_identity_bundle_read:
 * @document: a trust bundle as the device API shows it (protocol/dps.md §2.5)
 * @local: (nullable): what the configuration adds behind it
 * @now: seconds since 1970-01-01 UTC
 * @problems: (element-type utf8): gets one sentence for each entry that cannot be read, and is left out for it
 *
 * Returns: (transfer full) (nullable): the service's certificates in their order, then local ones, each once; %NULL if the document
 *   has no CA certificate that can be used now: such a bundle must not replace one that has
 */
BrevetTrustBundle *brevet_identity_bundle_read (JsonObject *document, BrevetTrustBundle *local, gint64 now, GPtrArray *problems);

/**
 * brevet_identity_bundle_add:
 * @bundle: (nullable): a trust bundle
 * @local: (nullable): what the configuration adds behind it
 *
 * Returns: (transfer full) (nullable): both together; %NULL if there is neither
 */
BrevetTrustBundle *brevet_identity_bundle_add (BrevetTrustBundle *bundle, BrevetTrustBundle *local);

/**
 * brevet_identity_bundle_equal:
 * @one: (nullable): a trust bundle
 * @other: (nullable): a trust bundle
 *
 * Returns: %TRUE if both have the same certificates in the same order
 */
gboolean brevet_identity_bundle_equal (BrevetTrustBundle *one, BrevetTrustBundle *other);

G_END_DECLS
