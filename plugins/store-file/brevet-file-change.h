/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-file-index.h"

G_BEGIN_DECLS

/**
 * brevet_file_change_apply_batch:
 * @index: an index that nobody else sees yet
 * @changed: (inout): set to %TRUE if the batch makes a difference
 *
 * Makes the changes of a batch in the index, all of them or none.
 *
 * Returns: %FALSE with %BREVET_ERROR_CONFLICT if a condition does not hold
 */
gboolean brevet_file_change_apply_batch (BrevetFileIndex *index, BrevetBatch *batch, gboolean *changed, GError **error);

G_END_DECLS
