/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

G_BEGIN_DECLS

/**
 * BrevetChain:
 *
 * Certificates in order: the leaf, then each one's issuer. Immutable and reference counted; may be without its root.
 */
typedef struct _BrevetChain BrevetChain;

#define BREVET_TYPE_CHAIN (brevet_chain_get_type ())

/**
 * BREVET_CHAIN_MAX_LENGTH:
 *
 * Most certificates that a chain may have.
 */
#define BREVET_CHAIN_MAX_LENGTH 16

BREVET_API
GType brevet_chain_get_type (void);

/**
 * brevet_chain_new:
 * @certificates: (element-type BrevetCertificate): leaf first; at least one
 *
 * Puts the issuers in order: the first stays the leaf, each next is the issuer of the one before; certificates that belong nowhere
 * are left out, duplicates too; see brevet_chain_get_spare().
 *
 * Returns: (transfer full) (nullable): the chain, or %NULL with %BREVET_ERROR_INVALID if it is empty or too long
 */
BREVET_API
BrevetChain *brevet_chain_new (GPtrArray *certificates, GError **error);

/**
 * brevet_chain_new_from_pem:
 * @pem: text with one or more certificates, leaf first; other PEM blocks are passed over
 *
 * Returns: (transfer full) (nullable): the chain, or %NULL with %BREVET_ERROR_INVALID
 */
BREVET_API
BrevetChain *brevet_chain_new_from_pem (const char *pem, GError **error);

/**
 * brevet_chain_load:
 * @path: file with PEM
 *
 * Returns: (transfer full) (nullable): the chain, or %NULL with %BREVET_ERROR_NOT_CONFIGURED naming the file
 */
BREVET_API
BrevetChain *brevet_chain_load (const char *path, GError **error);

BREVET_API
BrevetChain *brevet_chain_ref (BrevetChain *self);

BREVET_API
void brevet_chain_unref (BrevetChain *self);

/**
 * brevet_chain_get_length:
 *
 * Returns: number of certificates, at least 1
 */
BREVET_API
guint brevet_chain_get_length (BrevetChain *self);

/**
 * brevet_chain_get:
 * @index: 0 is the leaf
 *
 * Returns: (transfer none): a certificate
 */
BREVET_API
BrevetCertificate *brevet_chain_get (BrevetChain *self, guint index);

/**
 * brevet_chain_get_n_spares:
 *
 * Returns: number of certificates that brevet_chain_new() was given besides those of the chain
 */
BREVET_API
guint brevet_chain_get_n_spares (BrevetChain *self);

/**
 * brevet_chain_get_spare:
 * @index: in the order in which they were given
 *
 * An issuer may have two certificates, such as one by its old and one by its new root. The chain goes the way of the first; who
 * trusts the other one finds it here.
 *
 * Returns: (transfer none): a certificate that is not in the chain
 */
BREVET_API
BrevetCertificate *brevet_chain_get_spare (BrevetChain *self, guint index);

/**
 * brevet_chain_get_leaf:
 *
 * Returns: (transfer none): the first certificate
 */
BREVET_API
BrevetCertificate *brevet_chain_get_leaf (BrevetChain *self);

/**
 * brevet_chain_without_root:
 *
 * Returns: (transfer full): the chain without self-issued certificates behind the leaf
 */
BREVET_API
BrevetChain *brevet_chain_without_root (BrevetChain *self);

/**
 * brevet_chain_prepend:
 * @leaf: what the leaf of @self has issued
 *
 * Makes the chain of a new certificate, for whoever keeps the issuer's chain in order already.
 *
 * Returns: (transfer full) (nullable): @leaf, then @self; %NULL with %BREVET_ERROR_INVALID if @self did not issue @leaf, or the
 *   chain becomes too long
 */
BREVET_API
BrevetChain *brevet_chain_prepend (BrevetChain *self, BrevetCertificate *leaf, GError **error);

/**
 * brevet_chain_to_pem:
 *
 * Returns: (transfer full): all certificates, leaf first
 */
BREVET_API
char *brevet_chain_to_pem (BrevetChain *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetChain, brevet_chain_unref)

G_END_DECLS
