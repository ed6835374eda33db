/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * brevet_text_file_open:
 * @descriptor: (out): what can be read without waiting for anybody; -1 with an error
 *
 * Returns: 0, or an error number for brevet_text_file_explain()
 */
int brevet_text_file_open (const char *path, int *descriptor);

/* What an operator is told of an error number. */
const char *brevet_text_file_explain (int code);

G_END_DECLS
