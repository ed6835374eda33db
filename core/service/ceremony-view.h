/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ceremony.h"

G_BEGIN_DECLS

/**
 * brevet_ceremony_view_print:
 * @json: whether for programs
 *
 * Prints the hierarchy of a CA, where its key is, which step of a roll-over it is at, and what to do next.
 *
 * Returns: %FALSE with an error if its certificates cannot be read
 */
gboolean brevet_ceremony_view_print (BrevetCeremony *ceremony, gboolean json, GError **error);

/**
 * brevet_ceremony_view_print_root:
 * @directory: of a root
 *
 * Prints the root, and what it has signed as its records say.
 */
gboolean brevet_ceremony_view_print_root (const char *directory, gboolean json, GError **error);

G_END_DECLS
