/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <tss2/tss2_tpm2_types.h>

G_BEGIN_DECLS

/**
 * brevet_tpm_code_strip:
 * @code: what a call of the TPM software stack returned
 *
 * Returns: the TPM's own code without the number of the parameter, handle or session that it is about; 0 if the code is none of
 *   the TPM's, but of the software between it and us
 */
TPM2_RC brevet_tpm_code_strip (TSS2_RC code);

/**
 * brevet_tpm_code_may_pass:
 *
 * Returns: %TRUE if the TPM asks to be given the same command again in a moment
 */
gboolean brevet_tpm_code_may_pass (TSS2_RC code);

/**
 * brevet_tpm_error_new:
 * @code: what a call of the TPM software stack returned
 * @tcti: the TPM, as the settings name it
 * @purpose: what was tried, as it stands behind “could not”: `make the storage root key`
 * @authorization: (nullable): the setting that holds the authorisation that was used
 *
 * Returns: (transfer full): an error that says what failed, with the code and its meaning, and what to do
 */
GError *brevet_tpm_error_new (TSS2_RC code, const char *tcti, const char *purpose, const char *authorization);

/**
 * brevet_tpm_error_new_opening:
 *
 * Returns: (transfer full): the same for a TPM that is not reached at all; finds out why, as the stack does not tell
 */
GError *brevet_tpm_error_new_opening (TSS2_RC code, const char *tcti);

G_END_DECLS
