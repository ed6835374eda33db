/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "allocate.h"
#include "authorise.h"
#include "registrar.h"

G_BEGIN_DECLS

/* Shared by registrar.c, which drives the stages, and registrar-plan.c, which knows what is to be written. */

struct _BrevetRegistrar
{
  BrevetLimits  *limits;
  BrevetWaiters *waiters;
};

/* One register call on its way; task data of the task that answers it. What stands behind `authorisation` is of the latest try. */
typedef struct {
  BrevetRegistrar *registrar;
  BrevetServiceContext *context;
  BrevetEnrollment *enrollment;
  char *registration_id;
  char *mechanism;
  char *credential;
  JsonObject *attestation;
  BrevetCsr *csr;
  JsonNode *payload;
  char *remote_address;
  char *tracking_id;
  char *question;
  guint tries;
  BrevetAuthorisation *authorisation;
  BrevetOperation *operation;
  BrevetRegistration *registration;
  BrevetIntent *intent;       /* set if a CA must be asked */
  BrevetAuthority *authority; /* that CA; NULL if it cannot be used just now */
  BrevetWaiter *waiter;
  gboolean holds_operation;
} BrevetRegistrarRun;

/**
 * brevet_registrar_plan:
 * @allocation: (nullable): what the allocate stage decided
 * @refusal: (nullable): why there is no @allocation
 *
 * Makes the operation, the registration as it becomes when the operation succeeds, and the intent if a CA must be asked. An
 * operation that cannot succeed is a failed one from the beginning.
 *
 * Returns: %FALSE with an error if the subject policy refuses the CSR: then there is no operation at all
 */
gboolean brevet_registrar_plan (BrevetRegistrarRun *run, const BrevetAllocation *allocation, const GError *refusal, GError **error);

/**
 * brevet_registrar_plan_question:
 * @authority: the certificate authority that will be asked as soon as the intent is durable
 */
void brevet_registrar_plan_question (BrevetRegistrarRun *run, BrevetAuthority *authority);

G_END_DECLS
