/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

G_BEGIN_DECLS

/**
 * x509_subject_dup_registration_id:
 *
 * The device that a certificate is for: its only common name, which must be a registration id of at most 64 characters, written in
 * a kind of string that everybody reads in the same way (protocol/dps.md §1.3, §7.1).
 *
 * Returns: (transfer full) (nullable): the registration id as it stands there; %NULL with %BREVET_ERROR_INVALID
 */
char *x509_subject_dup_registration_id (BrevetCertificate *certificate, GError **error);

G_END_DECLS
