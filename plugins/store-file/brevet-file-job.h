/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * BrevetFileJob:
 * @collection: for get and list
 * @key: for get: the key; for list: keys behind this one, %NULL for the beginning
 * @parent: (nullable): for list
 * @limit: for list; 0 for get
 * @batch: (nullable): for commit
 * @record: (nullable): result of get
 * @records: (nullable): result of list
 * @error: (nullable): why there is no result
 *
 * One call on its way from its caller to a thread of the store and back. It is the data of the GTask that answers it.
 */
typedef struct {
  char *collection;
  char *key;
  char *parent;
  guint limit;
  BrevetBatch *batch;
  BrevetRecord *record;
  GPtrArray *records;
  GError *error;
} BrevetFileJob;

void brevet_file_job_free (BrevetFileJob *self);

/**
 * brevet_file_job_answer:
 * @task: (transfer full): a task whose data is a finished job
 *
 * Answers on the main context of the caller, and lets go of @task there: a thread of the store must never hold the last reference
 * to the store, for that would have it wait for its own end.
 */
void brevet_file_job_answer (GTask *task);

G_END_DECLS
