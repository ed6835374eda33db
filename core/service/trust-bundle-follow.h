/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-pool.h"
#include "brevet-trust-bundle-document.h"
#include "census.h"

G_BEGIN_DECLS

/**
 * BrevetTrustAnswer:
 * @identity: which CA has said so
 * @trust: what it says is to be trusted
 *
 * What a CA has answered when it was asked last. Plain data.
 */
typedef struct {
  char *identity;
  BrevetTrustBundle *trust;
} BrevetTrustAnswer;

/**
 * brevet_trust_bundle_follow_async:
 * @document: (transfer none): a trust bundle; stays as it is until the end
 * @changed: when the stored bundle was changed last, microseconds since 1970-01-01 UTC
 * @answers: (nullable): a #BrevetTrustAnswer by folded name of the certificate authority, younger than what is stored
 *
 * Finds out what the certificate authorities that @document names, and the CAs that they stood for before and that devices still
 * use, say is to be trusted.
 */
void brevet_trust_bundle_follow_async (BrevetStore *store, BrevetCensus *census, BrevetTrustBundleDocument *document,
                                       gint64 changed, GHashTable *answers, GCancellable *cancellable,
                                       GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_trust_bundle_follow_finish:
 * @changed: (out): whether @document has changed
 *
 * Puts that into the document. Nothing is taken out of it in the same step in which something comes in, and nothing as long as it
 * is not known what a certificate authority says; what has expired leaves; the last certificate never does.
 *
 * Returns: %FALSE with an error of the store, or %BREVET_ERROR_INVALID if there are too many certificates; the document is as
 * before
 */
gboolean brevet_trust_bundle_follow_finish (GAsyncResult *result, gboolean *changed, GError **error);

G_END_DECLS
