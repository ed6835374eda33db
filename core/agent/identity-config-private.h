/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "identity-config.h"

G_BEGIN_DECLS

/* identity-config-key.c: everything about the key. */
gboolean brevet_identity_config_read_key (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error);

G_END_DECLS
