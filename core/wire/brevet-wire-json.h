/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * brevet_wire_parse_object:
 * @body: (nullable): bytes of a message; %NULL, empty, and white space alone count as an empty object
 * @what: what is being read, for messages: `the request`
 *
 * Reads one JSON object (RFC 8259), strictly: UTF-8, at most 32 levels deep, nothing behind it, no escaped zero, no half surrogate
 * pairs, numbers within 64 bits. Of a member that occurs twice the last one counts. Its members whose value is null are left out;
 * in nested objects the functions below take null for absent.
 *
 * Returns: (transfer full) (nullable): the object, or %NULL with %BREVET_ERROR_INVALID
 */
JsonObject *brevet_wire_parse_object (GBytes *body, const char *what, GError **error);

/**
 * brevet_wire_get_string:
 * @value: (out) (nullable) (transfer none): the text, %NULL if the member is absent
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID if the member is there and no string
 */
gboolean brevet_wire_get_string (JsonObject *object, const char *member, const char **value, GError **error);

gboolean brevet_wire_get_boolean (JsonObject *object, const char *member, gboolean fallback, gboolean *value, GError **error);

gboolean brevet_wire_get_object (JsonObject *object, const char *member, JsonObject **value, GError **error);

/**
 * brevet_wire_get_strings:
 * @value: (out) (transfer full) (nullable): the items, %NULL if the member is absent
 */
gboolean brevet_wire_get_strings (JsonObject *object, const char *member, char ***value, GError **error);

/**
 * brevet_wire_copy:
 * @node: what to copy
 *
 * Copies everything, unlike json_node_copy(): json-glib counts the references to what is below a node without atomic operations, so
 * two threads must not share it.
 *
 * Returns: (transfer full): a copy that another thread may have
 */
JsonNode *brevet_wire_copy (JsonNode *node);

/**
 * brevet_wire_copy_object:
 *
 * Returns: (transfer full): as brevet_wire_copy()
 */
JsonObject *brevet_wire_copy_object (JsonObject *object);

/**
 * brevet_wire_print:
 * @node: what to write; members come out in the order in which they were added
 *
 * Returns: (transfer full): compact JSON, pure ASCII with `\uXXXX` escapes (protocol/dps.md §1.4)
 */
GBytes *brevet_wire_print (JsonNode *node);

/**
 * brevet_wire_print_object:
 * @object: (transfer none): what to write
 *
 * Returns: (transfer full): as brevet_wire_print()
 */
GBytes *brevet_wire_print_object (JsonObject *object);

G_END_DECLS
