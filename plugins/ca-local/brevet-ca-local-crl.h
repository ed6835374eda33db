/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-local-profile.h"
#include "brevet-revocation.h"

G_BEGIN_DECLS

gboolean brevet_ca_local_may_sign_crl (BrevetCaLocalProfile *profile);
GBytes  *brevet_ca_local_make_crl     (BrevetCaLocalProfile *profile, GPtrArray *revocations, guint64 number, gint64 now,
                                         GError **error);

G_END_DECLS
