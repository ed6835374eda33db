/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-prover.h"
#include "brevet-transport.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetTrustBundlePollKind:
 * @BREVET_TRUST_BUNDLE_UNCHANGED: the bundle is the one that the caller has
 * @BREVET_TRUST_BUNDLE_CHANGED: here is another one
 * @BREVET_TRUST_BUNDLE_NONE: the device's enrollment names no bundle
 * @BREVET_TRUST_BUNDLE_UNSUPPORTED: the service cannot be asked (it is not brevet's, or too old): a bundle comes only with a
 *   registration
 *
 * What a look at the trust bundle came to.
 */
typedef enum {
  BREVET_TRUST_BUNDLE_UNCHANGED,
  BREVET_TRUST_BUNDLE_CHANGED,
  BREVET_TRUST_BUNDLE_NONE,
  BREVET_TRUST_BUNDLE_UNSUPPORTED,
} BrevetTrustBundlePollKind;

/**
 * BrevetTrustBundlePoll:
 * @kind: what it came to
 * @document: (nullable): when it changed: the trust bundle, in the form of the member `trustBundle` of a registration
 * @etag: (nullable): when it changed: its version, to be asked with the next time
 * @retry_after: seconds after which the service wants to be asked again, -1 if it names none; also after a failure
 *
 * Plain data, cleared with brevet_trust_bundle_poll_clear().
 */
typedef struct {
  BrevetTrustBundlePollKind kind;
  JsonObject *document;
  char *etag;
  int retry_after;
} BrevetTrustBundlePoll;

/**
 * brevet_trust_bundle_poll_async:
 * @transport: way to the service
 * @prover: proves that this is the device
 * @id_scope: scope of the service
 * @registration_id: name of the device
 * @etag: (nullable): version of the bundle that the caller has; a bare tag, with or without quotes
 * @cancellable: (nullable): ends it early
 *
 * Asks once whether the trust bundle is still the one with @etag (docs/device-api-extensions.md): a proof and one request, and a
 * second one if the service challenges. Changes nothing in the service, and does not try again by itself: whoever polls has a
 * rhythm of its own.
 */
void brevet_trust_bundle_poll_async (BrevetTransport *transport, BrevetProver *prover, const char *id_scope,
                                     const char *registration_id, const char *etag, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_trust_bundle_poll_finish:
 * @poll: (out caller-allocates): what it came to; to be cleared, also after a failure
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED if the service refuses the device (the message holds its code, text and tracking id),
 *   %BREVET_ERROR_BUSY if it asks to come back later (429), %BREVET_ERROR_UNREACHABLE if there was no usable answer,
 *   %BREVET_ERROR_UNTRUSTED if who answered is not the service, or what the prover said. None of them says anything about the
 *   bundle that the caller has.
 */
gboolean brevet_trust_bundle_poll_finish (GAsyncResult *result, BrevetTrustBundlePoll *poll, GError **error);

void brevet_trust_bundle_poll_clear (BrevetTrustBundlePoll *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BrevetTrustBundlePoll, brevet_trust_bundle_poll_clear)

G_END_DECLS
