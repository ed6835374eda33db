/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-chores.h"

G_BEGIN_DECLS

/* The job's name, for whoever has changed a certificate authority. */
#define BREVET_CHORE_CA_VERSIONS "ca-versions"

/**
 * brevet_authority_chore_add:
 *
 * Adds the job that keeps the versions of certificate authorities (#BrevetCaVersion) as they are: notes what each name stands for
 * now, ends those of names that are gone, and forgets what nothing refers to any more.
 */
void brevet_authority_chore_add (BrevetServiceChores *chores);

G_END_DECLS
