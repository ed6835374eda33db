/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <tss2/tss2_tpm2_types.h>

G_BEGIN_DECLS

/**
 * BrevetTpmHandles:
 *
 * What is remembered of persistent keys from one use of the TPM to the next: where they are, and the Names that tell them from
 * others. A file, or nothing but memory where there is no place for one.
 */
typedef struct _BrevetTpmHandles BrevetTpmHandles;

/**
 * brevet_tpm_handles_load:
 * @path: (nullable): the file. One that is not there, or cannot be read, is like an empty one; the latter is warned of.
 *
 * Returns: (transfer full): what it holds
 */
BrevetTpmHandles *brevet_tpm_handles_load (const char *path);

void brevet_tpm_handles_free (BrevetTpmHandles *self);

/**
 * brevet_tpm_handles_get:
 * @key: a key, as `endorsementKey`
 * @handle: (out): where it was put
 *
 * Returns: %FALSE if nothing is remembered
 */
gboolean brevet_tpm_handles_get (BrevetTpmHandles *self, const char *key, TPM2_HANDLE *handle);

/**
 * brevet_tpm_handles_get_use:
 * @name: Name of a key that was found
 *
 * Returns: (nullable) (transfer none): what the key with this Name was put there for; %NULL if it is not one that is remembered
 */
const char *brevet_tpm_handles_get_use (BrevetTpmHandles *self, const char *key, const TPM2B_NAME *name);

/**
 * brevet_tpm_handles_get_name:
 *
 * Returns: (nullable) (transfer none): the Name in hexadecimal digits that was remembered last
 */
const char *brevet_tpm_handles_get_name (BrevetTpmHandles *self, const char *key);

/**
 * brevet_tpm_handles_remember:
 * @use: what the key is for
 *
 * Remembers a key before or after it is put there. The one before it is remembered beside it: should the power go in between, it is
 * still known. Writes the file, if that changes it; if it cannot be written, a warning says so.
 */
void brevet_tpm_handles_remember (BrevetTpmHandles *self, const char *key, TPM2_HANDLE handle, const TPM2B_NAME *name,
                                  const char *use);

/**
 * brevet_tpm_name_to_text:
 *
 * Returns: (transfer full): the Name in hexadecimal digits
 */
char *brevet_tpm_name_to_text (const TPM2B_NAME *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTpmHandles, brevet_tpm_handles_free)

G_END_DECLS
