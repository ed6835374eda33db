/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-enrollment.h"

G_BEGIN_DECLS

/* An empty one, to be filled by its reader. */
BrevetEnrollment *brevet_enrollment_new (void);

/* The member that holds the id. */
const char *brevet_enrollment_id_member (gboolean is_group);

gboolean brevet_allocation_policy_from_string (const char *word, BrevetAllocationPolicy *policy);

G_END_DECLS
