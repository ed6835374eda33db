/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * The member `x509` of an enrollment's attestation (protocol/dps.md §7.1, §10.5): exactly one of three forms, each with a `primary`
 * and maybe a `secondary`. Kept in a store it has the certificates as PEM; shown it has what can be said about them.
 */

#define X509_CLIENT_CERTIFICATES  "clientCertificates"
#define X509_SIGNING_CERTIFICATES "signingCertificates"
#define X509_CA_REFERENCES        "caReferences"

#define X509_N_SLOTS 2

/* `primary`, `secondary`. */
extern const char *const x509_slots[X509_N_SLOTS];

/**
 * x509_enrollment_prepare:
 * @is_group: whether it is a group's
 * @wanted: what an operator writes
 * @stored: (nullable): what is there now; a slot that is written back as it was shown keeps its certificate, found by its SHA-256
 *   thumbprint, so that primary and secondary can change places
 *
 * Returns: (transfer full) (nullable): what to store; %NULL with %BREVET_ERROR_INVALID naming the member
 */
JsonObject *x509_enrollment_prepare (gboolean is_group, JsonObject *wanted, JsonObject *stored, GError **error);

/**
 * x509_enrollment_describe:
 *
 * Returns: (transfer full): what may be shown
 */
JsonObject *x509_enrollment_describe (JsonObject *stored);

/**
 * x509_enrollment_get_form:
 *
 * Returns: (transfer none) (nullable): which of the three forms @stored has
 */
const char *x509_enrollment_get_form (JsonObject *stored);

/**
 * x509_enrollment_get_certificate:
 * @certificate: (out) (transfer full) (nullable): the certificate; %NULL if the slot is empty
 *
 * Returns: %FALSE with %BREVET_ERROR_CORRUPT if what is stored cannot be read
 */
gboolean x509_enrollment_get_certificate (JsonObject *stored, const char *form, const char *slot, BrevetCertificate **certificate,
                                          GError **error);

/**
 * x509_enrollment_get_reference:
 *
 * Returns: (transfer none) (nullable): the name of a verified CA certificate; %NULL if the slot is empty
 */
const char *x509_enrollment_get_reference (JsonObject *stored, const char *slot);

G_END_DECLS
