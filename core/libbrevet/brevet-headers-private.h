/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The header fields of a message: names without regard to case, kept in lower case and in the order of setting. */

typedef void (*BrevetHeaderFunc) (const char *name, const char *value, gpointer user_data);

GArray     *brevet_headers_new     (void);
const char *brevet_headers_get     (GArray *headers, const char *name);
void        brevet_headers_set     (GArray *headers, const char *name, const char *value);
void        brevet_headers_foreach (GArray *headers, BrevetHeaderFunc callback, gpointer user_data);

G_END_DECLS
