/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-authority-document.h"
#include "brevet-ca-certificate-document.h"
#include "brevet-enrollment.h"
#include "brevet-registration-state.h"
#include "brevet-revocation.h"
#include "brevet-store.h"
#include "brevet-trust-bundle-document.h"

G_BEGIN_DECLS

/* What the service keeps, and under which keys: the one place that knows how typed records lie in a store. Bodies are JSON;
 * enrollments, certificate authorities and trust bundles in the form of the service API itself, complete with secrets. Identifiers
 * are folded to make keys, the first spelling stands in the body. */

#define BREVET_COLLECTION_ENROLLMENTS     "enrollments"             /* key: registration id */
#define BREVET_COLLECTION_GROUPS          "enrollment-groups"       /* key: group id */
#define BREVET_COLLECTION_AUTHORITIES     "certificate-authorities" /* key: name */
#define BREVET_COLLECTION_TRUST_BUNDLES   "trust-bundles"           /* key: id */
#define BREVET_COLLECTION_REGISTRATIONS   "registrations"           /* key: registration id, parent: group id */
#define BREVET_COLLECTION_OPERATIONS      "operations"              /* key: operation id, parent: registration id */
#define BREVET_COLLECTION_JOURNAL         "journal"                 /* key: operation id; there while an issuance is unfinished */
#define BREVET_COLLECTION_CERTIFICATES    "certificates"            /* inventory; key: issuer and serial, parent: registration id */
#define BREVET_COLLECTION_CA_CERTIFICATES "ca-certificates"         /* key: name */
#define BREVET_COLLECTION_ISSUERS         "issuers"                 /* index of groups by issuer, see BrevetIssuerEntry */
#define BREVET_COLLECTION_MEMORIES        "attestation-memories"    /* what a verifier remembers; key: registration id */
#define BREVET_COLLECTION_CA_VERSIONS     "ca-versions"             /* key: name and identity, parent: name; records-ca.h */
#define BREVET_COLLECTION_REVOCATIONS     "revocations"             /* key: that of the inventory; records-ca.h */
#define BREVET_COLLECTION_ORPHANS         "orphans"                 /* key: operation id and attempt; records-ca.h */
#define BREVET_COLLECTION_BUNDLE_HOLDERS  "trust-bundle-holders"    /* key: registration id, parent: id of the trust bundle */

#define BREVET_INVENTORY_ISSUED  "issued"
#define BREVET_INVENTORY_REFUSED "refused"
#define BREVET_INVENTORY_REVOKED "revoked"

/**
 * BrevetOperation:
 * @id: operation id
 * @registration_id: the device, first spelling
 * @question: SHA-256 over what was asked: the same question joins the operation
 * @tracking_id: of the request that began it
 * @enrollment_id: the enrollment that admitted it
 * @enrollment_is_group: whether that is a group
 * @credential: (nullable): what the device proved itself with, in words
 * @state: its state, without certificate and trust bundle
 * @certificate_key: (nullable): key of the certificate in the inventory
 * @trust_bundle_id: (nullable): bundle to deliver along
 * @certificate_expires: seconds since 1970-01-01 UTC, 0 without a certificate
 * @delivered: the final result has been handed to the network
 * @etag: (nullable): version
 *
 * One register call in flight or finished. Plain data.
 */
typedef struct {
  char *id;
  char *registration_id;
  char *question;
  char *tracking_id;
  char *enrollment_id;
  gboolean enrollment_is_group;
  char *credential;
  BrevetRegistrationState *state;
  char *certificate_key;
  char *trust_bundle_id;
  gint64 certificate_expires;
  gboolean delivered;
  char *etag;
} BrevetOperation;

/**
 * BrevetRegistration:
 * @state: as the registration status lookup shows it
 * @operation_id: (nullable): the latest operation
 * @enrollment_id: the enrollment that admitted it last
 * @enrollment_is_group: whether that is a group
 * @initial_hub: (nullable): hub of the first assignment
 * @etag: (nullable): version
 *
 * What is known of one device. Plain data.
 */
typedef struct {
  BrevetRegistrationState *state;
  char *operation_id;
  char *enrollment_id;
  gboolean enrollment_is_group;
  char *initial_hub;
  char *etag;
} BrevetRegistration;

/**
 * BrevetIntent:
 * @operation_id: the operation that wants the certificate
 * @registration_id: the device, first spelling
 * @authority: name of the certificate authority that is, or is to be, asked
 * @identity: (nullable): which CA that was when it was asked (brevet_ca_backend_dup_identity()): a ticket, and an attempt whose
 *   result is not known, belong to it, whatever the name stands for later; %NULL before the first question
 * @standby: (nullable): name of the certificate authority to turn to while @authority is down
 * @csr: the request as DER
 * @common_name: subject that was asked for
 * @uri: (nullable): URI that was asked for
 * @validity: lifetime that was asked for, seconds, 0 for the CA's own
 * @idempotency_key: (array fixed-size=32): the same for each attempt that asks for the same certificate
 * @requested_at: seconds since 1970-01-01 UTC
 * @attempt: 1 for the first; a new attempt has a new idempotency key
 * @ticket: (nullable): from a CA that answered pending
 * @expires_at: end of the ticket, 0 if unknown
 * @sent: a CA may have been asked
 * @unknown_since: since when nobody knows whether the CA has issued, seconds since 1970-01-01 UTC; 0 if that is not so, or was
 *   not worth a record yet
 *
 * An entry of the issuance journal: what a CA is about to be asked, written before it is asked. Plain data.
 */
typedef struct {
  char *operation_id;
  char *registration_id;
  char *authority;
  char *identity;
  char *standby;
  GBytes *csr;
  char *common_name;
  char *uri;
  gint64 validity;
  guint8 idempotency_key[32];
  gint64 requested_at;
  guint attempt;
  char *ticket;
  gint64 expires_at;
  gboolean sent;
  gint64 unknown_since;
} BrevetIntent;

/**
 * BrevetInventoryEntry:
 * @registration_id: the device
 * @operation_id: the operation
 * @authority: name of the certificate authority
 * @identity: (nullable): which CA that was then (brevet_ca_backend_dup_identity()); %NULL in entries of former versions
 * @backend_reference: (nullable): the CA's own name for it
 * @chain: leaf and intermediates
 * @status: %BREVET_INVENTORY_ISSUED, or %BREVET_INVENTORY_REFUSED if the core's checks failed and it was never handed out, or
 *   %BREVET_INVENTORY_REVOKED if it was issued and an operator has revoked it
 * @reason: (nullable): why it was refused, or what the operator had to say about its revocation, in words
 * @revoked_at: when it was revoked, seconds since 1970-01-01 UTC; 0 if it was not
 * @revocation_reason: why it was revoked
 *
 * One certificate that a CA signed for us. Plain data.
 */
typedef struct {
  char *registration_id;
  char *operation_id;
  char *authority;
  char *identity;
  char *backend_reference;
  BrevetChain *chain;
  char *status;
  char *reason;
  gint64 revoked_at;
  BrevetRevocationReason revocation_reason;
} BrevetInventoryEntry;

/**
 * BrevetIssuerEntry:
 * @group: (nullable): key of an enrollment group
 * @certificate: (nullable): key of a CA certificate, if it does not lead to a group
 *
 * One step on the way from the name of an issuer to the enrollment groups of its devices: from the name's hash to a group with a
 * signing certificate of this name, or to a CA certificate of this name; and from a CA certificate to a group that refers to it.
 * Written in the same batch as the group or certificate, under the condition on that; an entry that leads nowhere means nothing.
 * Plain data.
 */
typedef struct {
  char *group;
  char *certificate;
} BrevetIssuerEntry;

/**
 * BrevetMemory:
 * @binding: to which attestation of which enrollment it belongs
 * @content: what the verifier wants to find again
 * @etag: (nullable): version
 *
 * What a verifier remembers of a device with an individual enrollment. Plain data.
 */
typedef struct {
  char *binding;
  JsonObject *content;
  char *etag;
} BrevetMemory;

/**
 * brevet_records_list_all:
 * @parent: (nullable): as for brevet_store_list()
 *
 * All records of a collection that is never very long. Waits for the store: never inside a main loop.
 *
 * Returns: (transfer full) (nullable) (element-type BrevetRecord): the records, or %NULL with an error of the store
 */
GPtrArray *brevet_records_list_all (BrevetStore *store, const char *collection, const char *parent, GError **error);

/* For each record how to read it: a new object, or NULL with %BREVET_ERROR_CORRUPT naming the record; and how to add its put to a
 * batch: @condition as brevet_batch_put() takes it. */

BrevetEnrollment *brevet_records_read_enrollment (BrevetRecord *record, GError **error);

void brevet_records_put_enrollment (BrevetBatch *batch, const BrevetEnrollment *enrollment, const char *condition);

BrevetAuthorityDocument *brevet_records_read_authority (BrevetRecord *record, GError **error);

void brevet_records_put_authority (BrevetBatch *batch, const BrevetAuthorityDocument *authority, const char *condition);

BrevetTrustBundleDocument *brevet_records_read_trust_bundle (BrevetRecord *record, GError **error);

/**
 * brevet_records_read_trust_bundle_json:
 *
 * Returns: (transfer full) (nullable): the bundle as devices see it, without parsing its certificates again; %NULL with
 *   %BREVET_ERROR_NOT_FOUND as long as it has none, because nothing is known yet of the certificate authorities that it follows
 */
JsonObject *brevet_records_read_trust_bundle_json (BrevetRecord *record, GError **error);

/* Keeps what this version consists of, too (records-devices.h). */
void brevet_records_put_trust_bundle (BrevetBatch *batch, const BrevetTrustBundleDocument *bundle, const char *condition);

BrevetRegistration *brevet_records_read_registration (BrevetRecord *record, GError **error);

/* The record's parent is the group's key, so that a group's registrations can be listed. Returns the etag that it will have, owned
 * by @batch. */
const char *brevet_records_put_registration (BrevetBatch *batch, const BrevetRegistration *registration, const char *condition);

BrevetOperation *brevet_records_read_operation (BrevetRecord *record, GError **error);

void brevet_records_put_operation (BrevetBatch *batch, const BrevetOperation *operation, const char *condition);

BrevetIntent *brevet_records_read_intent (BrevetRecord *record, GError **error);

/**
 * brevet_records_intent_to_json:
 *
 * Returns: (transfer full): what brevet_records_put_intent() writes
 */
JsonObject *brevet_records_intent_to_json (const BrevetIntent *intent);

void brevet_records_put_intent (BrevetBatch *batch, const BrevetIntent *intent);

BrevetIntent *brevet_intent_copy (const BrevetIntent *self);

/* Gives the next attempt an idempotency key of its own. */
void brevet_intent_renew_key (BrevetIntent *self);

BrevetInventoryEntry *brevet_records_read_certificate (BrevetRecord *record, GError **error);

/* Fails with %BREVET_ERROR_CORRUPT for a status of @record that this version does not know: it may mean anything. */
gboolean brevet_records_check_certificate_status (BrevetRecord *record, const char *status, GError **error);

/**
 * brevet_records_read_certificate_pem:
 * @is_revoked: (out): whether an operator has revoked it
 *
 * Returns: (transfer full) (nullable): the chain as devices get it, without parsing it again
 */
char *brevet_records_read_certificate_pem (BrevetRecord *record, gboolean *is_revoked, GError **error);

/**
 * brevet_records_put_certificate:
 *
 * Adds a certificate to the inventory, on the condition that its issuer never used its serial number before.
 *
 * Returns: (transfer full): its key
 */
char *brevet_records_put_certificate (BrevetBatch *batch, const BrevetInventoryEntry *entry);

/**
 * brevet_records_replace_certificate:
 * @entry: a certificate that is in the inventory already, and has been revoked or released since
 * @etag: the version that was read
 *
 * Returns: (transfer none): the etag that the record will have, owned by @batch
 */
const char *brevet_records_replace_certificate (BrevetBatch *batch, const BrevetInventoryEntry *entry, const char *etag);

/**
 * brevet_records_inventory_key:
 *
 * Returns: (transfer full): the key under which @entry lies in the inventory
 */
char *brevet_records_inventory_key (const BrevetInventoryEntry *entry);

/**
 * brevet_records_normalise_inventory_key:
 * @text: a key of the inventory as somebody may have written it
 *
 * Returns: (transfer full): the same in the case in which keys are kept
 */
char *brevet_records_normalise_inventory_key (const char *text);

/**
 * brevet_records_certificate_key:
 *
 * Returns: (transfer full): the key under which an issued certificate lies in the inventory
 */
char *brevet_records_certificate_key (BrevetCertificate *leaf);

BrevetCaCertificateDocument *brevet_records_read_ca_certificate (BrevetRecord *record, GError **error);

void brevet_records_put_ca_certificate (BrevetBatch *batch, const BrevetCaCertificateDocument *certificate, const char *condition);

BrevetIssuerEntry *brevet_records_read_issuer (BrevetRecord *record, GError **error);

/**
 * brevet_records_put_issuer:
 * @from: brevet_certificate_get_subject_sha256(), or brevet_records_reference()
 * @entry: what it leads to; one of both members is set
 *
 * The record's parent is @from, so that everything that it leads to can be listed.
 */
void brevet_records_put_issuer (BrevetBatch *batch, const char *from, const BrevetIssuerEntry *entry);

void brevet_records_delete_issuer (BrevetBatch *batch, const char *from, const BrevetIssuerEntry *entry);

/**
 * brevet_records_reference:
 * @name: of a CA certificate
 *
 * Returns: (transfer full): under what the groups that refer to it stand in the index
 */
char *brevet_records_reference (const char *name);

BrevetMemory *brevet_records_read_memory (BrevetRecord *record, GError **error);

void brevet_records_put_memory (BrevetBatch *batch, const char *registration_id, const BrevetMemory *memory, const char *condition);

/**
 * brevet_records_memory_binding:
 *
 * Returns: (transfer full): hash over what @enrollment demands: another one after any change of that, or if the enrollment was
 *   deleted and made anew
 */
char *brevet_records_memory_binding (const BrevetEnrollment *enrollment);

/**
 * brevet_records_enrollment_collection:
 *
 * Returns: (transfer none): collection of individual enrollments or of groups
 */
const char *brevet_records_enrollment_collection (gboolean is_group);

BrevetRegistrationState *brevet_registration_state_copy (const BrevetRegistrationState *self);
BrevetOperation *brevet_operation_copy (const BrevetOperation *self);
void brevet_operation_free (BrevetOperation *self);
void brevet_registration_free (BrevetRegistration *self);
void brevet_intent_free (BrevetIntent *self);
void brevet_inventory_entry_free (BrevetInventoryEntry *self);
void brevet_issuer_entry_free (BrevetIssuerEntry *self);
void brevet_memory_free (BrevetMemory *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetOperation, brevet_operation_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetRegistration, brevet_registration_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetIntent, brevet_intent_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetInventoryEntry, brevet_inventory_entry_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetIssuerEntry, brevet_issuer_entry_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetMemory, brevet_memory_free)

G_END_DECLS
