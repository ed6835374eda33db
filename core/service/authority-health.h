/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-chores.h"

G_BEGIN_DECLS

/**
 * BREVET_CHORE_AUTHORITY_HEALTH:
 *
 * Name of the job, for whoever has changed a certificate authority.
 */
#define BREVET_CHORE_AUTHORITY_HEALTH "authority-health"

/**
 * brevet_authority_health_add:
 *
 * Adds the job that looks after the certificate authorities: each is checked as often as its `check-interval` says, and at once
 * when it is new or configured anew; one that is well is asked daily what is to be trusted; the operator is told 30 days, 7 days
 * and one day before something ends that a certificate authority depends on, and when it has ended.
 */
void brevet_authority_health_add (BrevetServiceChores *chores);

G_END_DECLS
