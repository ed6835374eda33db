/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "backoff.h"
#include "brevet-config.h"
#include "brevet-key.h"
#include "brevet-trust-bundle.h"
#include "renewal-policy.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetIdentityConfig:
 * @name: what the group `[identity NAME]` is called: 1 to 32 of `a-z`, `0-9` and `-`, not ending in `-previous` or `-staged`
 * @enabled: key `enabled`, default yes
 * @id_scope: key `id-scope`
 * @registration_id: key `registration-id`
 * @transport: the group `[transport NAME]` that key `transport` names (default `main`)
 * @attestation: the group `[attestation NAME]` that key `attestation` names (default `main`)
 * @service: where it comes from, for people: the transport's `host` (and `port`), else its type
 * @wants_certificate: key `certificate`: `required` (default) or `none`
 * @key_type: key `key-type`, named as in dps.conf(5): see brevet_key_kind_from_name(); default `p256`
 * @key_kind: what it means
 * @rekey: key `rekey`, default yes: a new key with each new certificate
 * @key_token: (nullable): key `key-token`: PKCS#11 URI of the token in which keys are made; %NULL if they are kept with the records
 * @key_pin: (nullable): secret setting `key-token-pin`: its PIN. Without @key_token it is for tokens that have keys from before
 * @renewal: keys `renew` (`66%`, `30d`; default 66%) and `renewal-jitter` (default 5%)
 * @backoff: keys `retry-minimum` (default 5s) and `retry-maximum` (default 1h)
 * @timeout: key `timeout`: seconds for one attempt, 5 to 86400, default 10min
 * @trust_bundle_name: key `dps_trust_bundle`, default `aziot-dps-trust-bundle`: 1 to 128 of `A-Za-z0-9._-`, not beginning with a
 *   dot, and none of the other record names
 * @trust_bundle_poll: key `trust-bundle-poll`: seconds between two looks at the trust bundle, at least 10; `never` is 0; default 1h
 * @local_trust: (nullable): key `local-trust-file`: certificates that are added behind the service's
 * @payload: (nullable): key `payload-file`: JSON for custom allocation
 * @api_version: key `api-version`, default `2021-11-01-preview`: how the service is spoken to; a change alone makes no
 *   other identity
 * @brings_trust: whether trust bundles come in this version
 * @hub_proof: key `hub-proof`, default no: a new certificate is tried at its hub before it replaces one that is still valid
 * @hub_port: key `hub-port`, default 8883: where the hub speaks MQTT over TLS
 *
 * One identity as the configuration wants it. Immutable, reference counted.
 */
typedef struct {
  char *name;
  gboolean enabled;
  char *id_scope;
  char *registration_id;
  BrevetSettings *transport;
  BrevetSettings *attestation;
  char *service;
  gboolean wants_certificate;
  char *key_type;
  BrevetKeyKind key_kind;
  gboolean rekey;
  char *key_token;
  BrevetSecret *key_pin;
  BrevetRenewalPolicy renewal;
  BrevetBackoff backoff;
  guint timeout;
  char *trust_bundle_name;
  gint64 trust_bundle_poll;
  BrevetTrustBundle *local_trust;
  JsonNode *payload;
  char *api_version;
  gboolean brings_trust;
  gboolean hub_proof;
  guint16 hub_port;
} BrevetIdentityConfig;

/**
 * brevet_identity_config_new:
 * @config: the whole configuration
 * @settings: a group `[identity NAME]` of it
 *
 * Returns: (transfer full) (nullable): the identity, or %NULL with %BREVET_ERROR_NOT_CONFIGURED naming file and line
 */
BrevetIdentityConfig *brevet_identity_config_new (BrevetConfig *config, BrevetSettings *settings, GError **error);

BrevetIdentityConfig *brevet_identity_config_ref (BrevetIdentityConfig *self);

void brevet_identity_config_unref (BrevetIdentityConfig *self);

/**
 * brevet_identity_config_has_key_like:
 *
 * Returns: %TRUE if both want the same kind of key in the same place, and have the same PIN for it
 */
gboolean brevet_identity_config_has_key_like (const BrevetIdentityConfig *self, const BrevetIdentityConfig *other);

/**
 * brevet_identity_config_compute_digest:
 *
 * Digest of all that makes this another identity when it changes: how and where the service is reached (type, host, port), scope,
 * registration id, and the whole attestation group with the content of the files and credentials that it names. Where the service's
 * trust comes from, where the key is kept and how often things happen are not part of it. Read anew each time, since a file may
 * have been replaced.
 *
 * Returns: (transfer full) (nullable): 64 hexadecimal digits, or %NULL with %BREVET_ERROR_NOT_CONFIGURED if a file cannot be read
 */
char *brevet_identity_config_compute_digest (BrevetIdentityConfig *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetIdentityConfig, brevet_identity_config_unref)

G_END_DECLS
