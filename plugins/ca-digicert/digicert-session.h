/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "digicert-configuration.h"
#include "digicert-reply.h"

#include "brevet-ca-request.h"

G_BEGIN_DECLS

/* Questions at once, each on a connection of its own: one that waited for a connection would use up its time. */
#define DIGICERT_MAXIMUM_IN_FLIGHT 50

/*
 * DigicertSession:
 *
 * The way to one DigiCert account: connections, trust, and the API key. Usable from several threads.
 */
#define DIGICERT_TYPE_SESSION (digicert_session_get_type ())
G_DECLARE_FINAL_TYPE (DigicertSession, digicert_session, DIGICERT, SESSION, GObject)

/* @configuration must live as long as the session. */
DigicertSession *digicert_session_new (const DigicertConfiguration *configuration);

/*
 * DigicertQuestion:
 * @query: (nullable): encoded
 * @body: (nullable): JSON
 * @request: (nullable): what it is for: is marked as sent, and its deadline is kept, when the verb is to issue
 *
 * One question. Plain data, read before digicert_session_ask_async() returns.
 */
typedef struct {
  DigicertVerb     verb;
  const char      *method;
  const char      *path;
  const char      *query;
  GBytes          *body;
  BrevetCaRequest *request;
} DigicertQuestion;

/* Asks once. */
void digicert_session_ask_async (DigicertSession *self, const DigicertQuestion *question, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data);

/* Returns: (transfer full) (nullable): an answer of success, with a body of JSON, or none if the verb is to revoke; NULL with
 * BREVET_CA_ERROR or G_IO_ERROR_CANCELLED. */
DigicertReply *digicert_session_ask_finish (DigicertSession *self, GAsyncResult *result, GError **error);

G_END_DECLS
