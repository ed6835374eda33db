/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

/* A transport that answers from a script and keeps what it was asked, and a prover that counts. */

/* What such transports are made of: an answer, with the headers that are not NULL; silence until the caller gives up; the end of an
 * exchange whose task returned a BrevetReply. */
BrevetReply *scripted_make_reply (guint status, const char *retry_after, const char *etag, const char *body);
void scripted_keep_silent (GTask *task);
BrevetReply *scripted_exchange_finish (BrevetTransport *transport, GAsyncResult *result, GError **error);

#define SCRIPTED_TYPE_TRANSPORT (scripted_transport_get_type ())
G_DECLARE_FINAL_TYPE (ScriptedTransport, scripted_transport, SCRIPTED, TRANSPORT, BrevetPlugin)

ScriptedTransport *scripted_transport_new (void);

/* One more answer: a reply with optional retry-after, an error, or silence until the caller gives up. */
void scripted_transport_reply (ScriptedTransport *self, guint status, const char *retry_after, const char *body);
void scripted_transport_reply_with_etag (ScriptedTransport *self, guint status, const char *etag, const char *body);
void scripted_transport_fail (ScriptedTransport *self, int code, const char *message);
void scripted_transport_hang (ScriptedTransport *self);

/* The same, but the answer comes in the middle of the cancelling, and not from the main loop. */
void scripted_transport_hang_on_signal (ScriptedTransport *self);

/* What was asked: `PUT /path?query` and the body; how many requests; microseconds between two requests. */
const char *scripted_transport_get_line (ScriptedTransport *self, guint index);
const char *scripted_transport_get_body (ScriptedTransport *self, guint index);
const char *scripted_transport_get_prefer (ScriptedTransport *self, guint index);
const char *scripted_transport_get_if_none_match (ScriptedTransport *self, guint index);
const char *scripted_transport_get_token (ScriptedTransport *self, guint index);
gint64 scripted_transport_get_pause (ScriptedTransport *self, guint index);
guint scripted_transport_get_count (ScriptedTransport *self);

#define SCRIPTED_TYPE_PROVER (scripted_prover_get_type ())
G_DECLARE_FINAL_TYPE (ScriptedProver, scripted_prover, SCRIPTED, PROVER, BrevetPlugin)

/* Tokens are `token-1`, `token-2` …, with the challenge's member `nonce` behind if there is one. */
ScriptedProver *scripted_prover_new (gboolean broken);

/* The member `gift` of what it was given last along with an assignment, or NULL; a gift `poisoned` it cannot take. */
const char *scripted_prover_get_accepted (ScriptedProver *self);
