/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-trust-bundle.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetTrustBundleDocument:
 * @id: in the spelling of its creation
 * @authorities: (array zero-terminated=1): names of the certificate authorities that the bundle follows
 * @pems: (element-type utf8): one certificate per entry, exactly as uploaded: the bundle's own first, then those that came from
 *   @authorities, in their order; each certificate once
 * @sources: (element-type utf8): for each entry the one of @authorities that it came from, %NULL for the bundle's own
 * @bundle: the same certificates, parsed
 * @etag: (nullable): version; set by whoever loads it
 * @created: microseconds since 1970-01-01 UTC, 0 if unknown
 * @updated: microseconds since 1970-01-01 UTC, 0 if unknown
 *
 * A trust bundle as the service API and the device API know it (protocol/dps.md §2.6, §10.7), and brevet's extension of it: a
 * bundle may name certificate authorities, and carries what they say is to be trusted. Plain data.
 */
typedef struct {
  char *id;
  char **authorities;
  GPtrArray *pems;
  GPtrArray *sources;
  BrevetTrustBundle *bundle;
  char *etag;
  gint64 created;
  gint64 updated;
} BrevetTrustBundleDocument;

/**
 * BREVET_TRUST_BUNDLE_MAX_AUTHORITIES:
 *
 * Most certificate authorities that a bundle may follow.
 */
#define BREVET_TRUST_BUNDLE_MAX_AUTHORITIES 16

/**
 * brevet_trust_bundle_document_parse:
 * @body: JSON
 * @id: the id of the path
 * @stored: (nullable): as it is now; its spelling of @id is kept
 *
 * An entry with several certificates is split. Entries that are no CA certificates are refused.
 *
 * An entry that says which certificate authority it came from stays what it is as long as the bundle follows that one, and is
 * dropped if it does not. Without the member `certificateAuthorities` the bundle goes on following those that it followed, and what
 * it has from them stays theirs even where the entry does not say so: the body comes from somebody who does not know the
 * extension, and has sent back what he was shown. What came from a certificate authority that is followed is never removed here.
 *
 * Returns: (transfer full) (nullable): the document, or %NULL with %BREVET_ERROR_INVALID naming the entry
 */
BrevetTrustBundleDocument *brevet_trust_bundle_document_parse (GBytes *body, const char *id,
                                                               const BrevetTrustBundleDocument *stored, GError **error);

/**
 * brevet_trust_bundle_document_to_json:
 *
 * Returns: (transfer full): the object with `metadata` of each certificate; the same for a reply and the store
 */
JsonObject *brevet_trust_bundle_document_to_json (const BrevetTrustBundleDocument *self);

/**
 * brevet_trust_bundle_document_load:
 *
 * Returns: (transfer full) (nullable): the document from a store, or %NULL with %BREVET_ERROR_CORRUPT
 */
BrevetTrustBundleDocument *brevet_trust_bundle_document_load (GBytes *body, GError **error);

/**
 * brevet_trust_bundle_document_strip:
 * @object: what brevet_trust_bundle_document_to_json() has made
 *
 * Takes away what devices do not know: where the certificates came from.
 */
void brevet_trust_bundle_document_strip (JsonObject *object);

/**
 * brevet_trust_bundle_document_follow:
 * @certificates: (element-type BrevetCertificate): what is to be trusted beside the bundle's own, in any order
 * @sources: (element-type utf8): for each of them the one of the authorities of @self that says so
 * @changed: (out): whether that was news
 *
 * Replaces what came from certificate authorities.
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID if the bundle had too many certificates then; it is as before
 */
gboolean brevet_trust_bundle_document_follow (BrevetTrustBundleDocument *self, GPtrArray *certificates, GPtrArray *sources,
                                              gboolean *changed, GError **error);

/**
 * brevet_certificate_metadata_to_json:
 *
 * Returns: (transfer full): the members of X509CertificateInfo (protocol/dps.md §2.5); thumbprints in upper case
 */
JsonObject *brevet_certificate_metadata_to_json (BrevetCertificate *certificate);

void brevet_trust_bundle_document_free (BrevetTrustBundleDocument *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTrustBundleDocument, brevet_trust_bundle_document_free)

G_END_DECLS
