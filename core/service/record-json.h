/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* How the service's own records are written and read; private to the records files. */

/* The body of a record; an error says which record is damaged. */
JsonObject *brevet_record_json_parse (BrevetRecord *record, GError **error);

/* Fails with %BREVET_ERROR_CORRUPT if one of @members (ended by %NULL) is missing. */
gboolean brevet_record_json_require (JsonObject *object, BrevetRecord *record, GError **error, ...) G_GNUC_NULL_TERMINATED;

/* Fails with %BREVET_ERROR_CORRUPT if one of @members (ended by %NULL) is there and of another type: read as missing, it would say
 * something else, such as that a certificate has expired. */
gboolean brevet_record_json_expect (JsonObject *object, BrevetRecord *record, GType type, GError **error,
                                    ...) G_GNUC_NULL_TERMINATED;

/* Fails with %BREVET_ERROR_CORRUPT if @member is missing, empty, or not base64. */
gboolean brevet_record_json_expect_base64 (JsonObject *object, BrevetRecord *record, GError **error, const char *member);

/* Text, owned by @object; NULL if it is missing or something else. */
const char *brevet_record_json_get_string (JsonObject *object, const char *member);

char *brevet_record_json_dup_string (JsonObject *object, const char *member);

void brevet_record_json_set_string (JsonObject *object, const char *member, const char *value);

GBytes *brevet_record_json_dup_base64 (JsonObject *object, const char *member);

void brevet_record_json_set_base64 (JsonObject *object, const char *member, gconstpointer data, gsize length);

/* Adds a put of @object under the folded @id; @parent is folded too. Returns the etag that the record will have, owned by @batch.
 * */
const char *brevet_record_json_put (BrevetBatch *batch, const char *collection, const char *id, const char *parent,
                                    JsonObject *object, const char *condition);

/* Makes of any error one that says which record is damaged. */
void brevet_record_prefix_error (BrevetRecord *record, GError **error);

G_END_DECLS
