/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-registration-request.h"
#include "device-api.h"

G_BEGIN_DECLS

/* Shared by device-api.c, which lets a device in, and device-api-operations.c and device-api-trust-bundle.c, which do what it asks
 * for. */

struct _BrevetDeviceApi
{
  BrevetLimits    *limits;
  BrevetWaiters   *waiters;
  BrevetRegistrar *registrar;
};

/**
 * BrevetDeviceCall:
 * @api: the device API
 * @context: what the service is made of
 * @route: (transfer none): where the request goes, valid until the call is answered
 * @request: the request
 * @attested: (nullable) (transfer none): who asks: from the admission, or @own_attested
 * @own_attested: (nullable): what this call itself found out
 * @body: (nullable): the parsed body
 * @csr: (nullable): the CSR in it, verified
 * @operation: (nullable): an operation that is assigning, while its end is awaited
 * @waiter: (nullable): waits for it
 *
 * One request of a device on its way; task data of the task that answers it.
 */
typedef struct {
  BrevetDeviceApi *api;
  BrevetServiceContext *context;
  const BrevetRoute *route;
  BrevetRequest *request;
  BrevetAttested *attested;
  BrevetAttested *own_attested;
  BrevetRegistrationRequest *body;
  BrevetCsr *csr;
  BrevetOperation *operation;
  BrevetWaiter *waiter;
} BrevetDeviceCall;

/* Answers @task with @reply (transfer full) (nullable). */
void brevet_device_call_return (GTask *task, BrevetReply *reply);

/* What an attested device may ask for: each takes over from brevet_device_api_handle_async() and answers the task. */
void brevet_device_call_register (GTask *task);
void brevet_device_call_look_up_operation (GTask *task);
void brevet_device_call_look_up_registration (GTask *task);
void brevet_device_call_look_up_trust_bundle (GTask *task);

G_END_DECLS
