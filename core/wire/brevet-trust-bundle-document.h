/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-trust-bundle.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetTrustBundleDocument:
 * @id: in the spelling of its creation
 * @pems: (element-type utf8): one certificate per entry, exactly as uploaded
 * @bundle: the same certificates, parsed
 * @etag: (nullable): version; set by whoever loads it
 * @created: microseconds since 1970-01-01 UTC, 0 if unknown
 * @updated: microseconds since 1970-01-01 UTC, 0 if unknown
 *
 * A trust bundle as the service API and the device API know it (protocol/dps.md §2.6, §10.7). Plain data.
 */
typedef struct {
  char *id;
  GPtrArray *pems;
  BrevetTrustBundle *bundle;
  char *etag;
  gint64 created;
  gint64 updated;
} BrevetTrustBundleDocument;

/**
 * brevet_trust_bundle_document_parse:
 * @body: JSON
 * @id: the id of the path
 * @stored: (nullable): as it is now; its spelling of @id is kept
 *
 * An entry with several certificates is split. Entries that are no CA certificates are refused.
 *
 * Returns: (transfer full) (nullable): the document, or %NULL with %BREVET_ERROR_INVALID naming the entry
 */
BrevetTrustBundleDocument *brevet_trust_bundle_document_parse (GBytes *body, const char *id,
                                                               const BrevetTrustBundleDocument *stored, GError **error);

/**
 * brevet_trust_bundle_document_to_json:
 *
 * Returns: (transfer full): the object with `metadata` of each certificate; the same for a reply, the store and the device
 */
JsonObject *brevet_trust_bundle_document_to_json (const BrevetTrustBundleDocument *self);

/**
 * brevet_trust_bundle_document_load:
 *
 * Returns: (transfer full) (nullable): the document from a store, or %NULL with %BREVET_ERROR_CORRUPT
 */
BrevetTrustBundleDocument *brevet_trust_bundle_document_load (GBytes *body, GError **error);

/**
 * brevet_certificate_metadata_to_json:
 *
 * Returns: (transfer full): the members of X509CertificateInfo (protocol/dps.md §2.5); thumbprints in upper case
 */
JsonObject *brevet_certificate_metadata_to_json (BrevetCertificate *certificate);

void brevet_trust_bundle_document_free (BrevetTrustBundleDocument *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTrustBundleDocument, brevet_trust_bundle_document_free)

G_END_DECLS
