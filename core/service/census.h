/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetCensusAuthority:
 * @authority: name of a certificate authority
 * @identity: (nullable): which CA the name stood for; %NULL for certificates of a former version of the service
 * @devices: devices whose latest delivered certificate is of it, has not expired and was not revoked
 * @coming: devices for which it has issued a certificate that they have not fetched yet
 * @open: issuances that are under way
 * @unsent: (with @identity %NULL): when the oldest issuance began for which it is not written yet which CA is asked, seconds since
 *   1970-01-01 UTC; 0 if there is none
 * @soonest: end of the certificate of those devices that expires first, seconds since 1970-01-01 UTC; 0 if there is none
 * @latest: end of the one that expires last
 *
 * Who uses one CA. Plain data.
 */
typedef struct {
  char *authority;
  char *identity;
  guint64 devices;
  guint64 coming;
  guint64 open;
  gint64 unsent;
  gint64 soonest;
  gint64 latest;
} BrevetCensusAuthority;

/**
 * BrevetCensusBundle:
 * @bundle: key of a trust bundle
 * @version: (nullable): an etag of it; %NULL for the devices that should have it and have none yet
 * @devices: how many devices have this version
 *
 * Who has one version of a trust bundle. Plain data.
 */
typedef struct {
  char *bundle;
  char *version;
  guint64 devices;
} BrevetCensusBundle;

/**
 * BrevetCensusResult:
 * @began: when it began, microseconds since 1970-01-01 UTC: nothing that happened before is missing
 * @duration: how long it took, microseconds
 * @authorities: (element-type BrevetCensusAuthority): those that somebody uses
 * @bundles: (element-type BrevetCensusBundle): those that somebody has or lacks
 * @unreadable: records that cannot be read, and of which nobody knows whom they count for
 *
 * What a census has found. Immutable and reference counted.
 */
typedef struct {
  gint64 began;
  gint64 duration;
  GPtrArray *authorities;
  GPtrArray *bundles;
  guint64 unreadable;
} BrevetCensusResult;

/**
 * BrevetCensus:
 *
 * Counts devices: by the CA of their certificates, and by the version of their trust bundle. Goes through the store page by page,
 * with a memory that does not grow with the number of devices, for whoever wants to know, at most once at a time, and so seldom
 * that it takes less than a twentieth of the time. Thread-safe and reference counted.
 */
typedef struct _BrevetCensus BrevetCensus;

BrevetCensus *brevet_census_new (BrevetStore *store);

BrevetCensus *brevet_census_ref (BrevetCensus *self);

void brevet_census_unref (BrevetCensus *self);

/**
 * brevet_census_take_async:
 * @not_before: microseconds since 1970-01-01 UTC: what happened before then must have been seen; 0 if the latest census will do
 *
 * Answered from the latest census if that is young enough and began after @not_before.
 */
void brevet_census_take_async (BrevetCensus *self, gint64 not_before, GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data);

/**
 * brevet_census_take_finish:
 *
 * Returns: (transfer full) (nullable): the result, or %NULL with an error of the store
 */
BrevetCensusResult *brevet_census_take_finish (GAsyncResult *result, GError **error);

BrevetCensusResult *brevet_census_result_ref (BrevetCensusResult *self);

void brevet_census_result_unref (BrevetCensusResult *self);

/**
 * brevet_census_result_find:
 * @identity: (nullable): which CA
 *
 * Returns: (transfer none) (nullable): who uses it, %NULL if nobody does
 */
const BrevetCensusAuthority *brevet_census_result_find (BrevetCensusResult *self, const char *name, const char *identity);

/**
 * brevet_census_result_uses:
 *
 * Returns: %TRUE as long as a device has a certificate of this CA, may have one, or is about to get one; and as long as a record
 *   that cannot be read may say so
 */
gboolean brevet_census_result_uses (BrevetCensusResult *self, const char *name, const char *identity);

/**
 * brevet_census_result_has_unsent:
 * @until: when the name ceased to stand for a CA
 *
 * Returns: %TRUE as long as an issuance that began before then has not said which CA it asks
 */
gboolean brevet_census_result_has_unsent (BrevetCensusResult *self, const char *name, gint64 until);

/**
 * brevet_census_result_count_holders:
 * @version: (nullable): %NULL for those that should have the bundle and have none yet
 *
 * Returns: how many devices have this version of the trust bundle
 */
guint64 brevet_census_result_count_holders (BrevetCensusResult *self, const char *bundle, const char *version);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCensus, brevet_census_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCensusResult, brevet_census_result_unref)

G_END_DECLS
