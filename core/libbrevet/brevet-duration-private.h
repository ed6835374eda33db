/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads `1h 30min`; FALSE if @text is not a duration or does not fit. */
gboolean brevet_duration_parse (const char *text, gint64 *seconds);

/* Writes a duration in the largest unit that divides it: 5400 is `90min`. */
char *brevet_duration_format (gint64 seconds);

G_END_DECLS
