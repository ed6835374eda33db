/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "scaffold.h"

G_BEGIN_DECLS

/**
 * brevet_init_print_created:
 * @directory: where it was made
 * @config: the configuration file
 * @server: the TLS certificate
 * @json: for programs instead of people
 *
 * Says on standard output what `brevet-dps init` has made, and to people what to do next.
 */
void brevet_init_print_created (const BrevetScaffold *scaffold, const char *directory, const char *config,
                                BrevetCertificate *server, gboolean json);

/**
 * brevet_init_print_renewed:
 * @names: what the certificate is for
 *
 * Says on standard output that there is a new TLS certificate.
 */
void brevet_init_print_renewed (const char *directory, char **names, BrevetCertificate *server, gboolean json);

G_END_DECLS
