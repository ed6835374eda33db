/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-csr.h"
#include "brevet-registration-state.h"
#include "brevet-trust-bundle.h"

G_BEGIN_DECLS

/**
 * BrevetRegisterResult:
 * @state: the registration
 * @chain: (nullable): the certificate with its intermediates
 * @bundle: (nullable): the trust bundle
 * @certificate_file: (nullable): where @chain was written
 * @bundle_file: (nullable): where @bundle was written
 *
 * What there is to tell after a registration.
 */
typedef struct {
  BrevetRegistrationState *state;
  BrevetChain *chain;
  BrevetTrustBundle *bundle;
  const char *certificate_file;
  const char *bundle_file;
} BrevetRegisterResult;

/**
 * brevet_register_read_certificate:
 * @csr: what was asked for
 *
 * Returns: (transfer full) (nullable): the certificate that came, which is for the key of @csr; %NULL with an error
 */
BrevetChain *brevet_register_read_certificate (const BrevetRegistrationState *state, BrevetCsr *csr, GError **error);

/**
 * brevet_register_read_trust_bundle:
 *
 * Returns: (transfer full) (nullable): the trust bundle that came; %NULL with an error if there is none or it cannot be read
 */
BrevetTrustBundle *brevet_register_read_trust_bundle (const BrevetRegistrationState *state, GError **error);

/**
 * brevet_register_write:
 *
 * Writes a public file (mode 0644) so that at any moment either the old or the new content is there.
 */
gboolean brevet_register_write (const char *path, const char *text, GError **error);

/**
 * brevet_register_print:
 * @json: one JSON object instead of lines for people
 */
void brevet_register_print (const BrevetRegisterResult *result, gboolean json);

G_END_DECLS
