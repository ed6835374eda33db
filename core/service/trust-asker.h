/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetTrustAsker:
 *
 * Asks certificate authorities now and then what they say is to be trusted, each by itself, so that one that does not answer is
 * waited for by nobody. Belongs to one main context. Reference counted.
 */
typedef struct _BrevetTrustAsker BrevetTrustAsker;

BrevetTrustAsker *brevet_trust_asker_new (void);

BrevetTrustAsker *brevet_trust_asker_ref (BrevetTrustAsker *self);

void brevet_trust_asker_unref (BrevetTrustAsker *self);

/**
 * brevet_trust_asker_ask:
 * @name: name of a certificate authority
 * @chore: job to poke when the answer is news
 *
 * Asks, unless that was done a short time ago.
 */
void brevet_trust_asker_ask (BrevetTrustAsker *self, BrevetServiceContext *context, const char *name, const char *chore,
                             GCancellable *cancellable);

/**
 * brevet_trust_asker_get_answers:
 *
 * Returns: (transfer none): a #BrevetTrustAnswer by folded name
 */
GHashTable *brevet_trust_asker_get_answers (BrevetTrustAsker *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTrustAsker, brevet_trust_asker_unref)

G_END_DECLS
