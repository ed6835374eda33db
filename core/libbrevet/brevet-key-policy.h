/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-key.h"
#include "brevet-macros.h"
#include "brevet-settings.h"

#include <gnutls/abstract.h>

G_BEGIN_DECLS

/**
 * BrevetKeyPolicy:
 *
 * Which public keys are good enough for a certificate (protocol/ca-backends.md §2.1). The default allows P-256, P-384 and RSA of
 * 2048 to 4096 bits with exponent 65537. Immutable and reference counted.
 */
typedef struct _BrevetKeyPolicy BrevetKeyPolicy;

#define BREVET_TYPE_KEY_POLICY (brevet_key_policy_get_type ())

BREVET_API
GType brevet_key_policy_get_type (void);

/**
 * brevet_key_policy_new:
 *
 * Returns: (transfer full): the default policy
 */
BREVET_API
BrevetKeyPolicy *brevet_key_policy_new (void);

/**
 * brevet_key_policy_new_from_settings:
 * @settings: reads key `key-types`: a list of `p256`, `p384`, `p521`, `rsa`, `rsa-pss`, `ed25519`
 *
 * Returns: (transfer full) (nullable): the policy, or %NULL with an error
 */
BREVET_API
BrevetKeyPolicy *brevet_key_policy_new_from_settings (BrevetSettings *settings, GError **error);

BREVET_API
BrevetKeyPolicy *brevet_key_policy_ref (BrevetKeyPolicy *self);

BREVET_API
void brevet_key_policy_unref (BrevetKeyPolicy *self);

/**
 * brevet_key_policy_check: (skip)
 * @key: a public key
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED naming the key's kind and what is allowed
 */
BREVET_API
gboolean brevet_key_policy_check (BrevetKeyPolicy *self, gnutls_pubkey_t key, GError **error);

/**
 * brevet_key_kind_from_name:
 * @name: one of the names of `key-types`, for keys that are made here: `p256`, `p384`, `rsa` (3072 bits) or `ed25519`
 * @kind: (out): the kind of key
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID naming what may be written
 */
BREVET_API
gboolean brevet_key_kind_from_name (const char *name, BrevetKeyKind *kind, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetKeyPolicy, brevet_key_policy_unref)

G_END_DECLS
