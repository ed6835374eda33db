/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-local-profile.h"
#include "brevet-ca-outcome.h"

G_BEGIN_DECLS

gboolean         brevet_ca_local_check_usable (BrevetCaLocalProfile *profile, gint64 now, GError **error);
BrevetCaOutcome *brevet_ca_local_issue        (BrevetCaLocalProfile *profile, BrevetCaRequest *request, gint64 now, GError **error);
GError          *brevet_ca_local_make_error   (const GError *cause, const char *message);

G_END_DECLS
