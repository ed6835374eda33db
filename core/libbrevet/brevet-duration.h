/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

G_BEGIN_DECLS

/**
 * brevet_duration_parse:
 * @text: a number with a unit: `30s`, `5min` (or `5m`), `12h`, `90d`, `2w`, `1y` (365 days); several may follow each other:
 *   `1h 30min`. A bare number means seconds.
 * @seconds: (out): the duration; untouched if @text is none
 *
 * Returns: %FALSE if @text is not a duration or does not fit
 */
BREVET_API
gboolean brevet_duration_parse (const char *text, gint64 *seconds);

/**
 * brevet_duration_format:
 * @seconds: a duration
 *
 * Returns: (transfer full): it in the largest unit that divides it: 5400 is `90min`
 */
BREVET_API
char *brevet_duration_format (gint64 seconds);

G_END_DECLS
