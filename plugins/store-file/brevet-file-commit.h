/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-file-index.h"

G_BEGIN_DECLS

/**
 * brevet_file_commit_run:
 * @directory: directory of the store
 * @current: what is stored now
 * @next: what shall be stored; entries that are new in it have their bodies, which are let go of when they are written
 * @switched: (out): whether @next is what is stored now
 *
 * Builds the generation of @next beside the one of @current, brings it to stable storage and switches to it in one step.
 *
 * Returns: %TRUE once @next is on stable storage. %FALSE with %BREVET_ERROR_FAILED otherwise: if not @switched, nothing has
 *   changed; if @switched, everybody sees @next, but a power cut may still bring @current back
 */
gboolean brevet_file_commit_run (const char *directory, BrevetFileIndex *current, BrevetFileIndex *next, gboolean *switched,
                                 GError **error);

G_END_DECLS
