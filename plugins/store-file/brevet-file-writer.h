/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-file-state.h"

G_BEGIN_DECLS

/**
 * brevet_file_writer_start:
 *
 * Returns: (nullable): a thread that makes everything that is queued durable with one generation, until the queue of writes is
 *   closed
 */
GThread *brevet_file_writer_start (BrevetFileState *state, GError **error);

G_END_DECLS
