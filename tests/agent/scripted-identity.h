/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "identity.h"

G_BEGIN_DECLS

/*
 * In place of the state machine: an identity that does what the test tells it to, and tells what it was asked for. A program that
 * is built with scripted-identity.c has it as its BrevetIdentity.
 */

/* What an identity was asked for so far. */
typedef struct {
  guint started;
  guint reconfigured;
  guint stopped;
  guint cancelled;
  guint marked_used;
  guint network_changed;
  guint acting; /* acts that are not answered */
  BrevetIdentityAction last_action;
  BrevetTransport *transport;
  BrevetProver *prover;
} ScriptedIdentity;

ScriptedIdentity *scripted_identity_get (BrevetIdentity *identity);

/* Another state and cause, and the next attempt; told by `changed`. */
void scripted_identity_enter (BrevetIdentity *identity, BrevetIdentityState state, const char *cause, gint64 next_attempt);

/* `changed` without any change. */
void scripted_identity_touch (BrevetIdentity *identity);

/* Another generation is in use, the former one is the previous; told by `changed` and `renewed`. */
void scripted_identity_install (BrevetIdentity *identity, BrevetGeneration *generation);

/* Another trust bundle; told by `changed` and `trust-bundle-changed`. */
void scripted_identity_trust (BrevetIdentity *identity, BrevetTrustBundle *bundle, const char *etag);

/* The attempt failed; told by `changed` and `failed`. */
void scripted_identity_fail (BrevetIdentity *identity, const char *error_name, guint code, const char *text,
                              const char *tracking_id);

/* Answers all acts. @error: (transfer full) (nullable) */
void scripted_identity_answer (BrevetIdentity *identity, GError *error);

/* Identities of this name cannot be loaded from now on; NULL for none. */
void scripted_identity_break_loading (const char *name);

/* Stopping is answered by scripted_identity_let_stop() only. */
void scripted_identity_hold_stop (BrevetIdentity *identity);
void scripted_identity_let_stop (BrevetIdentity *identity);

G_END_DECLS
