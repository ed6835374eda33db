/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What commands print for people. Times are local, with the name of their zone. */

/**
 * BrevetOutputColour:
 *
 * What a colour says; which one that is on a terminal, is decided in one place.
 */
typedef enum {
  BREVET_OUTPUT_PLAIN,
  BREVET_OUTPUT_GOOD,
  BREVET_OUTPUT_BUSY,
  BREVET_OUTPUT_BAD,
} BrevetOutputColour;

/**
 * brevet_output_paint:
 * @text: one line of text
 *
 * Returns: (transfer full): @text in a colour, if standard output is a terminal that shows colours and the user wants them
 *   (`NO_COLOR` and `TERM=dumb` say no); as it is otherwise
 */
char *brevet_output_paint (BrevetOutputColour colour, const char *text);

/**
 * brevet_output_describe_moment:
 * @seconds: since 1970-01-01 UTC
 *
 * Returns: (transfer full): `2031-02-03 04:05:06 CET`
 */
char *brevet_output_describe_moment (gint64 seconds);

/**
 * brevet_output_describe_time:
 * @seconds: since 1970-01-01 UTC
 * @now: the same, for now
 *
 * Returns: (transfer full) (nullable): `in 12 days (2031-02-03 04:05:06 CET)`; %NULL for 0: there is no such time
 */
char *brevet_output_describe_time (gint64 seconds, gint64 now);

/**
 * BrevetOutputTable:
 *
 * Labels and values, the values below each other.
 */
typedef struct _BrevetOutputTable BrevetOutputTable;

BrevetOutputTable *brevet_output_table_new (void);

void brevet_output_table_free (BrevetOutputTable *self);

/**
 * brevet_output_table_add:
 * @label: what it is; empty if it belongs to the line before
 * @value: (nullable): text of strangers; without text, no line is added
 */
void brevet_output_table_add (BrevetOutputTable *self, const char *label, const char *value);

/**
 * brevet_output_table_add_list:
 * @values: (nullable): a line each, the label before the first
 */
void brevet_output_table_add_list (BrevetOutputTable *self, const char *label, const char *const *values);

/**
 * brevet_output_table_print:
 *
 * Prints all lines, indented; on a terminal, long values go on below themselves.
 */
void brevet_output_table_print (BrevetOutputTable *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetOutputTable, brevet_output_table_free)

G_END_DECLS
