/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "digicert-configuration.h"

#include "brevet-ca-request.h"
#include "brevet-revocation.h"

G_BEGIN_DECLS

/* The bodies that DigiCert is sent, as JSON. */
GBytes *digicert_request_issue   (const DigicertConfiguration *configuration, BrevetCaRequest *request);
GBytes *digicert_request_pick_up (const DigicertConfiguration *configuration);
GBytes *digicert_request_revoke  (DigicertApi api, BrevetRevocationReason reason);

G_END_DECLS
