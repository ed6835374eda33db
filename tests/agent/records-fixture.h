/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "failing-store.h"
#include "identity-records.h"
#include "x509-world.h"

G_BEGIN_DECLS

/* The records of one identity in a store of a test's own, and the verbs as calls that wait. */

#define RECORDS_COLLECTION "identity-main"
#define RECORDS_FULL       "aziot-dps-identity-cert aziot-dps-identity-cert-key aziot-dps-trust-bundle generation"
#define RECORDS_FULL_NOW   RECORDS_FULL " memory"
#define BUNDLE             BREVET_IDENTITY_TRUST_BUNDLE_NAME

typedef struct
{
  X509World              world;
  BrevetStore           *real;
  FailingStore          *store;
  BrevetIdentityRecords *records;
  BrevetIdentityMemory  *memory;
} RecordsFixture;

typedef struct
{
  const char *name;
  void (*run) (RecordsFixture *self, gconstpointer data);
} RecordsTest;

/* Adds each of @tests for each storage plugin that the arguments name; the name of the plugin is their data. */
void records_add_tests (int argc, char **argv, const RecordsTest *tests, guint n_tests);

/* As after a restart of the agent. */
void records_reopen (RecordsFixture *self, const char *trust_bundle_name);

void records_set_up (RecordsFixture *self, gconstpointer data);

void records_tear_down (RecordsFixture *self, gconstpointer data);

void records_take_result (GObject *source, GAsyncResult *result, gpointer user_data);

void records_wait_for (GAsyncResult **result);

BrevetStoredIdentity *records_load (RecordsFixture *self, GError **error);

BrevetStoredIdentity *records_load_afresh (RecordsFixture *self);

/* Fails the test if there is a problem. */
BrevetStoredIdentity *records_load_whole (RecordsFixture *self);

gboolean records_stage (RecordsFixture *self, BrevetGeneration *staged, GError **error);

gboolean records_switch_to (RecordsFixture *self, BrevetGeneration *current, BrevetGeneration *previous, GError **error);

gboolean records_update (RecordsFixture *self, BrevetGeneration *current, gboolean with_memory, gboolean drop_previous,
                         GError **error);

BrevetGeneration *records_make_generation (RecordsFixture *self, guint64 number, BrevetKeyKind kind);

BrevetGeneration *records_make_staged (guint64 number);

void records_assert_same (BrevetGeneration *a, BrevetGeneration *b);

void records_assert_list (RecordsFixture *self, const char *collection, const char *expected);

char *records_read_raw (RecordsFixture *self, const char *collection, const char *key);

void records_write_raw (RecordsFixture *self, const char *collection, const char *key, const char *text);

void records_assert_problem (BrevetStoredIdentity *stored, guint index, const char *text);

/* @call is one of the verbs with `failure` for its error. */
#define records_assert_done(call)                                                                                                  \
  G_STMT_START                                                                                                                     \
  {                                                                                                                                \
    g_autoptr(GError) done_error = NULL;                                                                                           \
    GError **failure = &done_error;                                                                                                \
    gboolean done = call;                                                                                                          \
                                                                                                                                   \
    g_assert_no_error (done_error);                                                                                                \
    g_assert_true (done);                                                                                                          \
  }                                                                                                                                \
  G_STMT_END

G_END_DECLS
