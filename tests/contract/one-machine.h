/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

/* A machine that is its own provisioning service: a directory with one configuration file. Its CAs: `local`; `counted`, whose calls
 * can be counted; and `slow`, which answers when it is let. Its devices: pump-07, counted-07 and slow-07, each enrolled with the CA
 * of that name (pump-07 with the local one), with one key for all of them. */

#define ONE_MACHINE_SCOPE "0ne000A1B2C"
#define ONE_MACHINE_KEY   "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

typedef struct {
  char *directory;
  char *path;        /* of the configuration file */
  char *root_pem;    /* of all CAs, and what bundle.pem holds, which pump-07 trusts */
  char *other_pem;   /* another root */
  int gate;          /* pipe at which the slow CA waits */
  BrevetRegistry *registry;
} OneMachine;

OneMachine *one_machine_new (void);
void one_machine_free (OneMachine *self);

/* Replaces @old, once, in the configuration file, or adds @new at its end if @old is NULL. */
void one_machine_edit (OneMachine *self, const char *old, const char *new);

void one_machine_write (OneMachine *self, const char *name, const char *text);

BrevetConfig *one_machine_load (OneMachine *self);

/* A transport from the group [transport main] of @config. */
BrevetTransport *one_machine_try (OneMachine *self, BrevetConfig *config, GError **error);
BrevetTransport *one_machine_create (OneMachine *self, BrevetConfig *config);

/* The device's prover, from the group [attestation main]. */
BrevetProver *one_machine_create_prover (OneMachine *self, BrevetConfig *config);

/* A register call of @device with a CSR for @key, and `Prefer: wait`. */
BrevetRequest *one_machine_make_register (const char *device, BrevetKey *key);

/* A request of the operator. */
BrevetRequest *one_machine_make_operator (const char *method, const char *path, const char *body);

/* How often the CA `counted` was asked. */
guint one_machine_count (OneMachine *self);

/* Lets the slow CA answer once. */
void one_machine_open_gate (OneMachine *self);
