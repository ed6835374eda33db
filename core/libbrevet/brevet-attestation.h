/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetAttestation:
 *
 * How an enrollment wants its devices to prove who they are: the name of a mechanism, and parameters that only the verifier of this
 * mechanism understands. Immutable and reference counted.
 */
typedef struct _BrevetAttestation BrevetAttestation;

#define BREVET_TYPE_ATTESTATION (brevet_attestation_get_type ())

BREVET_API
GType brevet_attestation_get_type (void);

/**
 * brevet_attestation_new:
 * @mechanism: name of the mechanism, such as `symmetricKey`
 * @is_group: %TRUE if it stands for a family of devices, %FALSE for one device
 * @parameters: (nullable): the mechanism's parameters; must not be changed afterwards. %NULL for an empty object.
 *
 * Returns: (transfer full): a new attestation
 */
BREVET_API
BrevetAttestation *brevet_attestation_new (const char *mechanism, gboolean is_group, JsonObject *parameters);

BREVET_API
BrevetAttestation *brevet_attestation_ref (BrevetAttestation *self);

BREVET_API
void brevet_attestation_unref (BrevetAttestation *self);

/**
 * brevet_attestation_get_mechanism:
 *
 * Returns: (transfer none): its name in the protocol, such as `symmetricKey`
 */
BREVET_API
const char *brevet_attestation_get_mechanism (BrevetAttestation *self);

/**
 * brevet_attestation_is_group:
 *
 * Returns: %TRUE if it is that of an enrollment group
 */
BREVET_API
gboolean brevet_attestation_is_group (BrevetAttestation *self);

/**
 * brevet_attestation_get_parameters:
 *
 * Returns: (transfer none): the mechanism's parameters; only read them
 */
BREVET_API
JsonObject *brevet_attestation_get_parameters (BrevetAttestation *self);

/**
 * brevet_attestation_complete:
 * @certificates: (nullable) (element-type utf8 BrevetCertificate): verified CA certificates by name, in lower case; only those that
 *   the attestation refers to and that exist
 * @memory: (nullable): what the verifier remembered of the device that is about to be judged
 *
 * For the service, which knows what an enrollment only refers to.
 *
 * Returns: (transfer full): the same attestation, ready to be verified against
 */
BREVET_API
BrevetAttestation *brevet_attestation_complete (BrevetAttestation *self, GHashTable *certificates, JsonObject *memory);

/**
 * brevet_attestation_get_certificate:
 * @name: name of a verified CA certificate, compared without case
 *
 * Returns: (transfer none) (nullable): the certificate; %NULL if it does not exist, or is not verified
 */
BREVET_API
BrevetCertificate *brevet_attestation_get_certificate (BrevetAttestation *self, const char *name);

/**
 * brevet_attestation_get_memory:
 *
 * Returns: (transfer none) (nullable): what brevet_verdict_set_memory() last said about the device; only read it
 */
BREVET_API
JsonObject *brevet_attestation_get_memory (BrevetAttestation *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAttestation, brevet_attestation_unref)

G_END_DECLS
