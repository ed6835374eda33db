/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-key.h"
#include "brevet-settings.h"

G_BEGIN_DECLS

/**
 * X509Places:
 *
 * Where a device keeps its onboarding credential. What is there is read each time, as an operator may replace it.
 */
typedef struct {
  char         *name;          /* of the token that has the key, or the file, without a PIN: for people */
  char         *certificate;   /* file with the leaf and maybe its issuers, or a PKCS#11 URI of the leaf */
  char         *intermediates; /* file with further issuers, or NULL */
  char         *key;           /* file, or PKCS#11 URI */
  BrevetSecret *password;      /* of the key's file, or PIN of the token; or NULL */
} X509Places;

/**
 * x509_places_read:
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED about a setting; the places themselves are not looked at
 */
gboolean x509_places_read (X509Places *self, BrevetSettings *settings, GError **error);

void x509_places_clear (X509Places *self);

/**
 * x509_places_load_chain:
 *
 * Blocks; for a thread.
 *
 * Returns: (transfer full) (nullable): the leaf and the intermediates in order, without a root; %NULL with
 *   %BREVET_ERROR_NOT_CONFIGURED
 */
BrevetChain *x509_places_load_chain (const X509Places *self, GError **error);

/**
 * x509_places_load_key:
 * @leaf: the certificate that the key must belong to
 *
 * Blocks; for a thread.
 *
 * Returns: (transfer full) (nullable): the key, or %NULL with an error of brevet_key_load()
 */
BrevetKey *x509_places_load_key (const X509Places *self, BrevetCertificate *leaf, GError **error);

G_END_DECLS
