/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-settings.h"

G_BEGIN_DECLS

/* Returns: (transfer none): the settings of the group with this heading, made if need be */
typedef BrevetSettings *(*BrevetConfigGroupFunc) (const char *heading, gpointer user_data);

/**
 * brevet_config_read_text: (skip)
 * @text: the text of one key file
 * @file: its name, for messages
 * @ensure_group: where keys go
 *
 * Enters every key with its line. What stands in @text replaces what stood in an earlier one.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming file and line
 */
gboolean brevet_config_read_text (const char *text, const char *file, BrevetConfigGroupFunc ensure_group, gpointer user_data,
                                  GError **error);

G_END_DECLS
