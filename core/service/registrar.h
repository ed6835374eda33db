/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-csr.h"
#include "records.h"
#include "service-context.h"
#include "service-limits.h"
#include "waiters.h"

G_BEGIN_DECLS

/**
 * BrevetRegistrar:
 *
 * Drives the stages of a registration: authorise, allocate, issue; writes what they decide before it is promised. Thread-safe: a
 * call runs on the thread that made it.
 */
typedef struct _BrevetRegistrar BrevetRegistrar;

BrevetRegistrar *brevet_registrar_new (BrevetLimits *limits, BrevetWaiters *waiters);

void brevet_registrar_free (BrevetRegistrar *self);

/**
 * BrevetRegistrarCall:
 * @enrollment: the enrollment that speaks for the device
 * @registration_id: the device as it spells itself
 * @mechanism: how it proved itself
 * @credential: (nullable): with what, in words
 * @attestation: (nullable): what it is told about its attestation
 * @recipient: (nullable): whom @attestation is made for; another one does not join an operation in flight
 * @csr: (nullable): its verified CSR
 * @payload: (nullable): its data for custom allocation
 * @remote_address: (nullable): its address
 * @tracking_id: correlation id
 *
 * One register call, attested. Plain data; the registrar copies what it keeps.
 */
typedef struct {
  BrevetEnrollment *enrollment;
  const char *registration_id;
  const char *mechanism;
  const char *credential;
  JsonObject *attestation;
  const char *recipient;
  BrevetCsr *csr;
  JsonNode *payload;
  const char *remote_address;
  const char *tracking_id;
} BrevetRegistrarCall;

/**
 * brevet_registrar_register_async:
 * @call: what is asked
 *
 * Begins an operation or joins one. An issuance goes on by itself after this has been answered; brevet_waiters_notify() tells its
 * end.
 */
void brevet_registrar_register_async (BrevetRegistrar *self, BrevetServiceContext *context, const BrevetRegistrarCall *call,
                                      GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_registrar_register_finish:
 * @waiter: (out) (nullable) (transfer full): for an operation that is assigning: waits for its end
 *
 * Returns: (transfer full) (nullable): the operation, which is durable; %NULL with %BREVET_ERROR_BUSY, %BREVET_ERROR_CONFLICT if
 *   simultaneous calls keep overtaking this one, or another error
 */
BrevetOperation *brevet_registrar_register_finish (GAsyncResult *result, BrevetWaiter **waiter, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetRegistrar, brevet_registrar_free)

G_END_DECLS
