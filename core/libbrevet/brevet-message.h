/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-claims.h"
#include "brevet-evidence.h"

G_BEGIN_DECLS

/**
 * BrevetRequest:
 *
 * One request on its way from a device or an operator to the service, in the shape that every transport can carry: a method, a
 * path, a query, header fields and a body. On the device's side it carries #BrevetEvidence, on the service's side #BrevetClaims.
 * Reference counted; used by one thread at a time.
 */
typedef struct _BrevetRequest BrevetRequest;

#define BREVET_TYPE_REQUEST (brevet_request_get_type ())

BREVET_API
GType brevet_request_get_type (void);

/**
 * brevet_request_new:
 * @method: `GET`, `PUT`, `POST` or `DELETE`
 * @path: absolute path, still percent-encoded: `/0ne000A1B2C/registrations/pump-07/register`
 * @query: (nullable): text behind the `?`, still percent-encoded
 *
 * Returns: (transfer full): a request with a fresh tracking id
 */
BREVET_API
BrevetRequest *brevet_request_new (const char *method, const char *path, const char *query);

BREVET_API
BrevetRequest *brevet_request_ref (BrevetRequest *self);

BREVET_API
void brevet_request_unref (BrevetRequest *self);

/**
 * brevet_request_get_method:
 *
 * Returns: (transfer none): the method, such as `PUT`
 */
BREVET_API
const char *brevet_request_get_method (BrevetRequest *self);

/**
 * brevet_request_get_path:
 *
 * Returns: (transfer none): the path, percent-encoded as received
 */
BREVET_API
const char *brevet_request_get_path (BrevetRequest *self);

/**
 * brevet_request_get_query:
 *
 * Returns: (nullable) (transfer none): what stands behind the question mark, percent-encoded as received
 */
BREVET_API
const char *brevet_request_get_query (BrevetRequest *self);

/**
 * brevet_request_get_tracking_id:
 *
 * Returns: (transfer none): a uuid that goes through reply, log, journal and audit record
 */
BREVET_API
const char *brevet_request_get_tracking_id (BrevetRequest *self);

/**
 * brevet_request_set_header:
 * @name: any case; kept in lower case
 * @value: (nullable): its value, %NULL to remove it
 */
BREVET_API
void brevet_request_set_header (BrevetRequest *self, const char *name, const char *value);

/**
 * brevet_request_get_header:
 * @name: in lower case
 *
 * Returns: (nullable) (transfer none): its value
 */
BREVET_API
const char *brevet_request_get_header (BrevetRequest *self, const char *name);

/**
 * brevet_request_foreach_header: (skip)
 * @callback: called with name and value, in the order in which they were set
 */
BREVET_API
void brevet_request_foreach_header (BrevetRequest *self, void (*callback) (const char *name, const char *value, gpointer user_data),
                                    gpointer user_data);

/**
 * brevet_request_set_body:
 * @body: (nullable): the body
 */
BREVET_API
void brevet_request_set_body (BrevetRequest *self, GBytes *body);

/**
 * brevet_request_get_body:
 *
 * Returns: (nullable) (transfer none): the body, %NULL if there is none
 */
BREVET_API
GBytes *brevet_request_get_body (BrevetRequest *self);

/**
 * brevet_request_set_claims:
 * @claims: (nullable): what the peer presents; on the service's side
 */
BREVET_API
void brevet_request_set_claims (BrevetRequest *self, BrevetClaims *claims);

/**
 * brevet_request_get_claims:
 *
 * Returns: (nullable) (transfer none): what the peer presents; never %NULL on the service's side
 */
BREVET_API
BrevetClaims *brevet_request_get_claims (BrevetRequest *self);

/**
 * brevet_request_set_evidence:
 * @evidence: (nullable): with what the device proves itself; on the device's side
 */
BREVET_API
void brevet_request_set_evidence (BrevetRequest *self, BrevetEvidence *evidence);

/**
 * brevet_request_get_evidence:
 *
 * Returns: (nullable) (transfer none): what the transport must present for the device
 */
BREVET_API
BrevetEvidence *brevet_request_get_evidence (BrevetRequest *self);

/**
 * brevet_request_set_body_limit:
 * @bytes: longest body that the listener may accept for this request; 0 for the listener's default
 */
BREVET_API
void brevet_request_set_body_limit (BrevetRequest *self, gsize bytes);

/**
 * brevet_request_get_body_limit:
 *
 * Returns: longest body in bytes, 0 for the listener's own limit
 */
BREVET_API
gsize brevet_request_get_body_limit (BrevetRequest *self);

/**
 * brevet_request_set_admission: (skip)
 * @admission: (nullable) (transfer full): what the handler found out when it admitted the request; nobody else looks into it
 * @destroy: (nullable): frees it
 */
BREVET_API
void brevet_request_set_admission (BrevetRequest *self, gpointer admission, GDestroyNotify destroy);

/**
 * brevet_request_get_admission: (skip)
 *
 * Returns: (nullable) (transfer none): what the handler found out
 */
BREVET_API
gpointer brevet_request_get_admission (BrevetRequest *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetRequest, brevet_request_unref)

/**
 * BrevetReply:
 *
 * The answer to a #BrevetRequest: a status, header fields and a body. Reference counted; used by one thread at a time.
 */
typedef struct _BrevetReply BrevetReply;

#define BREVET_TYPE_REPLY (brevet_reply_get_type ())

BREVET_API
GType brevet_reply_get_type (void);

/**
 * brevet_reply_new:
 * @status: 200 to 599, with the meanings of protocol/dps.md §1.5
 * @body: (nullable): JSON; %NULL for none
 *
 * Returns: (transfer full): a reply
 */
BREVET_API
BrevetReply *brevet_reply_new (guint status, GBytes *body);

BREVET_API
BrevetReply *brevet_reply_ref (BrevetReply *self);

BREVET_API
void brevet_reply_unref (BrevetReply *self);

/**
 * brevet_reply_get_status:
 *
 * Returns: the status, 200 to 599
 */
BREVET_API
guint brevet_reply_get_status (BrevetReply *self);

/**
 * brevet_reply_get_body:
 *
 * Returns: (nullable) (transfer none): the body
 */
BREVET_API
GBytes *brevet_reply_get_body (BrevetReply *self);

/**
 * brevet_reply_set_header:
 * @name: name of the field, in any case
 * @value: (nullable): its value, %NULL to remove it
 */
BREVET_API
void brevet_reply_set_header (BrevetReply *self, const char *name, const char *value);

/**
 * brevet_reply_get_header:
 * @name: name of the field, in any case
 *
 * Returns: (nullable) (transfer none): its value
 */
BREVET_API
const char *brevet_reply_get_header (BrevetReply *self, const char *name);

/**
 * brevet_reply_foreach_header:
 * @callback: (scope call): called for each field, name in lower case, in the order of setting
 */
BREVET_API
void brevet_reply_foreach_header (BrevetReply *self, void (*callback) (const char *name, const char *value, gpointer user_data),
                                  gpointer user_data);

/**
 * brevet_reply_set_delivered_callback: (skip)
 * @callback: called at most once, on the thread that carries the reply
 * @user_data: passed to @callback
 * @destroy: (nullable): frees @user_data, also when the reply was never delivered
 *
 * Registers interest in the moment when the last byte of the reply was handed to the network.
 */
BREVET_API
void brevet_reply_set_delivered_callback (BrevetReply *self, void (*callback) (gpointer user_data), gpointer user_data,
                                          GDestroyNotify destroy);

/**
 * brevet_reply_delivered:
 *
 * A listener calls this once the last byte of the reply was handed to the network, and only then.
 */
BREVET_API
void brevet_reply_delivered (BrevetReply *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetReply, brevet_reply_unref)

G_END_DECLS
