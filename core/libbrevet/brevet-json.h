/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * brevet_json_read_object:
 * @text: what somebody sent
 *
 * Reads a JSON object as RFC 8259 has it, and nothing else: json-glib alone takes more than that, and some texts end the process:
 * it recurses as deeply as they are nested, and aborts at half a surrogate pair.
 *
 * Returns: (transfer full) (nullable): the object; %NULL with an error that says what is wrong at which byte, to be put into the
 *   caller's own
 */
BREVET_API
JsonObject *brevet_json_read_object (GBytes *text, GError **error);

G_END_DECLS
