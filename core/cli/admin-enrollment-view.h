/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * brevet_admin_enrollment_print:
 * @enrollment: as the service shows it (protocol/dps.md §10.5)
 * @is_group: whether it is a group
 *
 * Prints an enrollment for people. Symmetric keys are printed if they are in it.
 */
void brevet_admin_enrollment_print (JsonObject *enrollment, gboolean is_group);

G_END_DECLS
