/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent.h"
#include "scripted-identity.h"

G_BEGIN_DECLS

/* An agent over a configuration in a directory of its own, whose identities follow a script. */
typedef struct {
  char *directory;
  char *config_path;
  BrevetAgent *agent;
} AgentFixture;

/* The groups that every configuration needs beside its identities. */
#define AGENT_FIXTURE_PARTS \
  "[transport main]\ntype=https\nhost=dps.example.net\n" \
  "[attestation main]\ntype=symmetric-key\nkey=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" \
  "[store device]\ntype=file\ndirectory=store\n"

#define AGENT_FIXTURE_IDENTITY(name) "[identity " name "]\nid-scope=0ne000A1B2C\nregistration-id=" name "\n"

/* Nothing is loaded yet. @data: (nullable): the identities; `main` alone if it is NULL */
void agent_fixture_set_up (AgentFixture *self, gconstpointer data);

/* Stops the agent. */
void agent_fixture_tear_down (AgentFixture *self, gconstpointer data);

/* The configuration is this text from now on. */
void agent_fixture_write (AgentFixture *self, const char *text);

/* The same with AGENT_FIXTURE_PARTS behind it. */
void agent_fixture_configure (AgentFixture *self, const char *identities);

/* Waits for the end of loading. */
void agent_fixture_load (AgentFixture *self);

/* Waits for the end of a reload. Returns: %FALSE with an error */
gboolean agent_fixture_reload (AgentFixture *self, GError **error);

/* Waits for the end of stopping. */
void agent_fixture_stop (AgentFixture *self);

/* Returns: (nullable): the identity of that name */
BrevetIdentity *agent_fixture_get (AgentFixture *self, const char *name);

/* A generation with a certificate of its own. */
BrevetGeneration *agent_fixture_make_generation (AgentFixture *self, guint64 number);

/* A GAsyncReadyCallback that puts the result where @user_data points. */
void agent_fixture_store_result (GObject *source, GAsyncResult *result, gpointer user_data);

/* Turns the main loop until the pointer is set. */
#define agent_fixture_wait_for(condition) \
  while (!(condition)) \
    g_main_context_iteration (NULL, TRUE)

G_END_DECLS
