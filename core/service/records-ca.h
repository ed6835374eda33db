/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-trust-bundle.h"
#include "records.h"

G_BEGIN_DECLS

/* What the service keeps about its certificate authorities beside their documents. Reading and putting as in records.h. */

/**
 * BrevetCaVersion:
 * @name: name of the certificate authority
 * @identity: which CA the name stood for (brevet_ca_backend_dup_identity())
 * @module: plugin that speaks to it
 * @settings: what the plugin was configured with, as strings by key; secrets sealed
 * @base_directory: (nullable): what relative paths in @settings are relative to
 * @trust: (nullable): what it last said is to be trusted
 * @trust_time: when @trust was asked for last, seconds since 1970-01-01 UTC; 0 if never
 * @since: when the name began to stand for it, seconds since 1970-01-01 UTC
 * @until: when the name ceased to, 0 while it does
 * @etag: (nullable): version of the record
 *
 * One CA that a name has stood for. Kept when the name comes to stand for another, until nothing refers to it any more: tickets,
 * attempts without a known result, certificates to be revoked, and devices that still use its certificates. Plain data.
 */
typedef struct {
  char *name;
  char *identity;
  char *module;
  JsonObject *settings;
  char *base_directory;
  BrevetTrustBundle *trust;
  gint64 trust_time;
  gint64 since;
  gint64 until;
  char *etag;
} BrevetCaVersion;

/**
 * BrevetPendingRevocation:
 * @certificate_key: key of the certificate in the inventory
 * @authority: name of the certificate authority
 * @identity: (nullable): which CA that was
 * @reason: what the CA is told
 * @not_after: end of the certificate, seconds since 1970-01-01 UTC
 * @not_before: not to be tried before, seconds since 1970-01-01 UTC
 * @tries: how often the CA was asked
 * @problem: (nullable): why the last try failed
 * @etag: (nullable): version
 *
 * A certificate that its CA has still to be told to revoke. Written in the batch that says why; gone when the CA has done it, or
 * cannot, or the certificate has expired. Plain data.
 */
typedef struct {
  char *certificate_key;
  char *authority;
  char *identity;
  BrevetRevocationReason reason;
  gint64 not_after;
  gint64 not_before;
  guint tries;
  char *problem;
  char *etag;
} BrevetPendingRevocation;

/**
 * BrevetOrphan:
 * @intent: the attempt: CA, identity, CSR, time
 * @not_before: not to be looked for before, seconds since 1970-01-01 UTC
 * @tries: how often it was looked for
 * @misses: how often the CA did not know of it
 * @problem: (nullable): why the last look failed
 * @etag: (nullable): version
 *
 * An attempt that was given up while nobody knew whether the CA had issued. When the CA can be asked, and has, the certificate
 * enters the inventory as refused and is revoked. Written in the batch that gives the attempt up. Plain data.
 */
typedef struct {
  BrevetIntent *intent;
  gint64 not_before;
  guint tries;
  guint misses;
  char *problem;
  char *etag;
} BrevetOrphan;

/**
 * brevet_records_ca_version_key:
 *
 * Returns: (transfer full): the key under which this version is kept
 */
char *brevet_records_ca_version_key (const char *name, const char *identity);

BrevetCaVersion *brevet_records_read_ca_version (BrevetRecord *record, GError **error);

void brevet_records_put_ca_version (BrevetBatch *batch, const BrevetCaVersion *version, const char *condition);

void brevet_ca_version_free (BrevetCaVersion *self);

BrevetPendingRevocation *brevet_records_read_pending_revocation (BrevetRecord *record, GError **error);

void brevet_records_put_pending_revocation (BrevetBatch *batch, const BrevetPendingRevocation *revocation, const char *condition);

void brevet_pending_revocation_free (BrevetPendingRevocation *self);

BrevetOrphan *brevet_records_read_orphan (BrevetRecord *record, GError **error);

void brevet_records_put_orphan (BrevetBatch *batch, const BrevetOrphan *orphan, const char *condition);

void brevet_orphan_free (BrevetOrphan *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCaVersion, brevet_ca_version_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetPendingRevocation, brevet_pending_revocation_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetOrphan, brevet_orphan_free)

G_END_DECLS
