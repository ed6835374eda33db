/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Members of what a service shows, which may leave out, or write otherwise, what is only shown. */

/**
 * brevet_admin_json_get_text:
 * @object: (nullable): an object
 *
 * Returns: (transfer none) (nullable): the text of a member, %NULL if there is none
 */
const char *brevet_admin_json_get_text (JsonObject *object, const char *member);

/**
 * brevet_admin_json_get_object:
 * @object: (nullable): an object
 *
 * Returns: (transfer none) (nullable): the object in a member
 */
JsonObject *brevet_admin_json_get_object (JsonObject *object, const char *member);

/**
 * brevet_admin_json_get_array:
 * @object: (nullable): an object
 *
 * Returns: (transfer none) (nullable): the list in a member
 */
JsonArray *brevet_admin_json_get_array (JsonObject *object, const char *member);

/**
 * brevet_admin_json_get_number:
 * @object: (nullable): an object
 *
 * Returns: the whole number in a member, 0 if there is none
 */
gint64 brevet_admin_json_get_number (JsonObject *object, const char *member);

/**
 * brevet_admin_json_get_time:
 * @object: (nullable): an object
 *
 * Returns: the time in a member, seconds since 1970-01-01 UTC; 0 if there is none
 */
gint64 brevet_admin_json_get_time (JsonObject *object, const char *member);

/**
 * brevet_admin_json_get_entry:
 *
 * Returns: (transfer none) (nullable): the object at @index of a list
 */
JsonObject *brevet_admin_json_get_entry (JsonArray *array, guint index);

/**
 * brevet_admin_json_get_entry_text:
 *
 * Returns: (transfer none) (nullable): the text at @index of a list
 */
const char *brevet_admin_json_get_entry_text (JsonArray *array, guint index);

/**
 * brevet_admin_json_length:
 * @array: (nullable): a list
 */
guint brevet_admin_json_length (JsonArray *array);

G_END_DECLS
