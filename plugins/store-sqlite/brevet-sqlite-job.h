/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * BrevetSqliteJobKind:
 *
 * What a caller wants.
 */
typedef enum {
  BREVET_SQLITE_JOB_GET,
  BREVET_SQLITE_JOB_LIST,
  BREVET_SQLITE_JOB_COMMIT,
} BrevetSqliteJobKind;

/**
 * BrevetSqliteJob:
 * @kind: what to do
 * @collection: for get and list
 * @key: for get: the key; for list: keys behind this one, %NULL for the beginning
 * @parent: (nullable): for list
 * @limit: for list
 * @batch: for commit
 * @record: result of get
 * @records: result of list
 * @error: why there is no result
 *
 * One call on its way from its caller to a thread of the store and back. It is the data of the GTask that answers it.
 */
typedef struct {
  BrevetSqliteJobKind kind;
  char *collection;
  char *key;
  char *parent;
  guint limit;
  BrevetBatch *batch;
  BrevetRecord *record;
  GPtrArray *records;
  GError *error;
} BrevetSqliteJob;

BrevetSqliteJob *brevet_sqlite_job_new (BrevetSqliteJobKind kind);

void brevet_sqlite_job_free (BrevetSqliteJob *self);

/**
 * brevet_sqlite_job_answer:
 * @task: (transfer full): a task whose data is a finished job
 *
 * Answers on the main context of the caller, and lets go of @task there: a thread of the store must never hold the last reference
 * to the store, for that would have it wait for its own end.
 */
void brevet_sqlite_job_answer (GTask *task);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetSqliteJob, brevet_sqlite_job_free)

G_END_DECLS
