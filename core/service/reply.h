/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-message.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * brevet_reply_with_json:
 * @status: 200 to 599
 * @object: (transfer full): the body
 *
 * Returns: (transfer full): a reply with the tracking id of @request
 */
BrevetReply *brevet_reply_with_json (BrevetRequest *request, guint status, JsonObject *object);

/**
 * brevet_reply_with_array:
 * @status: 200 to 599
 * @array: (transfer full): the body
 *
 * Returns: (transfer full): a reply with the tracking id of @request
 */
BrevetReply *brevet_reply_with_array (BrevetRequest *request, guint status, JsonArray *array);

/**
 * brevet_reply_without_body:
 * @status: usually 204
 *
 * Returns: (transfer full): a reply with the tracking id of @request
 */
BrevetReply *brevet_reply_without_body (BrevetRequest *request, guint status);

/**
 * brevet_reply_with_error:
 * @status: 400 to 599
 * @code: six-digit code, 0 for the usual one
 * @message: a sentence for the client
 *
 * Returns: (transfer full): an error reply
 */
BrevetReply *brevet_reply_with_error (BrevetRequest *request, guint status, guint code, const char *message);

/**
 * brevet_reply_throttled:
 * @retry_after: seconds; the reply asks for what all clients take if it is less or more
 *
 * Returns: (transfer full): 429 with a time to come back
 */
BrevetReply *brevet_reply_throttled (BrevetRequest *request, const char *message, guint retry_after);

/**
 * brevet_reply_from_error:
 * @error: what went wrong
 *
 * Maps an error to a status: INVALID 400, REJECTED 401, NOT_FOUND 404, CONFLICT 409, BUSY 429 with retry-after, UNSUPPORTED 400,
 * NOT_CONFIGURED and everything else 500. The text of a 500 goes to the log, the client reads the tracking id.
 *
 * Returns: (transfer full): an error reply
 */
BrevetReply *brevet_reply_from_error (BrevetRequest *request, const GError *error);

G_END_DECLS
