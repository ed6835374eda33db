/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issue.h"

G_BEGIN_DECLS

/* Shared by issue.c, which knows what comes next, issue-call.c, which asks a CA one question, issue-recourse.c, which knows what to
 * do when it does not simply answer, issue-retry.c, which knows when to ask again, issue-finding.c, which takes what was found, and
 * issue-attempt.c, which begins and ends attempts.
 *
 * What comes next follows from what is known: a certificate is checked, a ticket is polled, an attempt whose result is unknown is
 * settled, and only when it is certain that there is nothing, a CA is asked to issue. */

/* Questions to a CA. */
typedef enum {
  BREVET_QUESTION_ISSUE,
  BREVET_QUESTION_POLL,
  BREVET_QUESTION_FIND,
  BREVET_QUESTION_TRUST,
} BrevetQuestion;

typedef struct _BrevetIssueCall BrevetIssueCall;

typedef struct {
  BrevetServiceContext *context;
  BrevetIntent *intent;
  BrevetCsr *csr;
  BrevetIssueWaitsFunc waits;
  gpointer waits_data;
  gboolean has_waited;

  BrevetAuthority *authority;    /* NULL until it is known which CA is meant, and after each pause */
  BrevetAuthorityTurn *turn;     /* to ask it something */
  BrevetIssueCall *call;         /* under way */
  GCancellable *cancellable;     /* of the calls; a new one after each time that it was used */
  GSource *timer;                /* how long a call may take */
  GSource *rest;                 /* the pause that is under way */
  gint64 queued_at;              /* since when the turn is waited for, monotonic microseconds */
  BrevetQuestion queued_for;     /* and what for */

  BrevetCaRequest *request;      /* what was asked last */
  BrevetCaOutcome *outcome;      /* issued; not checked yet, or checked and returned */
  GPtrArray *known;              /* fingerprints of what the device has, for a search that is about to be asked */
  BrevetCaOutcome *found;        /* by find, and not looked up in the inventory yet */
  gboolean has_company;          /* when that came, other operations of the device were under way */
  BrevetCaOutcome *late;         /* what a CA said that was not waited for any more */
  BrevetInventoryEntry *refused; /* to be written with the journal */
  gboolean is_revocable;         /* by its CA */
  BrevetOrphan *orphan;          /* to be written with the journal, or with the end of the operation */
  GError *error;                 /* with which to give up once the journal is written */

  gboolean unwritten;            /* the journal must be written first */
  guint pause;                   /* milliseconds between that and what comes next */
  gint64 deadline;               /* monotonic microseconds; not for pending requests */
  gboolean unknown;              /* the CA may have issued */
  gint64 unknown_from;           /* since when that is so, monotonic microseconds */
  GError *conflict;              /* the CA says that there is one already */
  GError *doom;                  /* why the CA is not to be asked again once it is known that there is nothing */

  guint retries;
  guint finds;
  guint poll_interval;
  guint misreadings;
  guint refusals;
  guint losses;                  /* attempts with an unknown result that were left behind */
  guint broken;                  /* CAs that need an operator */
  gboolean turned;               /* to the other CA, since the last pause */
  gboolean ever_turned;
  gboolean alerted;
} BrevetIssue;

/* --- issue.c ------------------------------------------------------------------------------------------------------------------ */

/* Does what comes next, after writing the journal if that is due. */
void brevet_issue_go_on (GTask *task);

/* The same after @milliseconds. The CA may be another one then. */
void brevet_issue_go_on_after (GTask *task, guint milliseconds);

/* The same after a pause in which nothing changes. */
void brevet_issue_rest (GTask *task, guint milliseconds);

/* Takes what a CA has said: an error (transfer full), or else @outcome or @trust (both transfer full). */
void brevet_issue_take_answer (GTask *task, BrevetQuestion question, BrevetCaOutcome *outcome, BrevetTrustBundle *trust,
                               GError *error);

/* Takes what has become of the attempt (transfer full). */
void brevet_issue_take_outcome (GTask *task, BrevetCaOutcome *outcome);

/* Polls again, after @seconds at least. */
void brevet_issue_poll_after (GTask *task, guint seconds);

/* Nothing is issued and nothing asked for, and it is certain. */
gboolean brevet_issue_is_certain (const BrevetIssue *issue);

/* Tells, once, that the issuance has to wait. */
void brevet_issue_note_waiting (BrevetIssue *issue);

/* --- issue-call.c ------------------------------------------------------------------------------------------------------------- */

/* Asks the CA, when it is this issuance's turn. */
void brevet_issue_ask (GTask *task, BrevetQuestion question);

/* Gives back a turn that was not used. */
void brevet_issue_drop_turn (BrevetIssue *issue);

/* --- issue-attempt.c ---------------------------------------------------------------------------------------------------------- */

/* The journal comes first, the CA second: whatever happens to this process, the next one knows what may have been asked. */
void brevet_issue_write_journal (GTask *task);

/* A search needs to know what there is, and takes it from @issue. */
void brevet_issue_make_request (BrevetIssue *issue, gint64 deadline);

/* Goes to the CA with a new idempotency key. What the attempt before has become, if that is not known, becomes an orphan. */
void brevet_issue_begin_new_attempt (GTask *task);

/* The attempt so far is an orphan. */
void brevet_issue_orphan (BrevetIssue *issue);

/* Whether there is a standby that may be asked just now. */
gboolean brevet_issue_can_turn (const BrevetIssue *issue);

/* Goes on with the standby, and back. */
void brevet_issue_turn_to_standby (GTask *task, const char *why);

/* Remembers the certificate of the outcome as one that must not be used, and has it revoked. Goes on with a new attempt, or gives
 * up: with @error (nullable, transfer full), or because it is the second. */
void brevet_issue_refuse (GTask *task, const char *reason, GError *error);

/* @authority: (nullable): NULL if it cannot be reached just now */
BrevetInventoryEntry *brevet_issue_make_entry (const BrevetIntent *intent, const BrevetAuthority *authority,
                                               BrevetCaOutcome *outcome, BrevetChain *chain, const char *status);

/* What is not known of a CA, it may be able to do. */
gboolean brevet_issue_can_revoke (const BrevetAuthority *authority);

/* Adds a certificate that must not be used to @batch, and its revocation if the CA can do that. */
void brevet_issue_put_refused (BrevetBatch *batch, const BrevetInventoryEntry *entry, gboolean can_revoke);

/* --- issue-retry.c ------------------------------------------------------------------------------------------------------------ */

/* Until when the same is asked again, monotonic microseconds. */
gint64 brevet_issue_get_limit (const BrevetIssue *issue);

/* How long to wait before the next try, in milliseconds: exponential, with full jitter, on top of what the CA asked for. 0 if the
 * limit would pass. */
guint brevet_issue_choose_pause (BrevetIssue *issue, const GError *error);

/* Does the same again after a pause; or turns to the standby, or ends with @error (transfer full), if it is time for that. */
void brevet_issue_retry (GTask *task, GError *error);

/* --- issue-finding.c ---------------------------------------------------------------------------------------------------------- */

/* Asks the CA for a certificate of the device's key that is in nobody's list. */
void brevet_issue_find (GTask *task);

/* Takes what a CA has found (transfer full), if that is what became of this attempt. */
void brevet_issue_take_finding (GTask *task, BrevetCaOutcome *outcome);

/* --- issue-recourse.c --------------------------------------------------------------------------------------------------------- */

/* Does what the class of @error (transfer full) demands, which is the answer to @question, or why it could not be asked. */
void brevet_issue_handle_error (GTask *task, BrevetQuestion question, GError *error);

/* The CA may or may not have issued: does what its capabilities allow to end with one certificate. */
void brevet_issue_settle (GTask *task);

/* The CA says that it has issued nothing. */
void brevet_issue_handle_nothing_found (GTask *task);

/* Nobody knows what became of the attempt, and nobody can tell: turns to the standby, or gives up with @error (transfer full). */
void brevet_issue_lose (GTask *task, GError *error);

/* The CA needs an operator, and it is certain that it has issued nothing: turns to the standby, or fails with @error (transfer
 * full). */
void brevet_issue_give_authority_up (GTask *task, GError *error);

/* Ends the issuance with @error (transfer full), once everything that is to be remembered is written. */
void brevet_issue_fail (GTask *task, GError *error);

/* --- issue-late.c ------------------------------------------------------------------------------------------------------------- */

/* A certificate has come for an attempt that nobody waits for any more: unless it is in use, it must not be. */
void brevet_issue_discard (BrevetServiceContext *context, const BrevetIntent *intent, BrevetAuthority *authority,
                           BrevetCaOutcome *outcome);

G_END_DECLS
