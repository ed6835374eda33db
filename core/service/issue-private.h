/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issue.h"

G_BEGIN_DECLS

/* Shared by issue.c, which asks the CA, and issue-recourse.c, which knows what to do when it does not simply answer. */

/* What the next step of an issuance is. */
typedef enum {
  STEP_RESOLVE, /* find out which CA is meant */
  STEP_ASK,     /* issue */
  STEP_POLL,    /* ask for a pending request */
  STEP_FIND,    /* look whether the CA has issued already */
  STEP_TRUST,   /* ask what its certificates are checked against */
  STEP_GIVE_UP, /* fail with the error that is kept */
} BrevetIssueStep;

typedef struct {
  BrevetServiceContext *context;
  BrevetIntent *intent;
  BrevetCsr *csr;
  BrevetAuthority *authority;
  BrevetCaRequest *request;
  BrevetCaOutcome *outcome;      /* issued, and not checked yet */
  BrevetInventoryEntry *refused; /* to be entered into the inventory with the next write of the journal */
  GError *error;                 /* with which to give up */
  BrevetIssueStep step;
  gboolean unwritten;            /* the journal must be written before the next step */
  guint pause;                   /* milliseconds between that and the next step */
  gint64 deadline;               /* monotonic microseconds; not for pending requests */
  guint retries;
  guint finds;
  guint poll_interval;
  gboolean misread_once;
  gboolean refused_once;
  gboolean resumed;
} BrevetIssue;

/* Takes the next step, after writing the journal if that is due. */
void brevet_issue_take_step (GTask *task);

void brevet_issue_step_after (GTask *task, guint milliseconds);

/* The journal comes first, the CA second: whatever happens to this process, the next one knows what may have been asked. */
void brevet_issue_write_journal (GTask *task);

void brevet_issue_make_request (BrevetIssue *issue);

/* Goes to the CA with a new idempotency key, after @pause milliseconds. */
void brevet_issue_begin_new_attempt (GTask *task, guint pause);

/* The CA may or may not have issued: does what its capabilities allow to end with one certificate. */
void brevet_issue_settle_ambiguity (GTask *task, guint pause);

/* Plans the same step again after a pause. Returns %FALSE if @error is not of the kind that passes, or does not pass in time. */
gboolean brevet_issue_retry_later (GTask *task, const GError *error);

/* Does what the class of @error (transfer full) demands of a call that was to issue. */
void brevet_issue_handle_error (GTask *task, GError *error);

/* Remembers the certificate of the outcome as one that must not be used, and revokes it. Goes on with a new attempt, or gives up:
 * with @error (nullable, transfer full), or because it is the second. */
void brevet_issue_refuse (GTask *task, const char *reason, GError *error);

BrevetInventoryEntry *brevet_issue_make_entry (BrevetIssue *issue, BrevetChain *chain, const char *status);

G_END_DECLS
