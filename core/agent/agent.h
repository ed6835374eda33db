/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "identity.h"

G_BEGIN_DECLS

/**
 * BrevetAgent:
 *
 * The identities of a configuration file, their store and their plugins. It never gives up: a configuration that is wrong or a
 * store that cannot be opened at the start is told of, and tried again every minute and on brevet_agent_reload_async().
 *
 * Property: `retry-pause`, the seconds of that minute. Signals: `identity-added` and `identity-removed` with the #BrevetIdentity,
 * `configuration-changed` (error or warnings).
 */
#define BREVET_TYPE_AGENT (brevet_agent_get_type ())
G_DECLARE_FINAL_TYPE (BrevetAgent, brevet_agent, BREVET, AGENT, GObject)

/**
 * brevet_agent_new:
 * @config_path: the configuration file: groups `[agent]` (key `store`, default `device`: names the group `[store NAME]`),
 *   `[identity NAME]`, `[transport NAME]`, `[attestation NAME]`, `[store NAME]`
 */
BrevetAgent *brevet_agent_new (const char *config_path);

/**
 * brevet_agent_load_async:
 *
 * Reads the configuration, opens the store, loads all identities. Begins nothing. It always succeeds: what is wrong is in
 * brevet_agent_get_configuration_error().
 */
void brevet_agent_load_async (BrevetAgent *self, GAsyncReadyCallback callback, gpointer user_data);

void brevet_agent_load_finish (BrevetAgent *self, GAsyncResult *result);

/**
 * brevet_agent_start:
 *
 * Lets all identities begin to act, those that come later too; watches the network.
 */
void brevet_agent_start (BrevetAgent *self);

/**
 * brevet_agent_reload_async:
 *
 * Reads the configuration again and makes all its plugins; only when nothing in it is wrong do the identities take it over: new
 * ones are added, missing ones are stopped and removed (what is stored of them stays), the others are reconfigured. The store stays
 * the one of the start; another one is reported as taking effect at the next start. Reloads follow one another.
 */
void brevet_agent_reload_async (BrevetAgent *self, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_agent_reload_finish:
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming file and line: nothing has changed
 */
gboolean brevet_agent_reload_finish (BrevetAgent *self, GAsyncResult *result, GError **error);

/**
 * brevet_agent_stop_async:
 *
 * Stops all identities. Once.
 */
void brevet_agent_stop_async (BrevetAgent *self, GAsyncReadyCallback callback, gpointer user_data);

void brevet_agent_stop_finish (BrevetAgent *self, GAsyncResult *result);

/**
 * brevet_agent_get_identities:
 *
 * Returns: (transfer none) (element-type BrevetIdentity): in the order of the configuration
 */
GPtrArray *brevet_agent_get_identities (BrevetAgent *self);

/**
 * brevet_agent_get_configuration_error:
 *
 * Returns: (transfer none) (nullable): why the configuration is not in effect as it stands
 */
const char *brevet_agent_get_configuration_error (BrevetAgent *self);

/**
 * brevet_agent_get_configuration_warnings:
 *
 * Returns: (transfer none) (element-type utf8): keys and groups without effect
 */
GPtrArray *brevet_agent_get_configuration_warnings (BrevetAgent *self);

G_END_DECLS
