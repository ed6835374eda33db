/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-settings.h"

G_BEGIN_DECLS

/* Where the group begins, `FILE:LINE`: for messages about keys that are missing. */
void brevet_settings_set_origin (BrevetSettings *self, const char *origin);

const char *brevet_settings_get_origin (BrevetSettings *self);

G_END_DECLS
