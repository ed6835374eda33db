/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "identity-attempt.h"

G_BEGIN_DECLS

/* What the files of an attempt share: identity-attempt.c (the object, the registration), identity-attempt-key.c (the key),
 * identity-attempt-install.c (from the candidate to the switch). */
struct _BrevetIdentityAttempt
{
  GObject parent_instance;

  BrevetIdentityConfig     *config;
  BrevetIdentityRecords    *records;
  BrevetKeyVault           *vault;
  BrevetRegistrationClient *client;
  BrevetGeneration         *current;
  BrevetGeneration         *staged;
  BrevetGeneration         *candidate;
  BrevetKey                *key;             /* in a token, opened */
  char                     *input_digest;
  gboolean                  new_key;
  BrevetIdentityFault       fault;
  const char               *hub;
  gboolean                  unproven;
  GPtrArray                *bundle_problems;
};

void brevet_identity_attempt_set_stage (BrevetIdentityAttempt *self, BrevetIdentityState stage);

/* Ends the attempt of @task; takes @error. */
void brevet_identity_attempt_fail_storage (GTask *task, GError *error);

/* Finds or makes the key, and goes on with the registration. */
void brevet_identity_attempt_get_key (GTask *task);

/* Asks the service; there is a key, if one is wanted. */
void brevet_identity_attempt_register (GTask *task);

/* Goes on with a candidate of an earlier attempt, if its key is still there. */
void brevet_identity_attempt_take_up (GTask *task);

/* Goes on with the candidate, which is complete and checked. */
void brevet_identity_attempt_install (GTask *task);

G_END_DECLS
