/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * brevet_record_damage_report:
 * @record: a record that cannot be read
 * @error: why, as its reader said it
 * @consequence: what becomes of it, in words that go on after a semicolon
 *
 * Tells the operator, once in the life of the process for each version of a record however often it is come across. On any thread.
 */
void brevet_record_damage_report (BrevetRecord *record, const GError *error, const char *consequence);

G_END_DECLS
