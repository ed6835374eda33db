/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "attest.h"
#include "brevet-message.h"
#include "brevet-route.h"
#include "registrar.h"
#include "service-context.h"
#include "service-limits.h"
#include "waiters.h"

G_BEGIN_DECLS

/**
 * BrevetDeviceApi:
 *
 * The device API (protocol/dps.md §3): register, operation status, registration status; and the trust bundle by conditional request
 * (docs/device-api-extensions.md). Thread-safe.
 */
typedef struct _BrevetDeviceApi BrevetDeviceApi;

BrevetDeviceApi *brevet_device_api_new (BrevetLimits *limits, BrevetWaiters *waiters);

void brevet_device_api_free (BrevetDeviceApi *self);

/**
 * brevet_device_api_admit_async:
 * @route: a route of the device API
 * @request: the request; its body is not there yet
 *
 * Attests the device, unless that needs the body.
 */
void brevet_device_api_admit_async (BrevetDeviceApi *self, BrevetServiceContext *context, const BrevetRoute *route,
                                    BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data);

/**
 * brevet_device_api_admit_finish:
 * @attested: (out) (nullable) (transfer full): the finding, %NULL if the body is needed for it
 *
 * Returns: (transfer full) (nullable): %NULL if the request may go on, else the refusal
 */
BrevetReply *brevet_device_api_admit_finish (GAsyncResult *result, BrevetAttested **attested);

/**
 * brevet_device_api_handle_async:
 * @route: valid until the call is answered
 * @request: an admitted request
 * @attested: (nullable) (transfer none): from the admission, valid until the call is answered
 */
void brevet_device_api_handle_async (BrevetDeviceApi *self, BrevetServiceContext *context, const BrevetRoute *route,
                                     BrevetRequest *request, BrevetAttested *attested, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_device_api_handle_finish:
 *
 * Returns: (transfer full): the reply
 */
BrevetReply *brevet_device_api_handle_finish (GAsyncResult *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetDeviceApi, brevet_device_api_free)

G_END_DECLS
