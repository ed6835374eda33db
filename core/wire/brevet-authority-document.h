/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-secret.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetAuthorityDocument:
 * @name: name of the certificate authority, in the spelling of its creation
 * @type: its `certificateAuthorityType`
 * @profile_name: (nullable): the CA's profile
 * @api_key: (nullable): secret as it came; never shown again
 * @sealed_api_key: (nullable): the same as a store keeps it: only the service can make @api_key of it
 * @etag: (nullable): version; set by whoever loads it
 * @created: microseconds since 1970-01-01 UTC, 0 if unknown
 * @updated: microseconds since 1970-01-01 UTC, 0 if unknown
 *
 * A certificate authority as the service API knows it (protocol/dps.md §10.6). Plain data.
 */
typedef struct {
  char *name;
  char *type;
  char *profile_name;
  BrevetSecret *api_key;
  char *sealed_api_key;
  char *etag;
  gint64 created;
  gint64 updated;
} BrevetAuthorityDocument;

/**
 * brevet_authority_document_parse:
 * @stored: (nullable): as it is now: a PUT without `apiKey` for the same type keeps the stored one
 *
 * Returns: (transfer full) (nullable): the document, or %NULL with %BREVET_ERROR_INVALID naming the member
 */
BrevetAuthorityDocument *brevet_authority_document_parse (GBytes *body, const char *name, const BrevetAuthorityDocument *stored,
                                                          GError **error);

/**
 * brevet_authority_document_to_json:
 * @with_secrets: %TRUE for the store, %FALSE for a reply. A store gets the sealed API key if there is one.
 *
 * Returns: (transfer full): the object
 */
JsonObject *brevet_authority_document_to_json (const BrevetAuthorityDocument *self, gboolean with_secrets);

/**
 * brevet_authority_document_load:
 *
 * Returns: (transfer full) (nullable): the document from a store, or %NULL with %BREVET_ERROR_CORRUPT
 */
BrevetAuthorityDocument *brevet_authority_document_load (GBytes *body, GError **error);

/**
 * brevet_authority_type_is_documented:
 *
 * Returns: %TRUE if the protocol's documents name this certificateAuthorityType, so that it may be stored even where no plugin for
 *   it is installed
 */
gboolean brevet_authority_type_is_documented (const char *type);

void brevet_authority_document_free (BrevetAuthorityDocument *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAuthorityDocument, brevet_authority_document_free)

G_END_DECLS
