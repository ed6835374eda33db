/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "digicert-reply.h"

G_BEGIN_DECLS

/* Both return an error of BREVET_CA_ERROR for the operator, with what DigiCert said and what to do about it. */

/* @reply has a status of failure. */
GError *digicert_trouble_new (DigicertVerb verb, const DigicertReply *reply);

/* @reply has a status of success and is not what DigiCert documents. @reason: nullable */
GError *digicert_trouble_new_misread (DigicertVerb verb, const DigicertReply *reply, const char *reason);

G_END_DECLS
