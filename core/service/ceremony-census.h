/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

G_BEGIN_DECLS

/**
 * brevet_ceremony_census_has_bundle:
 * @path: file with what `brevet admin ca status --json` prints; `-` for standard input
 * @name: of the certificate authority
 * @root: the root that everybody must have
 *
 * Returns: %TRUE if every device of the trust bundles that follow the CA has a version with @root; %FALSE with
 *   %BREVET_ERROR_REJECTED that says how many
 *   have not
 */
gboolean brevet_ceremony_census_has_bundle (const char *path, const char *name, BrevetCertificate *root, GError **error);

/**
 * brevet_ceremony_census_has_moved:
 *
 * Returns: %TRUE if no device uses a certificate of an earlier version of the CA; %FALSE with %BREVET_ERROR_REJECTED
 */
gboolean brevet_ceremony_census_has_moved (const char *path, const char *name, GError **error);

G_END_DECLS
