/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Prints what a test of a key has found, for people. */
void brevet_key_report_print (JsonObject *facts);

G_END_DECLS
