/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-outcome.h"

G_BEGIN_DECLS

/*
 * DigicertTrust:
 *
 * What is to be trusted, as far as it is known without asking. It is wanted with each certificate and changes once in years, so it
 * is asked for once an hour, and when a certificate comes that it does not cover. Usable from several threads.
 */
typedef struct _DigicertTrust DigicertTrust;

/* @configured: (nullable): never asked for, and never changed */
DigicertTrust     *digicert_trust_new        (BrevetTrustBundle *configured);
void               digicert_trust_free       (DigicertTrust *self);

/* Returns: (transfer full) (nullable): what is known, however old */
BrevetTrustBundle *digicert_trust_get        (DigicertTrust *self);

/* Whether there is something, and it need not be asked for again. */
gboolean           digicert_trust_is_fresh   (DigicertTrust *self);
void               digicert_trust_set        (DigicertTrust *self, BrevetTrustBundle *trust);

/* Looks whether @chain ends at something that is trusted. If not, what is known is not fresh any more. */
gboolean           digicert_trust_covers     (DigicertTrust *self, BrevetChain *chain);

/* Returns: (transfer full): @chain, with its issuers as far as they are known */
BrevetChain       *digicert_trust_lengthen   (DigicertTrust *self, BrevetChain *chain);

G_END_DECLS
