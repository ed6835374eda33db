/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-chores.h"

G_BEGIN_DECLS

/**
 * BREVET_CHORE_SECRETS:
 *
 * Every minute: whether the key of the service's secrets is still in its file. What a running service has in memory is otherwise
 * missed at the next start, when nobody can put it back any more.
 */
#define BREVET_CHORE_SECRETS "secrets"

void brevet_secret_chore_add (BrevetServiceChores *chores);

G_END_DECLS
