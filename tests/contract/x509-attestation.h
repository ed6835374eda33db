/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verifier-suite.h"
#include "x509-pki.h"

G_BEGIN_DECLS

#define X509_MODULE "attestation-x509"
#define X509_SCOPE  "0ne000A1B2C"
#define X509_DEVICE "pump-07"

/* Stops the clock at X509_PKI_NOW; x509_now_offset seconds are added. */
extern gint64 x509_now_offset;
void x509_stop_clock (void);

BrevetVerifier *x509_create_verifier (void);

/* An attestation as an operator writes it: JSON text with `@N` for the base64 DER of the N-th party that follows. */
BrevetAttestation *x509_attestation (gboolean is_group, const char *json, ...) G_GNUC_NULL_TERMINATED;

/* The same, prepared for the store. */
BrevetAttestation *x509_enroll (gboolean is_group, const char *json, ...) G_GNUC_NULL_TERMINATED;

BrevetClaims *x509_claim (const char *registration_id, BrevetChain *chain);

/* Returns the credential that was proved. */
char *x509_accept (BrevetAttestation *attestation, const char *registration_id, BrevetChain *chain);

/* Fails the test unless it is refused with @code, for a reason that has @needle in it. */
void x509_refuse (BrevetAttestation *attestation, const char *registration_id, BrevetChain *chain, int code, const char *needle);

G_END_DECLS
