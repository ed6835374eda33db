/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "identity-attempt.h"
#include "identity-schedule.h"
#include "key-vault.h"
#include "wall-timer.h"

G_BEGIN_DECLS

/* What the files of an identity share: identity.c (the object), identity-run.c (what next, attempts and their ends),
 * identity-settle.c (after a failure), identity-pending.c (a candidate that waits for its hub), identity-wait.c (who waits for an
 * attempt), identity-reconfigure.c, identity-save.c (writing beside attempts), identity-poll.c (the trust bundle),
 * identity-keys.c (keys in tokens), identity-report.c (sentences).
 *
 * One thing at a time writes to the store: an attempt with the settling of its failure, or a saving. */
struct _BrevetIdentity
{
  GObject parent_instance;

  BrevetIdentityConfig  *config;
  BrevetStore           *store;
  BrevetTransport       *transport;
  BrevetProver          *prover;
  BrevetIdentityRecords *records;
  BrevetWallTimer       *timer;
  gboolean               loaded;
  gboolean               started;
  gboolean               stopped;
  GList                 *stopping;      /* GTask: who waits for the stop */

  BrevetGeneration      *current;
  BrevetGeneration      *previous;
  BrevetGeneration      *staged;
  BrevetGeneration      *candidate;     /* complete, but could not be stored, or waits for its hub: then it is staged, too */
  BrevetIdentityMemory  *memory;
  char                  *input_digest;  /* of the inputs as they were read last; NULL if they cannot be read */
  guint64                expired;       /* number of the generation whose end was told of */

  BrevetIdentityState    state;
  char                  *cause;
  gint64                 next_attempt;

  BrevetIdentityAttempt *attempt;       /* being made */
  GCancellable          *attempt_cancellable;
  BrevetIdentityAction   attempt_action;
  gboolean               settling;      /* its failure is being stored */
  gboolean               repeat;        /* what it asks for is no longer what counts */
  gboolean               saving;
  GList                 *waiters;       /* BrevetIdentityWaiter, in the order of their coming */

  gboolean               network_missing;
  gint64                 hint;
  gint64                 missed_until;
  gboolean               cancelled;     /* the last attempt was */

  GPtrArray             *left_out;      /* of the last trust bundle that came */
  GPtrArray             *bundle_problems;
  GCancellable          *poll;          /* being made */
  gint64                 next_poll;     /* or, while one is being made, when it is given up; 0: to be planned */
  gboolean               poll_whole;    /* without a condition: the configuration's part may have changed */
  gboolean               poll_unsupported; /* as it seems: looked at rarely */
  gboolean               local_checked; /* the configuration's part is in the bundle in use */
  gboolean               rename;        /* the trust bundle has another name from now on */
  guint64                used;          /* number of the generation that was used and not yet marked */
  gint64                 next_save;     /* what could not be saved is tried again then; 0 if nothing waits for that */

  BrevetKeyVault        *vault;         /* way to keys in tokens */
  GCancellable          *look;          /* at the tokens: being made */
  char                  *looked_for;    /* what the last look was made for; NULL: there was none that still counts */
  gint64                 next_look;     /* after one that failed; 0 if there is nothing to look for */
  guint                  failed_looks;
  char                  *key_problem;   /* why the token with the key cannot be used; NULL if it can, as far as known */
  char                  *left_behind;   /* what was told last of keys that could not be removed */
  gboolean               key_lost;      /* the token does not have the key of the generation in use any more */
};

/* Things that end later hold no reference to the identity, so that it can be freed at any time. */
gpointer brevet_identity_hold_weakly (BrevetIdentity *self);
BrevetIdentity *brevet_identity_take_weakly (gpointer user_data);

/* identity.c */
void brevet_identity_set_state (BrevetIdentity *self, BrevetIdentityState state, char *cause, gint64 next_attempt);
void brevet_identity_set_current (BrevetIdentity *self, BrevetGeneration *current);
void brevet_identity_set_previous (BrevetIdentity *self, BrevetGeneration *previous);
void brevet_identity_answer_stop (BrevetIdentity *self);
void brevet_identity_tell_changed (BrevetIdentity *self);
void brevet_identity_tell_renewed (BrevetIdentity *self);
void brevet_identity_tell_failed (BrevetIdentity *self);
void brevet_identity_tell_bundle_changed (BrevetIdentity *self);

/* identity-run.c */
gboolean brevet_identity_is_busy (BrevetIdentity *self);
void brevet_identity_decide (BrevetIdentity *self);
void brevet_identity_begin (BrevetIdentity *self, BrevetIdentityAction action);
void brevet_identity_after_work (BrevetIdentity *self);
void brevet_identity_rest (BrevetIdentity *self, const BrevetIdentityPlan *plan, gint64 now);
void brevet_identity_make_plan (BrevetIdentity *self, BrevetIdentityPlan *plan);
gint64 brevet_identity_get_asked_until (BrevetIdentity *self, gint64 now);
gint64 brevet_identity_choose_spread (BrevetIdentity *self);
void brevet_identity_read_inputs (BrevetIdentity *self, GError **error);
void brevet_identity_situation (BrevetIdentity *self, BrevetIdentitySituation *situation);

/* identity-settle.c */
void brevet_identity_fail (BrevetIdentity *self, GError *error, const BrevetRegistrationFailure *failure,
                           BrevetIdentityFault fault);
void brevet_identity_pause (BrevetIdentity *self, GError *error);

/* identity-pending.c */
void brevet_identity_load_pending (BrevetIdentity *self);
void brevet_identity_drop_pending (BrevetIdentity *self);
void brevet_identity_add_local_trust_to_pending (BrevetIdentity *self);
void brevet_identity_update_pending (BrevetIdentity *self, BrevetTrustBundle *bundle, const char *etag);

/* identity-reconfigure.c */
void brevet_identity_forget_pause (BrevetIdentity *self);

/* identity-wait.c */
void brevet_identity_answer_waiters (BrevetIdentity *self, const GError *error, gboolean all);
void brevet_identity_begin_for_waiters (BrevetIdentity *self);
void brevet_identity_detach_waiters (BrevetIdentity *self);

/* identity-save.c */
void brevet_identity_save_bundle (BrevetIdentity *self, BrevetTrustBundle *bundle, const char *etag);
gboolean brevet_identity_save_pending (BrevetIdentity *self, gint64 now);

/* identity-poll.c */
gint64 brevet_identity_plan_poll (BrevetIdentity *self, gint64 now);
gint64 brevet_identity_begin_poll (BrevetIdentity *self, gint64 now);
void brevet_identity_end_poll (BrevetIdentity *self);
void brevet_identity_refresh_bundle_problems (BrevetIdentity *self, GPtrArray *left_out);

/* identity-keys.c */
void brevet_identity_take_key_settings (BrevetIdentity *self);
gint64 brevet_identity_look_at_keys (BrevetIdentity *self, gint64 now);
void brevet_identity_end_look (BrevetIdentity *self);

/* identity-report.c */
void brevet_identity_strip_stop (char *text);
char *brevet_identity_describe_stage (BrevetIdentity *self, BrevetIdentityState stage);
char *brevet_identity_describe_rest (BrevetIdentity *self, const BrevetIdentityPlan *plan, gint64 now);
void brevet_identity_report (BrevetIdentity *self, GLogLevelFlags level, const char *message_id, const char *tracking_id,
                             const char *format, ...) G_GNUC_PRINTF (5, 6);
void brevet_identity_report_installed (BrevetIdentity *self);
void brevet_identity_report_unproven (BrevetIdentity *self);
void brevet_identity_report_failure (BrevetIdentity *self, BrevetIdentityFault fault);
void brevet_identity_report_expired (BrevetIdentity *self);

G_END_DECLS
