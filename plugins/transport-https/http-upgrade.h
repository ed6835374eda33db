/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-reader.h"

G_BEGIN_DECLS

typedef struct
{
  guint       status;     /* of a refusal: 400 to 599 */
  const char *message;    /* of a refusal: a sentence */
  char       *protocol;   /* the gate's that speaks the chosen subprotocol */
  GBytes     *answer;     /* what to send before it does */
} HttpUpgrade;

/* Returns: TRUE if the head that @reader has read asks for a WebSocket, in whatever way. HTTP/1.0 cannot. */
gboolean http_upgrade_is_asked (HttpReader *reader);

/* Judges the request (RFC 6455 §4.2.1) and chooses the first offered subprotocol that the gate has a protocol for, which is called
 * `websocket/` and its name in lower case. Path and query mean nothing: clients disagree about them.
 *
 * Returns: FALSE for a refusal */
gboolean http_upgrade_read (HttpReader *reader, HttpUpgrade *upgrade);

void http_upgrade_clear (HttpUpgrade *upgrade);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HttpUpgrade, http_upgrade_clear)

G_END_DECLS
