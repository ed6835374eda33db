/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-error.h"
#include "brevet-trust-bundle-document.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* A value from outside, cut and escaped so that it can stand in a message. */
char *brevet_wire_excerpt (const char *value);

/* A text from outside for people: control characters become spaces, and what is too long is cut. NULL stays NULL. */
char *brevet_wire_tidy (const char *text, gsize maximum);

/* Decodes %XX once. NULL if the encoding is broken, or if the result holds a zero byte or is no UTF-8. */
char *brevet_wire_percent_decode (const char *text);

/* The value of the parameter @name in NAME=VALUE&…, as it stands there; NULL if there is none. FALSE if there are two. Names are
 * compared decoded and without case. */
gboolean brevet_wire_query_find (const char *query, const char *name, char **value, GError **error);

/* The words that begin the paths of the service API. */
gboolean brevet_wire_is_reserved (const char *word);

/* An id scope, which must not be reserved. */
gboolean brevet_wire_check_id_scope (const char *id_scope, GError **error);

gboolean brevet_wire_check_operation_id (const char *operation_id, GError **error);

/* Standard base64 with padding and nothing else; NULL if it is anything else, or empty. */
GBytes *brevet_wire_base64_decode (const char *text);

/* Members that are only there if they have a value. */
void brevet_wire_add_string (JsonObject *object, const char *member, const char *value);
void brevet_wire_add_node (JsonObject *object, const char *member, JsonNode *value);
void brevet_wire_add_time (JsonObject *object, const char *member, gint64 microseconds);

/* RFC 3339 text to microseconds; 0 if it is absent or cannot be read. */
gint64 brevet_wire_get_time (JsonObject *object, const char *member);

/* Copies a string member into a fresh string; FALSE with the member's name if it is no string. */
gboolean brevet_wire_dup_string (JsonObject *object, const char *member, char **value, GError **error);

/* A deep copy without members that are null. */
JsonObject *brevet_wire_strip_nulls (JsonObject *object);

/* A trust bundle without its id and times; @stored as brevet_trust_bundle_document_parse() has it. */
BrevetTrustBundleDocument *brevet_trust_bundle_document_read (JsonObject *object, const BrevetTrustBundleDocument *stored,
                                                              GError **error);

/* Turns BREVET_ERROR_INVALID into BREVET_ERROR_CORRUPT, for records that this service wrote itself. */
void brevet_wire_mark_corrupt (GError **error, const char *what);

G_END_DECLS
