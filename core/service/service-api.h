/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-route.h"
#include "brevet-message.h"
#include "service-context.h"

G_BEGIN_DECLS

/**
 * brevet_service_api_admit:
 * @route: a route of the service API
 * @request: the request; its body is not there yet
 *
 * Checks the token of @request against the shared access policies and sets the request's body limit.
 *
 * Returns: (transfer full) (nullable): %NULL if it may go on, else the refusal
 */
BrevetReply *brevet_service_api_admit (BrevetServiceContext *context, const BrevetRoute *route, BrevetRequest *request);

/**
 * brevet_service_api_handle_async:
 * @route: (transfer none): a route of the service API, valid until the call is answered
 * @request: an admitted request
 *
 * Carries out one operation of the service API (protocol/dps.md §10).
 */
void brevet_service_api_handle_async (BrevetServiceContext *context, const BrevetRoute *route, BrevetRequest *request,
                                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_service_api_handle_finish:
 *
 * Returns: (transfer full): the reply; there always is one
 */
BrevetReply *brevet_service_api_handle_finish (GAsyncResult *result);

G_END_DECLS
