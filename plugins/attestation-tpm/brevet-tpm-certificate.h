/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-tpm-device.h"

G_BEGIN_DECLS

/**
 * brevet_tpm_read_certificate:
 * @certificate: (out) (nullable): the certificate of the endorsement key as DER, or %NULL if the TPM has none that it shows
 *
 * Reads what the TPM's maker has put into the TPM about an RSA key.
 *
 * Returns: %FALSE with @error set if the TPM does not answer
 */
gboolean brevet_tpm_read_certificate (BrevetTpm *tpm, GBytes **certificate, GError **error);

G_END_DECLS
