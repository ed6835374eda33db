/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-config.h"
#include "brevet-secret.h"

G_BEGIN_DECLS

/**
 * BrevetSecretSeal:
 *
 * Keeps secrets of the service readable for the service alone: whoever reads its store, or a backup of that, sees them sealed
 * (AES-256-GCM). The keys come from `secrets-key-file` or `secrets-key-credential` of `[service]`, one a line in base64: the first
 * seals, each opens. Without either, one key is kept in the file `secrets.key` beside the file of the store, or in the state
 * directory where the store names none; it is made when the first secret is sealed. Thread-safe and reference counted.
 */
typedef struct _BrevetSecretSeal BrevetSecretSeal;

/**
 * brevet_secret_seal_new:
 *
 * Returns: (transfer full) (nullable): the seal, or %NULL with %BREVET_ERROR_NOT_CONFIGURED if there are keys that cannot be used
 */
BrevetSecretSeal *brevet_secret_seal_new (BrevetConfig *config, GError **error);

/**
 * brevet_secret_seal_new_empty:
 *
 * Returns: (transfer full): a seal without keys, which opens nothing
 */
BrevetSecretSeal *brevet_secret_seal_new_empty (void);

BrevetSecretSeal *brevet_secret_seal_ref (BrevetSecretSeal *self);

void brevet_secret_seal_unref (BrevetSecretSeal *self);

/**
 * brevet_secret_seal_forbid_key:
 * @reason: a sentence: why no key may be made
 *
 * From now on no key is made where there is none: sealing fails instead. For a store that holds what a lost key has sealed, and for
 * programs that only read.
 *
 * Returns: %FALSE if it was forbidden for this reason already
 */
gboolean brevet_secret_seal_forbid_key (BrevetSecretSeal *self, const char *reason);

/**
 * brevet_secret_seal_look_after:
 * @restored: (out): whether the file was gone and has been written again
 *
 * Looks whether the key that seals is still in its file, as the next start will want it. If the file that is made by itself is
 * gone, it is written again: whoever has deleted it by mistake loses nothing. Waits for a disk; does nothing for keys that are in
 * no file.
 *
 * Returns: %FALSE with an error that names the file
 */
gboolean brevet_secret_seal_look_after (BrevetSecretSeal *self, gboolean *restored, GError **error);

/**
 * brevet_secret_seal_close:
 * @place: where the secret is to be stored; it can be opened nowhere else
 *
 * Returns: (transfer full) (nullable): printable text; %NULL with %BREVET_ERROR_NOT_CONFIGURED if there is no key and none can be
 *   made
 */
char *brevet_secret_seal_close (BrevetSecretSeal *self, const char *place, BrevetSecret *secret, GError **error);

/**
 * brevet_secret_seal_open:
 * @place: where @sealed was stored
 *
 * Returns: (transfer full) (nullable): the secret; %NULL with %BREVET_ERROR_NOT_CONFIGURED if its key is not there, or
 *   %BREVET_ERROR_CORRUPT if it was damaged, or sealed for another place
 */
BrevetSecret *brevet_secret_seal_open (BrevetSecretSeal *self, const char *place, const char *sealed, GError **error);

/**
 * brevet_secret_seal_can_open:
 *
 * Returns: %TRUE if the key that has made @sealed is there
 */
gboolean brevet_secret_seal_can_open (BrevetSecretSeal *self, const char *sealed);

/**
 * brevet_secret_seal_is_current:
 *
 * Returns: %TRUE if @sealed was made with the key that seals now
 */
gboolean brevet_secret_seal_is_current (BrevetSecretSeal *self, const char *sealed);

/**
 * brevet_secret_seal_get_source:
 *
 * Returns: (transfer none): where keys are expected, for messages
 */
const char *brevet_secret_seal_get_source (BrevetSecretSeal *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetSecretSeal, brevet_secret_seal_unref)

G_END_DECLS
