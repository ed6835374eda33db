/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "generation.h"

G_BEGIN_DECLS

/**
 * brevet_generation_check:
 * @self: what is to be installed
 * @registration_id: name of the device
 * @now: seconds since 1970-01-01 UTC
 *
 * Everything that must hold before an identity may take the place of another: there is a key where there is a certificate, and the
 * leaf is for it; it is no CA; its subject's CN is the registration id or the device id, in any case; each certificate of the
 * chain is signed by the next; the leaf is valid at @now, give or take %BREVET_GENERATION_CLOCK_TOLERANCE; an extended key usage,
 * if there is one, allows TLS clients. If the trust bundle has a certificate with the name of the chain's last issuer, that
 * signature must hold too; a bundle that does not know the issuer says nothing about it, since many hold the hub's CA alone.
 *
 * Returns: %FALSE with %BREVET_ERROR_UNTRUSTED and a sentence that says what is wrong with which certificate
 */
gboolean brevet_generation_check (BrevetGeneration *self, const char *registration_id, gint64 now, GError **error);

/**
 * brevet_generation_check_stored:
 *
 * What must hold for a generation that comes from storage: the leaf is for the key, and the chain is in order. No dates: an expired
 * identity is still one.
 *
 * Returns: %FALSE with %BREVET_ERROR_CORRUPT
 */
gboolean brevet_generation_check_stored (BrevetGeneration *self, GError **error);

G_END_DECLS
