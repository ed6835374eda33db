/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * brevet_etag_normalise:
 * @text: an etag in any of the spellings of protocol/dps.md §10.3: `*`, `"*"`, quoted, unquoted, doubly quoted, with `W/`
 *
 * Returns: (transfer full): the bare tag, or `*`
 */
char *brevet_etag_normalise (const char *text);

/**
 * brevet_etag_is_sendable:
 * @etag: a bare tag
 *
 * Whoever chose a tag must not be able to choose what else stands in the head of a request.
 *
 * Returns: %TRUE if @etag has 1 to 256 of the characters that RFC 9110 §8.8.3 allows, ASCII ones alone
 */
gboolean brevet_etag_is_sendable (const char *etag);

/**
 * brevet_etag_quote:
 * @etag: a bare tag
 *
 * Returns: (transfer full): the tag in quotes, as it stands in headers and in the member `etag`
 */
char *brevet_etag_quote (const char *etag);

/**
 * brevet_etag_encode:
 * @etag: a bare tag
 *
 * Returns: (transfer full): base64 of the quoted tag, as it stands in registration states (protocol/dps.md §2.5)
 */
char *brevet_etag_encode (const char *etag);

/**
 * brevet_etag_is_listed:
 * @list: value of a header `If-None-Match`: `*`, or tags with commas between them
 * @etag: a bare tag
 *
 * Compares weakly (RFC 9110 §13.1.2): `W/` makes no difference. A tag without quotes is taken as if it had them.
 *
 * Returns: %TRUE if @list is `*` or names @etag
 */
gboolean brevet_etag_is_listed (const char *list, const char *etag);

G_END_DECLS
