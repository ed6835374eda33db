/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-config.h"
#include "brevet-macros.h"

G_BEGIN_DECLS

/**
 * brevet_pkcs11_use_modules:
 * @modules: (array zero-terminated=1): PKCS#11 modules: absolute paths, or names of files in p11-kit's directory of modules
 *
 * Loads these modules, and no others in this process: without this call, the first PKCS#11 URI loads every module that p11-kit
 * knows of, including those that look for smart cards and TPMs. To be called before anything else uses PKCS#11; a further call adds
 * modules.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED if a module cannot be loaded
 */
BREVET_API
gboolean brevet_pkcs11_use_modules (const char *const *modules, GError **error);

/**
 * brevet_pkcs11_configure:
 * @config: what a program was started with, or reloads
 *
 * Does what the group `[pkcs11]` says. Its key `module` lists modules for brevet_pkcs11_use_modules(); without it, or with
 * `system`, p11-kit's list is used. To be called first of all with a configuration, and again on each reload: then modules that are
 * new are loaded, those that are no longer named stay until the program ends, which a warning says, and PINs that were refused may
 * be tried once more.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming file and line
 */
BREVET_API
gboolean brevet_pkcs11_configure (BrevetConfig *config, GError **error);

/**
 * brevet_pkcs11_hold:
 *
 * For whoever uses tokens through GnuTLS or GIO, and not through this library. To find a token that was away, modules are started
 * anew, which ends all their sessions; that is not done as long as somebody holds them. Blocks while it is being done.
 *
 * Returns: %FALSE with %BREVET_ERROR_UNREACHABLE if that does not come to an end; otherwise to be followed by
 *   brevet_pkcs11_release(), on any thread
 */
BREVET_API
gboolean brevet_pkcs11_hold (GError **error);

/**
 * brevet_pkcs11_release:
 *
 * What was opened in a token is closed by now.
 */
BREVET_API
void brevet_pkcs11_release (void);

G_END_DECLS
