/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-file-index.h"

G_BEGIN_DECLS

/**
 * brevet_file_recovery_run:
 * @directory: directory of a store that nobody else uses
 *
 * Finds out what is stored, repairs the link `current` if it does not lead there, and removes what interrupted commits have left.
 * Whatever had to be repaired, and every damaged body, is logged as a warning.
 *
 * Returns: (transfer full) (nullable): the index of the current generation; %NULL with %BREVET_ERROR_CORRUPT naming the file if no
 *   generation is left that can be used, or with another error if the disk cannot be read now
 */
BrevetFileIndex *brevet_file_recovery_run (const char *directory, GError **error);

G_END_DECLS
