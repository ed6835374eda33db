/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

/* What every storage plugin must do, whatever it keeps its records in. */

typedef struct {
  const char *plugin;                                              /* name in the test paths */
  gpointer (*set_up) (void);                                       /* makes an empty world for one test */
  BrevetStore *(*create) (gpointer world, gint64 maximum_queued);  /* a store of that world, not open yet; 0 for the default */
  void (*tear_down) (gpointer world);                              /* every store of it is gone */
} StoreSuite;

typedef struct {
  const StoreSuite *suite;
  gpointer world;
  BrevetStore *store;
} StoreFixture;

typedef void (*StoreTest) (StoreFixture *fixture, gconstpointer suite);

void store_suite_add (const StoreSuite *suite);
void store_suite_add_parallel (const StoreSuite *suite);
void store_suite_add_test (const StoreSuite *suite, const char *name, StoreTest test);

void store_fixture_open (StoreFixture *fixture, gint64 maximum_queued);
void store_fixture_close (StoreFixture *fixture);

/* One-change batches and their outcome, for tests to read well. */
BrevetBatch *store_batch_put (const char *key, const char *text, const char *condition);
gboolean store_put (BrevetStore *store, const char *key, const char *text, const char *condition, GError **error);
void store_assert_put (BrevetStore *store, const char *key, const char *text, const char *condition);
gboolean store_delete (BrevetStore *store, const char *key, const char *condition, GError **error);
void store_assert_text (BrevetStore *store, const char *key, const char *text);
void store_assert_absent (BrevetStore *store, const char *key);
char *store_etag (BrevetStore *store, const char *key);

/* The collection that the functions above use. */
#define STORE_COLLECTION "things"
