/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-csr.h"
#include "brevet-settings.h"

G_BEGIN_DECLS

/**
 * BrevetSubjectPolicy:
 *
 * Which name a device gets in its certificate (protocol/ca-backends.md §2.1). The common name is the registration id, whatever the
 * CSR asks for; X.520 limits it to 64 characters while a registration id may have 128. Immutable and reference counted.
 */
typedef struct _BrevetSubjectPolicy BrevetSubjectPolicy;

#define BREVET_TYPE_SUBJECT_POLICY (brevet_subject_policy_get_type ())

/**
 * BREVET_SUBJECT_MAX_COMMON_NAME:
 *
 * Most characters that a common name may have (X.520, ub-common-name).
 */
#define BREVET_SUBJECT_MAX_COMMON_NAME 64

BREVET_API
GType brevet_subject_policy_get_type (void);

/**
 * brevet_subject_policy_new:
 * @settings: (nullable): %NULL for the defaults. Reads
 *   `long-cn`: what to do with a registration id of more than 64 characters: `reject` (default); `hash`: the common name is its
 *   first 24 characters, a hyphen and the first 32 hexadecimal digits of its SHA-256, and the whole id stands in a URI; `allow`:
 *   write it anyway.
 *   `subject-uri-prefix`: if set, every certificate has a URI of this prefix and the percent-encoded registration id in its
 *   subjectAltName; if not, only hashed names have one, with the prefix `urn:brevet:`.
 *
 * Returns: (transfer full) (nullable): the policy, or %NULL with %BREVET_ERROR_NOT_CONFIGURED
 */
BREVET_API
BrevetSubjectPolicy *brevet_subject_policy_new (BrevetSettings *settings, GError **error);

BREVET_API
BrevetSubjectPolicy *brevet_subject_policy_ref (BrevetSubjectPolicy *self);

BREVET_API
void brevet_subject_policy_unref (BrevetSubjectPolicy *self);

/**
 * brevet_subject_policy_apply:
 * @registration_id: the device, in the spelling of its registration
 * @csr: its request: the common name must be @registration_id in the same spelling, or the name that @common_name gets, or absent
 * @common_name: (out) (transfer full): subject for the certificate
 * @uri: (out) (transfer full) (nullable): URI for its subjectAltName, or %NULL for none
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED if the CSR asks for another name or the registration id makes no common name
 */
BREVET_API
gboolean brevet_subject_policy_apply (BrevetSubjectPolicy *self, const char *registration_id, BrevetCsr *csr, char **common_name,
                                      char **uri, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetSubjectPolicy, brevet_subject_policy_unref)

G_END_DECLS
