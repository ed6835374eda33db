/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetOutputColumns:
 *
 * Rows of values below titles, for people.
 */
typedef struct _BrevetOutputColumns BrevetOutputColumns;

/**
 * brevet_output_columns_new:
 * @titles: (array zero-terminated=1): titles of the columns
 */
BrevetOutputColumns *brevet_output_columns_new (const char *const *titles);

void brevet_output_columns_free (BrevetOutputColumns *self);

/**
 * brevet_output_columns_add:
 * @values: (array zero-terminated=1): text of strangers, one for each column or fewer; a dash stands where it is empty
 */
void brevet_output_columns_add (BrevetOutputColumns *self, const char *const *values);

/**
 * brevet_output_columns_print:
 *
 * Prints all rows. The last column is as wide as it likes.
 */
void brevet_output_columns_print (BrevetOutputColumns *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetOutputColumns, brevet_output_columns_free)

G_END_DECLS
