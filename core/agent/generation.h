/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-key.h"
#include "brevet-trust-bundle.h"

G_BEGIN_DECLS

/**
 * BREVET_GENERATION_CLOCK_TOLERANCE:
 *
 * Seconds by which the clocks of a device and a CA may differ.
 */
#define BREVET_GENERATION_CLOCK_TOLERANCE 300

/**
 * BrevetGeneration:
 * @number: counts up from 1
 * @input_digest: what the identity was asked for with; see brevet_identity_config_compute_digest()
 * @assigned_hub: (nullable): host name of the hub; %NULL while it is staged
 * @device_id: (nullable): name of the device at the hub; %NULL while it is staged
 * @installed: when the service's answer was taken, seconds since 1970-01-01 UTC; 0 while it is staged
 * @key: (nullable): private key in memory; %NULL for one in a token, and for an identity without certificate
 * @key_token: (nullable): PKCS#11 URI of the token in which the private key is, without its PIN; %NULL if it is in no token
 * @key_label: (nullable): its label there: brevet_token_key_uri() makes one URI of both
 * @key_spki: (nullable): SHA-256 over the public half of the key in the token, as of brevet_key_get_spki_sha256(); %NULL while the
 *   key is not made yet, and for one in memory
 * @csr: (nullable): the request (DER) that a certificate for @key is asked for with, while it is staged: the service knows a
 *   repeated question by its bytes, and a signature differs each time; %NULL otherwise
 * @chain: (nullable): the certificate and its intermediates; %NULL while it is staged, or without certificate
 * @trust_bundle: (nullable): what the device trusts: the service's certificates, then local ones; %NULL if there is none
 * @trust_bundle_etag: (nullable): version of the service's trust bundle
 * @used: whether somebody has got this identity, so that the one before it is no longer needed
 *
 * One complete version of an identity. Reference counted; filled by its maker and not changed once it is shared: a change is a
 * copy.
 */
typedef struct {
  guint64 number;
  char *input_digest;
  char *assigned_hub;
  char *device_id;
  gint64 installed;
  BrevetKey *key;
  char *key_token;
  char *key_label;
  char *key_spki;
  GBytes *csr;
  BrevetChain *chain;
  BrevetTrustBundle *trust_bundle;
  char *trust_bundle_etag;
  gboolean used;
} BrevetGeneration;

BrevetGeneration *brevet_generation_new (guint64 number, const char *input_digest);

/**
 * brevet_generation_copy:
 *
 * Returns: (transfer full): a new generation with the same content, to be changed before it is shared
 */
BrevetGeneration *brevet_generation_copy (BrevetGeneration *self);

BrevetGeneration *brevet_generation_ref (BrevetGeneration *self);

void brevet_generation_unref (BrevetGeneration *self);

/**
 * brevet_generation_take_key_of:
 * @other: (nullable): where the key is taken from
 *
 * Gives a generation that is being made the same key as another one has, in memory or in a token.
 */
void brevet_generation_take_key_of (BrevetGeneration *self, BrevetGeneration *other);

/**
 * brevet_generation_get_spki:
 *
 * Returns: (transfer none) (nullable): SHA-256 over the public half of its key, wherever that is; %NULL if it has none (yet)
 */
const char *brevet_generation_get_spki (BrevetGeneration *self);

/**
 * brevet_generation_dup_key_uri:
 *
 * Returns: (transfer full) (nullable): PKCS#11 URI of its key without a PIN; %NULL if that is in no token
 */
char *brevet_generation_dup_key_uri (BrevetGeneration *self);

/**
 * brevet_generation_get_not_after:
 *
 * Returns: end of the leaf's validity; %G_MAXINT64 for an identity without certificate
 */
gint64 brevet_generation_get_not_after (BrevetGeneration *self);

/**
 * brevet_generation_is_valid:
 * @now: seconds since 1970-01-01 UTC
 *
 * Returns: %TRUE if it can be used at @now: assigned, and its leaf within its dates (or without certificate). A certificate that
 *   begins within %BREVET_GENERATION_CLOCK_TOLERANCE counts: what brevet_generation_check() has let in must not be invalid at once.
 */
gboolean brevet_generation_is_valid (BrevetGeneration *self, gint64 now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetGeneration, brevet_generation_unref)

G_END_DECLS
