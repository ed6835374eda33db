/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-settings.h"

G_BEGIN_DECLS

/**
 * BrevetTpmVendorStore:
 *
 * The certificate authorities of the makers of TPMs whom the operator trusts. Immutable, usable from several threads.
 */
typedef struct _BrevetTpmVendorStore BrevetTpmVendorStore;

/**
 * brevet_tpm_vendor_store_load:
 * @settings: where @key stands
 * @key: names a file, or a directory of files, with CA certificates in PEM
 *
 * Returns: (transfer full) (nullable): the store, or %NULL with %BREVET_ERROR_NOT_CONFIGURED naming the file
 */
BrevetTpmVendorStore *brevet_tpm_vendor_store_load (BrevetSettings *settings, const char *key, GError **error);

void brevet_tpm_vendor_store_free (BrevetTpmVendorStore *self);

/**
 * brevet_tpm_vendor_store_check:
 * @certificate: of an endorsement key, with issuers between it and the store if there are some
 *
 * Validates path, dates, CA flags, critical extensions, and that it is for an endorsement key (tcg-kp-EKCertificate).
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED and a reason for the operator
 */
gboolean brevet_tpm_vendor_store_check (BrevetTpmVendorStore *self, BrevetChain *certificate, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTpmVendorStore, brevet_tpm_vendor_store_free)

G_END_DECLS
