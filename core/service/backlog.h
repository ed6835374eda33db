/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-pool.h"
#include "service-chores.h"
#include "service-context.h"

G_BEGIN_DECLS

/* Questions that certificate authorities have still to be asked, though nobody waits for the answers: records of a collection, one
 * for each question. Each CA is asked one question behind the other, with background priority, and as many CAs at once as there
 * are, so that a slow one delays none of the others. What fails is asked again later and later, at most an hour apart. Several
 * services over one store share the work: who takes a record moves its time on under the condition that it is still the one that
 * was read. */

/**
 * BrevetBacklogFields:
 * @authority: whom to ask
 * @identity: (nullable): which CA that is
 * @not_before: not to be asked before
 * @tries: how often it was asked
 * @problem: why the last try failed
 * @etag: version
 *
 * What all records of backlogs have in common: pointers into one. Plain data.
 */
typedef struct {
  const char *authority;
  const char *identity;
  gint64 *not_before;
  guint *tries;
  char **problem;
  char **etag;
} BrevetBacklogFields;

/**
 * BrevetBacklogQuestion:
 * @context: the service
 * @authority: whom to ask
 * @item: the record
 * @state: (nullable): of whoever asks, between its steps
 * @batch: what else changes when the record goes
 * @again_at: (out): to be asked again then, seconds since 1970-01-01 UTC; 0 if the record can go
 *
 * One question on its way. Plain data.
 */
typedef struct {
  BrevetServiceContext *context;
  BrevetAuthority *authority;
  gpointer item;
  gpointer state;
  BrevetBatch *batch;
  gint64 again_at;
} BrevetBacklogQuestion;

/**
 * BrevetBacklogKind:
 * @collection: where the records are
 * @message_id: of the event that a question has a problem that does not pass by itself
 * @read: reads a record
 * @free: frees one
 * @get_fields: points into one
 * @put: writes one
 * @describe: says in words what is asked, for the log
 * @is_over: whether a question that has failed is not worth asking any more, and may go; says so in the log
 * @prepare_async: finds out what is needed for the question
 * @prepare_finish: %FALSE without an error if there is nothing to ask: the record goes, with what is in the batch
 * @ask_async: asks the CA
 * @ask_finish: %FALSE with an error if the question has to be asked again
 * @note_changes: (nullable): called when what a question has left in its batch is written
 * @free_state: frees what the steps have left in the question
 *
 * What one kind of question does differently.
 */
typedef struct {
  const char *collection;
  const char *message_id;
  gpointer (*read) (BrevetRecord *record, GError **error);
  void (*free) (gpointer item);
  BrevetBacklogFields (*get_fields) (gpointer item);
  void (*put) (BrevetBatch *batch, gpointer item, const char *condition);
  char *(*describe) (gpointer item);
  gboolean (*is_over) (gpointer item, const GError *error);
  void (*prepare_async) (BrevetBacklogQuestion *question, GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer user_data);
  gboolean (*prepare_finish) (BrevetBacklogQuestion *question, GAsyncResult *result, GError **error);
  void (*ask_async) (BrevetBacklogQuestion *question, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean (*ask_finish) (BrevetBacklogQuestion *question, GAsyncResult *result, GError **error);
  void (*note_changes) (BrevetServiceContext *context);
  void (*free_state) (gpointer state);
} BrevetBacklogKind;

/**
 * brevet_backlog_add:
 * @name: of the job
 * @kind: for as long as @chores
 *
 * Adds the job that works a backlog off: each run asks what is due, up to a limit.
 */
void brevet_backlog_add (BrevetServiceChores *chores, const char *name, const BrevetBacklogKind *kind);

/* Nothing is put off for longer, whatever a CA says. What seems to be was put off by a clock that was wrong, and is due. */
#define BREVET_BACKLOG_LONGEST_WAIT (24 * 3600)

/* One CA's share of a run (backlog-lane.c). Takes @items over (element-type as of @kind); begins nothing new after @deadline
 * (monotonic). Returns: the seconds after which it is worth while to ask this CA again, 0 if all was asked; -1 with an error of the
 * store. */
void brevet_backlog_lane_run_async (const BrevetBacklogKind *kind, BrevetServiceContext *context, GPtrArray *items, gint64 deadline,
                                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

gssize brevet_backlog_lane_run_finish (GAsyncResult *result, GError **error);

G_END_DECLS
