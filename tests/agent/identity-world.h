/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "unsteady-store.h"
#include "identity-private.h"
#include "issuing-service.h"
#include "scripted-service.h"

G_BEGIN_DECLS

/* The time at which every world begins. */
#define WORLD_BEGIN 1924992000 /* 2031-01-01 */

/* One identity over a real store in a directory of its own, a service that does what it is told, and a clock that stands. */
typedef struct {
  char *directory;
  char *keys;               /* of [identity main] */
  BrevetStore *real_store;
  UnsteadyStore *store;
  IssuingService *service;
  ScriptedProver *prover;
  BrevetIdentity *identity;
  GString *states;          /* all that it went through: “ attesting registering …” */
  GString *causes;
  guint renewed;
  guint failed;
  guint bundle_changed;
} World;

/* @data: (nullable): keys for [identity main]. The identity is loaded, not started. */
void world_set_up (World *self, gconstpointer data);
void world_tear_down (World *self, gconstpointer data);

/* A configuration with these keys; file names are relative to the directory. */
BrevetIdentityConfig *world_make_config (World *self, const char *keys);

/* The same as a stop of the machine at this moment and another start: nothing is left but what is stored. */
void world_restart (World *self);
void world_open (World *self);

/* … and another opening of the store. */
void world_restart_with_store (World *self);

void world_start (World *self);
void world_set_clock (World *self, gint64 seconds);
gint64 world_now (void);

/* Lets happen what happens without the clock's advancing until this is true. */
void world_wait_state (World *self, BrevetIdentityState state);
void world_wait_for_registrations (World *self, guint count);
void world_wait_for_polls (World *self, guint count);
void world_wait_idle (World *self);
void world_turn (World *self);

/* Starts, and waits until it is provisioned. */
void world_provision (World *self);

/* Provisions it; its renewal is due now, and nothing has happened yet. Returns: (transfer full): SHA-256 of its certificate */
char *world_make_due (World *self);

/* The first certificate is in use, also after a restart. */
void world_assert_kept (World *self, const char *sha256);

/* Sets the clock to when it wants to act next, and waits until that has come to something. */
void world_pass_to_next_attempt (World *self);

/* Asks for an action, and waits for the answer. */
gboolean world_act (World *self, BrevetIdentityAction action, GError **error);

const char *world_get_sha256 (World *self);
void world_assert_state (World *self, BrevetIdentityState state, const char *cause);

G_END_DECLS
