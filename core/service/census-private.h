/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "census.h"
#include "records-devices.h"

G_BEGIN_DECLS

#define BREVET_CENSUS_PAGE 500

/**
 * BrevetCursor:
 *
 * A place in a collection that is gone through page by page.
 */
typedef struct {
  const char *collection;
  GPtrArray *page;
  guint index;
  gboolean ended;
} BrevetCursor;

/**
 * BrevetTally:
 *
 * A census that is being taken.
 */
typedef struct {
  gint64 now;
  GPtrArray *authorities; /* BrevetCensusAuthority */
  GPtrArray *bundles;     /* BrevetCensusBundle */
  GHashTable *index;      /* both, by what they are about */
  guint64 unreadable;
  GPtrArray *repairs;     /* BrevetRecord: certificates of devices of which only the inventory knows what they are */
} BrevetTally;

void brevet_tally_init (BrevetTally *self);

void brevet_tally_clear (BrevetTally *self);

BrevetCensusAuthority *brevet_tally_authority (BrevetTally *self, const char *authority, const char *identity);

/* Counts a record that may speak for any CA and any device. */
void brevet_tally_count_unreadable (BrevetTally *self, BrevetRecord *record, const GError *error);

gboolean brevet_tally_has_holders (BrevetTally *self, const char *bundle, const char *version);

/* The record at which a cursor stands; NULL at the end of what was read. */
BrevetRecord *brevet_cursor_peek (BrevetCursor *self);

/**
 * BrevetDeviceTally:
 * @batch: deletions of records that count no more; NULL for none
 *
 * The certificates of one device after another: the records of one device are adjacent.
 */
typedef struct {
  BrevetTally *tally;
  char *device;
  GPtrArray *certificates; /* BrevetDeviceCertificate */
  BrevetDeviceCertificate *delivered;
  gboolean is_damaged; /* there are records of the device that nobody can read: what they say of the others is not known */
  BrevetBatch *batch;
} BrevetDeviceTally;

void brevet_device_tally_init (BrevetDeviceTally *self, BrevetTally *tally);

void brevet_device_tally_add (BrevetDeviceTally *self, BrevetRecord *record);

/* Behind the last device. */
void brevet_device_tally_end (BrevetDeviceTally *self);

void brevet_device_tally_clear (BrevetDeviceTally *self);

/**
 * BrevetHolderTally:
 *
 * Who should have which trust bundle, and who has: registrations, individual enrollments and holders side by side, as all of them
 * are in the order of the registration ids.
 */
typedef struct {
  BrevetTally *tally;
  GHashTable *groups; /* key of the group → key of its trust bundle, for those that have one and are enabled; empty if unknown */
  BrevetCursor registrations;
  BrevetCursor enrollments;
  BrevetCursor holders;
} BrevetHolderTally;

void brevet_holder_tally_init (BrevetHolderTally *self, BrevetTally *tally);

void brevet_holder_tally_add_group (BrevetHolderTally *self, BrevetRecord *record);

/* Goes on as far as the pages reach. Returns: the cursor that needs its next page, NULL at the end. */
BrevetCursor *brevet_holder_tally_advance (BrevetHolderTally *self);

void brevet_holder_tally_clear (BrevetHolderTally *self);

/**
 * BrevetVersionTally:
 * @newest: of the bundle that is being looked at
 * @batch: deletions of versions that no device has, after the holders were counted; NULL for none
 *
 * The versions of one trust bundle after another: those of one bundle are adjacent.
 */
typedef struct {
  BrevetTally *tally;
  BrevetRecord *newest;
  BrevetBatch *batch;
} BrevetVersionTally;

void brevet_version_tally_init (BrevetVersionTally *self, BrevetTally *tally);

void brevet_version_tally_add (BrevetVersionTally *self, BrevetRecord *record);

void brevet_version_tally_clear (BrevetVersionTally *self);

/* Takes a census, on the caller's main context. Returns: (transfer full): a BrevetCensusResult */
void brevet_census_walk_async (BrevetStore *store, GAsyncReadyCallback callback, gpointer user_data);
BrevetCensusResult *brevet_census_walk_finish (GAsyncResult *result, GError **error);

G_END_DECLS
