/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-message.h"

G_BEGIN_DECLS

/**
 * BrevetHandler:
 *
 * What stands behind every listener: the service. A request comes in two steps, so that a stranger's body is not read: first its
 * head is admitted, then the whole is handled. Both are called on the worker thread that read the request, and answered on its
 * thread-default main context.
 */
#define BREVET_TYPE_HANDLER (brevet_handler_get_type ())
BREVET_API
G_DECLARE_INTERFACE (BrevetHandler, brevet_handler, BREVET, HANDLER, GObject)

/**
 * BrevetHandlerInterface:
 * @admit_async: see brevet_handler_admit_async()
 * @admit_finish: see brevet_handler_admit_finish()
 * @handle_async: see brevet_handler_handle_async()
 * @handle_finish: see brevet_handler_handle_finish()
 * @describe_error: see brevet_handler_describe_error()
 */
struct _BrevetHandlerInterface
{
  GTypeInterface parent_iface;

  void (*admit_async) (BrevetHandler *self, BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                       gpointer user_data);
  BrevetReply *(*admit_finish) (BrevetHandler *self, GAsyncResult *result);
  void (*handle_async) (BrevetHandler *self, BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data);
  BrevetReply *(*handle_finish) (BrevetHandler *self, GAsyncResult *result);
  BrevetReply *(*describe_error) (BrevetHandler *self, BrevetRequest *request, guint status, const char *message);
};

/**
 * brevet_handler_admit_async:
 * @request: method, path, query, headers and claims; no body yet
 * @cancellable: (nullable): cancelled when the peer has gone
 *
 * Asks whether the body of @request should be read.
 */
BREVET_API
void brevet_handler_admit_async (BrevetHandler *self, BrevetRequest *request, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_handler_admit_finish:
 *
 * Returns: (transfer full) (nullable): %NULL if the request is admitted: read its body (at most
 *   brevet_request_get_body_limit() bytes) and handle it; else the final reply
 */
BREVET_API
BrevetReply *brevet_handler_admit_finish (BrevetHandler *self, GAsyncResult *result);

/**
 * brevet_handler_handle_async:
 * @request: an admitted request with its body
 * @cancellable: (nullable): cancelled when the peer has gone; work that was begun is finished all the same
 */
BREVET_API
void brevet_handler_handle_async (BrevetHandler *self, BrevetRequest *request, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_handler_handle_finish:
 *
 * Returns: (transfer full): the reply; there always is one
 */
BREVET_API
BrevetReply *brevet_handler_handle_finish (BrevetHandler *self, GAsyncResult *result);

/**
 * brevet_handler_describe_error:
 * @request: (nullable): the request, as far as it is known
 * @status: 400 to 599
 * @message: a sentence for the client
 *
 * Makes the reply for an error that the listener found by itself (a malformed, late or oversized request), in the form that clients
 * of the service understand.
 *
 * Returns: (transfer full): a reply
 */
BREVET_API
BrevetReply *brevet_handler_describe_error (BrevetHandler *self, BrevetRequest *request, guint status, const char *message);

G_END_DECLS
