/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent-bus.h"
#include "agent-fixture.h"

#include "brevet-bus-names.h"

G_BEGIN_DECLS

#define BUS_IDENTITY BREVET_BUS_IDENTITIES_PATH "/main"
#define BUS_IDENTITY_INTERFACE "org.brevet.Agent1.Identity"

/* An agent whose identities follow a script, on a bus of its own, and somebody there who listens and asks. */
typedef struct {
  AgentFixture base;
  GTestDBus *bus;
  GDBusConnection *server;
  GDBusConnection *client;
  BrevetAgentBus *agent_bus;
  GPtrArray *heard; /* "PATH MEMBER what", in the order of arrival */
} BusWorld;

/* Instead of g_test_init(). */
void bus_world_init (int *argc, char ***argv);

/* @data: (nullable): the identities; `main` alone if it is NULL */
void bus_world_set_up (BusWorld *self, gconstpointer data);
void bus_world_tear_down (BusWorld *self, gconstpointer data);

BrevetIdentity *bus_world_get_main (BusWorld *self);

/* A generation with this number comes into use. */
void bus_world_install (BusWorld *self, guint64 number);

/* Calls a method of the agent: without waiting, and its end; or with, when it may fail, or may not. */
void bus_world_begin_call (BusWorld *self, const char *path, const char *interface, const char *method,
                           GVariant *arguments, GAsyncResult **result);
GVariant *bus_world_finish_call (BusWorld *self, GAsyncResult *result, GError **error);
GVariant *bus_world_try_call (BusWorld *self, const char *path, const char *interface, const char *method,
                              GVariant *arguments, GError **error);
GVariant *bus_world_call (BusWorld *self, const char *path, const char *interface, const char *method,
                          GVariant *arguments);

/* A method of the identity `main` fails with this code and a message with this in it. */
void bus_world_assert_call_fails (BusWorld *self, const char *method, GVariant *arguments, int code, const char *part);

/* Does what can be done at once. */
void bus_world_turn (void);

/* Everything that was sent before has arrived. */
void bus_world_settle (BusWorld *self);

/* Nothing but these patterns, up to a NULL, was heard since the last time. */
void bus_world_assert_heard (BusWorld *self, ...) G_GNUC_NULL_TERMINATED;

/* A property, printed, fits a pattern. */
void bus_world_assert_property (BusWorld *self, const char *path, const char *interface, const char *name,
                                const char *expected);

/* Returns: (transfer full): the names of a dictionary, sorted */
char *bus_world_list_names (GVariant *dictionary);

G_END_DECLS
