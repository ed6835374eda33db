/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

G_BEGIN_DECLS

/* Somebody with a certificate and its key. */
typedef struct {
  BrevetCertificate *certificate;
  BrevetKey *key;
} Party;

/**
 * party_new:
 * @issuer: (nullable): who signs; %NULL for itself
 * @from: when it begins, in seconds from now
 * @until: when it ends, in seconds from now
 */
Party *party_new (BrevetCertificateUsage usage, const char *name, const Party *issuer, gint64 from, gint64 until);

void party_free (Party *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Party, party_free)

#define party_new_ca(name, issuer)     party_new (BREVET_CERTIFICATE_USAGE_CA, name, issuer, -3600, 30 * 86400)
#define party_new_client(name, issuer) party_new (BREVET_CERTIFICATE_USAGE_CLIENT, name, issuer, -3600, 86400)

G_END_DECLS
