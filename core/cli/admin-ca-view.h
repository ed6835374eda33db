/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What people see of certificate authorities and of what is made with them. */

/**
 * brevet_admin_ca_print_document:
 *
 * Prints a certificate authority as it is stored.
 */
void brevet_admin_ca_print_document (JsonObject *authority);

/**
 * brevet_admin_ca_print_table:
 * @authorities: (element-type JsonObject): statuses
 *
 * Prints a line for each certificate authority, below it one for each earlier version that devices still have certificates of.
 */
void brevet_admin_ca_print_table (JsonArray *authorities);

/**
 * brevet_admin_ca_print_warning:
 * @statuses: (element-type JsonObject): of certificate authorities or of trust bundles, all of one time
 *
 * Prints that their numbers of devices may be too low, if the service cannot read records that may speak for devices.
 */
void brevet_admin_ca_print_warning (JsonArray *statuses);

/**
 * brevet_admin_ca_print_status:
 *
 * Prints all that is known of one certificate authority.
 */
void brevet_admin_ca_print_status (JsonObject *authority);

/**
 * brevet_admin_ca_is_down:
 *
 * Returns: %TRUE if it cannot issue
 */
gboolean brevet_admin_ca_is_down (JsonObject *authority);

/**
 * brevet_admin_bundle_print_table:
 * @bundles: (element-type JsonObject): statuses of trust bundles
 *
 * Prints which devices have which version of which trust bundle, and what it carries.
 */
void brevet_admin_bundle_print_table (JsonArray *bundles);

/**
 * brevet_admin_issued_print:
 *
 * Prints a certificate that was issued.
 */
void brevet_admin_issued_print (JsonObject *certificate);

G_END_DECLS
