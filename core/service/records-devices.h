/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "records.h"

G_BEGIN_DECLS

/* Small records about what devices have, so that all of them can be counted without reading their certificates (census.h). */

#define BREVET_COLLECTION_DEVICE_CERTIFICATES "device-certificates" /* key: registration id, `/`, key in the inventory */
#define BREVET_COLLECTION_BUNDLE_VERSIONS     "trust-bundle-versions" /* key: id, `/`, etag; parent: id of the trust bundle */

/**
 * BrevetDeviceCertificate:
 * @device: (nullable): key of the device
 * @certificate_key: (nullable): key of the certificate in the inventory
 * @authority: (nullable): name of the certificate authority; %NULL in a record that says which certificate was delivered last
 * @identity: (nullable): which CA that was; %NULL for a certificate of a former version of the service
 * @not_after: end of the certificate, seconds since 1970-01-01 UTC
 * @delivered: (nullable): key of the certificate that was delivered last
 * @time: when the certificate was issued, or delivered, microseconds since 1970-01-01 UTC
 * @etag: version of the record
 *
 * A certificate that a device has or is about to get, or which of them the device has fetched. Plain data.
 */
typedef struct {
  char *device;
  char *certificate_key;
  char *authority;
  char *identity;
  gint64 not_after;
  char *delivered;
  gint64 time;
  char *etag;
} BrevetDeviceCertificate;

/**
 * brevet_records_put_device_certificate:
 * @entry: a certificate that was issued
 * @certificate_key: its key in the inventory
 * @issued: when it was issued, microseconds since 1970-01-01 UTC; 0 for now
 * @condition: (nullable): as brevet_batch_put() takes it
 *
 * Belongs into the batch that puts @entry into the inventory: from then on the device counts as one of this CA, too.
 */
void brevet_records_put_device_certificate (BrevetBatch *batch, const BrevetInventoryEntry *entry, const char *certificate_key,
                                            gint64 issued, const char *condition);

/**
 * brevet_records_put_delivered_certificate:
 *
 * Belongs into the batch that says that the certificate was delivered: from then on those that were issued before count no more.
 */
void brevet_records_put_delivered_certificate (BrevetBatch *batch, const char *registration_id, const char *certificate_key);

/**
 * brevet_records_delete_device_certificate:
 *
 * Belongs into the batch that marks the certificate as revoked.
 */
void brevet_records_delete_device_certificate (BrevetBatch *batch, const char *registration_id, const char *certificate_key);

/* Key of the record that is there once every certificate of former versions of the service has its small record. */
#define BREVET_DEVICE_CERTIFICATES_COMPLETE "/complete"

/**
 * brevet_records_dup_device:
 * @record: in this collection, in whatever condition
 *
 * Returns: (transfer full): key of the device that it is about
 */
char *brevet_records_dup_device (BrevetRecord *record);

/**
 * brevet_records_dup_device_certificate_key:
 * @record: in this collection, in whatever condition
 *
 * Returns: (transfer full): key of the certificate in the inventory; empty if it is about a delivery
 */
char *brevet_records_dup_device_certificate_key (BrevetRecord *record);

/**
 * brevet_records_put_unknown_device_certificate:
 *
 * For a certificate that the inventory has and nobody can read: as long as this is there, the device may have one of any CA.
 */
void brevet_records_put_unknown_device_certificate (BrevetBatch *batch, const char *registration_id, const char *certificate_key);

BrevetDeviceCertificate *brevet_records_read_device_certificate (BrevetRecord *record, GError **error);

void brevet_device_certificate_free (BrevetDeviceCertificate *self);

/**
 * BrevetBundleHolder:
 * @registration_id: the device, first spelling
 * @bundle_id: the trust bundle that it has
 * @version: etag of that
 * @etag: (nullable): version of the record
 *
 * Which version of its trust bundle a device has. Plain data.
 */
typedef struct {
  char *registration_id;
  char *bundle_id;
  char *version;
  char *etag;
} BrevetBundleHolder;

BrevetBundleHolder *brevet_records_read_bundle_holder (BrevetRecord *record, GError **error);

void brevet_records_put_bundle_holder (BrevetBatch *batch, const BrevetBundleHolder *holder, const char *condition);

void brevet_bundle_holder_free (BrevetBundleHolder *self);

/**
 * brevet_records_put_bundle_version:
 * @etag: that the bundle gets
 *
 * Keeps which certificates a version of a trust bundle has, in the batch that makes it.
 */
void brevet_records_put_bundle_version (BrevetBatch *batch, const BrevetTrustBundleDocument *bundle, const char *etag);

/**
 * brevet_records_read_bundle_version:
 * @etag: (out) (transfer full): which version of the bundle
 *
 * Returns: (transfer full) (nullable): its `certificates`, each with `subject`, `sha256`, `notAfter` and perhaps
 *   `certificateAuthority`
 */
JsonArray *brevet_records_read_bundle_version (BrevetRecord *record, char **etag, GError **error);

/**
 * brevet_records_describe_certificates:
 * @sources: (nullable) (element-type utf8): where each of them came from, %NULL where it is the bundle's own
 *
 * Returns: (transfer full): what operators are shown of certificates that are to be trusted
 */
JsonArray *brevet_records_describe_certificates (BrevetTrustBundle *bundle, GPtrArray *sources);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetDeviceCertificate, brevet_device_certificate_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetBundleHolder, brevet_bundle_holder_free)

G_END_DECLS
