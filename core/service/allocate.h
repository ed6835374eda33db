/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "records.h"
#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetAllocation:
 * @hub: host name
 * @device_id: name of the device at the hub
 * @substatus: how it came there (protocol/dps.md §11.2)
 *
 * What the allocate stage decided. Plain data.
 */
typedef struct {
  char *hub;
  char *device_id;
  const char *substatus;
} BrevetAllocation;

void brevet_allocation_free (BrevetAllocation *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAllocation, brevet_allocation_free)

/**
 * brevet_allocate_async:
 * @enrollment: the enrollment that speaks for the device
 * @registration_id: the device, in the spelling of its registration
 * @registration: (nullable): what is known of the device
 * @remote_address: (nullable): its address
 *
 * Third stage: chooses the hub, or keeps the one that the device has.
 */
void brevet_allocate_async (BrevetServiceContext *context, BrevetEnrollment *enrollment, const char *registration_id,
                            const BrevetRegistration *registration, const char *remote_address, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_allocate_finish:
 *
 * Returns: (transfer full) (nullable): the decision; %NULL with %BREVET_ERROR_NOT_CONFIGURED or %BREVET_ERROR_UNSUPPORTED if no hub
 *   can be chosen: the operation fails with code %BREVET_WIRE_CODE_HUB_NOT_SPECIFIED
 */
BrevetAllocation *brevet_allocate_finish (GAsyncResult *result, GError **error);

G_END_DECLS
