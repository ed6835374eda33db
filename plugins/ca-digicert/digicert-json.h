/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Adds all certificates that are in a member: PEM with any number of them, DER in base64, an object that holds one of these, or an
 * array of all that. Nothing, if the member is absent. */
gboolean digicert_json_collect (JsonObject *object, const char *member, GPtrArray *certificates, GError **error);

/* The member as a name: a string, or an object with an id. */
char *digicert_json_dup_name (JsonObject *object, const char *member);

/* Objects of an array; NULL where it has anything else, or no such item. */
JsonObject *digicert_json_get_item (JsonArray *array, guint index);

gboolean digicert_json_get_array (JsonObject *object, const char *member, JsonArray **array, GError **error);

G_END_DECLS
