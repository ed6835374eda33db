/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-tpm-device.h"

G_BEGIN_DECLS

/**
 * BrevetTpmKey:
 * @object: what ESYS knows it by
 * @handle: where it is, if it is persistent
 * @public_area: its public half
 * @name: its Name
 *
 * A key in the TPM. Plain data.
 */
typedef struct {
  ESYS_TR      object;
  TPM2_HANDLE  handle;
  TPM2B_PUBLIC public_area;
  TPM2B_NAME   name;
} BrevetTpmKey;

/**
 * brevet_tpm_list_persistent:
 *
 * Returns: (transfer full) (nullable) (element-type TPM2_HANDLE): the persistent handles that are taken, in ascending order
 */
GArray *brevet_tpm_list_persistent (BrevetTpm *self, GError **error);

/**
 * brevet_tpm_has_handle:
 *
 * Returns: %TRUE if @handle is in @handles
 */
gboolean brevet_tpm_has_handle (GArray *handles, TPM2_HANDLE handle);

/**
 * brevet_tpm_choose_free:
 * @handles: those that are taken
 * @wanted: the one to begin with
 *
 * Returns: @wanted or the next one that is free; 0 if there is none nearby
 */
TPM2_HANDLE brevet_tpm_choose_free (GArray *handles, TPM2_HANDLE wanted);

/**
 * brevet_tpm_read_key:
 * @handle: a persistent handle that is taken
 * @key: (out): the key there
 */
gboolean brevet_tpm_read_key (BrevetTpm *self, TPM2_HANDLE handle, BrevetTpmKey *key, GError **error);

/**
 * brevet_tpm_persist:
 * @key: a loaded key; it is flushed, and afterwards this describes the persistent one
 * @handle: where to put it; nothing is there
 * @purpose: as for BREVET_TPM_RUN()
 */
gboolean brevet_tpm_persist (BrevetTpm *self, BrevetTpmKey *key, TPM2_HANDLE handle, const char *purpose, GError **error);

/**
 * brevet_tpm_evict:
 *
 * Removes a persistent key.
 */
gboolean brevet_tpm_evict (BrevetTpm *self, const BrevetTpmKey *key, GError **error);

gboolean brevet_tpm_name_equal (const TPM2B_NAME *one, const TPM2B_NAME *other);

G_END_DECLS
