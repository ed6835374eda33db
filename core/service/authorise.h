/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-csr.h"
#include "records.h"
#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetAuthorisation:
 * @registration: (nullable): what is known of the device, %NULL if it never registered
 * @joined: (nullable): an operation that answers the same question already: hand out its result
 * @reused_certificate_key: (nullable): key of a live certificate that the enrollment wants to be handed out again
 * @reused_certificate_expires: its end, seconds since 1970-01-01 UTC
 *
 * What the authorise stage found. Plain data.
 */
typedef struct {
  BrevetRegistration *registration;
  BrevetOperation *joined;
  char *reused_certificate_key;
  gint64 reused_certificate_expires;
} BrevetAuthorisation;

void brevet_authorisation_free (BrevetAuthorisation *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAuthorisation, brevet_authorisation_free)

/**
 * brevet_authorise_async:
 * @enrollment: the enrollment that speaks for the device
 * @registration_id: the device
 * @question: hash over what is asked
 * @csr: (nullable): the verified CSR
 *
 * Second stage: decides whether this call begins an operation or joins one. Joined is an operation that is in flight for the same
 * question, or that is finished with a certificate which was never fetched.
 */
void brevet_authorise_async (BrevetServiceContext *context, BrevetEnrollment *enrollment, const char *registration_id,
                             const char *question, BrevetCsr *csr, GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data);

/**
 * brevet_authorise_finish:
 *
 * Returns: (transfer full) (nullable): the finding, or %NULL with an error if the store fails
 */
BrevetAuthorisation *brevet_authorise_finish (GAsyncResult *result, GError **error);

G_END_DECLS
