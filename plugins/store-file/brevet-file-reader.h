/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-file-state.h"

G_BEGIN_DECLS

/**
 * brevet_file_reader_start:
 *
 * Returns: (nullable): a thread that answers get and list until the queue of reads is closed
 */
GThread *brevet_file_reader_start (BrevetFileState *state, GError **error);

G_END_DECLS
