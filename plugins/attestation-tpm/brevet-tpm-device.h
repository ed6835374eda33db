/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <tss2/tss2_esys.h>

G_BEGIN_DECLS

/* Handles of objects that the TPM keeps. TSS has names for them, too, but shifts an int over its sign. */
#define BREVET_TPM_PERSISTENT_FIRST ((TPM2_HANDLE) TPM2_HT_PERSISTENT << TPM2_HR_SHIFT)
#define BREVET_TPM_PERSISTENT_LAST (BREVET_TPM_PERSISTENT_FIRST | 0x00ffffff)

/**
 * BrevetTpm:
 *
 * One conversation with a TPM: opened, used and closed on one thread that may block. What it has loaded into the TPM meanwhile is
 * flushed at the end, whatever happened: a TPM without a resource manager has room for three objects.
 */
typedef struct _BrevetTpm BrevetTpm;

/**
 * brevet_tpm_open:
 * @tcti: the way to the TPM, as tss2-tctildr reads it: `device:/dev/tpmrm0`
 * @cancellable: (nullable): looked at between the commands
 *
 * Returns: (transfer full) (nullable): the conversation
 */
BrevetTpm *brevet_tpm_open (const char *tcti, GCancellable *cancellable, GError **error);

void brevet_tpm_close (BrevetTpm *self);

ESYS_CONTEXT *brevet_tpm_get_esys (BrevetTpm *self);

const char *brevet_tpm_get_tcti (BrevetTpm *self);

/**
 * brevet_tpm_keep:
 * @handle: a loaded object or session
 *
 * Notes that @handle is to be flushed.
 */
void brevet_tpm_keep (BrevetTpm *self, ESYS_TR handle);

/**
 * brevet_tpm_flush:
 *
 * Flushes one that was noted before the end, to make room.
 */
void brevet_tpm_flush (BrevetTpm *self, ESYS_TR handle);

/**
 * brevet_tpm_forget:
 *
 * Of one that was noted and is gone by itself.
 *
 * Returns: %TRUE if it was noted
 */
gboolean brevet_tpm_forget (BrevetTpm *self, ESYS_TR handle);

/**
 * brevet_tpm_get_last_code:
 *
 * Returns: what the last command was answered with
 */
TSS2_RC brevet_tpm_get_last_code (BrevetTpm *self);

/**
 * brevet_tpm_get_property:
 * @property: a TPM2_PT
 *
 * Returns: %FALSE if the TPM does not have it
 */
gboolean brevet_tpm_get_property (BrevetTpm *self, TPM2_PT property, guint32 *value);

/* What BREVET_TPM_RUN() is made of. */
gboolean brevet_tpm_begin (BrevetTpm *self, GError **error);
gboolean brevet_tpm_repeats (BrevetTpm *self, TSS2_RC code, guint *tries);
gboolean brevet_tpm_end (BrevetTpm *self, TSS2_RC code, const char *purpose, const char *authorization, GError **error);

/**
 * BREVET_TPM_RUN:
 * @self: a #BrevetTpm
 * @purpose: what it is for, as brevet_tpm_error_new() wants it
 * @authorization: (nullable): the setting with the authorisation that is used
 * @error: return location
 * @call: a call of ESYS; evaluated again when the TPM asks for that
 *
 * One command.
 *
 * Returns: %FALSE with @error set
 */
#define BREVET_TPM_RUN(self, purpose, authorization, error, call)                                                               \
  (__extension__ ({                                                                                                              \
    guint tries_ = 0;                                                                                                            \
    TSS2_RC code_ = TSS2_RC_SUCCESS;                                                                                             \
    gboolean begun_ = brevet_tpm_begin ((self), (error));                                                                        \
    if (begun_)                                                                                                                  \
      do                                                                                                                         \
        code_ = (call);                                                                                                          \
      while (brevet_tpm_repeats ((self), code_, &tries_));                                                                       \
    begun_ && brevet_tpm_end ((self), code_, (purpose), (authorization), (error));                                               \
  }))

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTpm, brevet_tpm_close)

/* Frees what ESYS has allocated: for g_autofree, which calls g_free(), it would be the wrong allocator in principle. */
static inline void
brevet_tpm_free_esys (gpointer location)
{
  Esys_Free (*(void **) location);
}

#define BREVET_TPM_AUTO __attribute__ ((cleanup (brevet_tpm_free_esys)))

G_END_DECLS
