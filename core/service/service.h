/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-config.h"
#include "brevet-handler.h"
#include "brevet-listener.h"
#include "brevet-registry.h"
#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * BrevetService:
 *
 * The whole provisioning service behind its doors: implements #BrevetHandler for any number of listeners, and takes them along when
 * it starts and stops.
 */
#define BREVET_TYPE_SERVICE (brevet_service_get_type ())
G_DECLARE_FINAL_TYPE (BrevetService, brevet_service, BREVET, SERVICE, GObject)

/**
 * brevet_service_new:
 * @config: the configuration
 *
 * Makes every plugin that @config names, opens the store, writes the enrollments of the configuration to it and takes up
 * interrupted issuances. Begins no listening.
 *
 * Returns: (transfer full) (nullable): the service, or %NULL with an error that names file and line
 */
BrevetService *brevet_service_new (BrevetConfig *config, GError **error);

/**
 * brevet_service_new_embedded:
 * @config: the configuration
 *
 * Like brevet_service_new(), for a program that hands requests over by itself: groups `[listener NAME]` are not looked at, and none
 * is needed. A hub is, as nobody else looks after it.
 *
 * Returns: (transfer full) (nullable): the service, or %NULL with an error that names file and line
 */
BrevetService *brevet_service_new_embedded (BrevetConfig *config, GError **error);

/**
 * brevet_service_make_store:
 * @config: the configuration
 *
 * For whoever wants to look into the store of a service without being one.
 *
 * Returns: (transfer full) (nullable): the store that `store` of `[service]` names, not yet open; %NULL with an error that names
 *   file and line
 */
BrevetStore *brevet_service_make_store (BrevetConfig *config, BrevetRegistry *registry, GError **error);

/**
 * brevet_service_report_unused:
 * @config: a configuration that was taken over completely
 *
 * Logs every key and group that nobody has asked for. For whoever owns @config: a service may not be the only one that reads it.
 */
void brevet_service_report_unused (BrevetConfig *config);

/**
 * brevet_service_start:
 *
 * Opens the listeners of all groups `[listener NAME]`.
 *
 * Returns: %FALSE with an error if one of them cannot be opened. Others may be open then: stop the service before it is freed.
 */
gboolean brevet_service_start (BrevetService *self, GError **error);

/**
 * brevet_service_reload:
 * @config: the new configuration
 *
 * Replaces everything but store and addresses: CAs, hubs, policies, configured enrollments, certificates of the listeners. A
 * configuration that is wrong changes nothing.
 */
gboolean brevet_service_reload (BrevetService *self, BrevetConfig *config, GError **error);

/**
 * BrevetServiceChange:
 *
 * A new configuration of a service that was found right and may take effect. Reference counted.
 */
typedef struct _BrevetServiceChange BrevetServiceChange;

BrevetServiceChange *brevet_service_change_ref (BrevetServiceChange *self);

void brevet_service_change_unref (BrevetServiceChange *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetServiceChange, brevet_service_change_unref)

/**
 * brevet_service_prepare:
 * @config: the new configuration
 *
 * The first half of brevet_service_reload(), without the listeners: finds every mistake in @config, and changes nothing. On the
 * main thread.
 *
 * Returns: (transfer full) (nullable): the change, or %NULL with an error that names file and line
 */
BrevetServiceChange *brevet_service_prepare (BrevetService *self, BrevetConfig *config, GError **error);

/**
 * brevet_service_has_applied:
 *
 * Returns: %TRUE once @change, or one that was prepared later, has taken effect. From any thread; waits for nothing.
 */
gboolean brevet_service_has_applied (BrevetService *self, BrevetServiceChange *change);

/**
 * brevet_service_apply:
 * @change: prepared by @self
 *
 * Lets @change take effect, if neither it nor a later one has. Waits for the store: on a thread of its own.
 *
 * Returns: %FALSE with an error of the store; nothing has changed then, and it may be tried again
 */
gboolean brevet_service_apply (BrevetService *self, BrevetServiceChange *change, GError **error);

/**
 * brevet_service_stop_async:
 *
 * Closes the listeners, letting requests in flight be answered: those that wait for the result of an operation, with what there is
 * after a few seconds. Once; also after a start that failed halfway.
 */
void brevet_service_stop_async (BrevetService *self, GAsyncReadyCallback callback, gpointer user_data);

void brevet_service_stop_finish (BrevetService *self, GAsyncResult *result);

/**
 * brevet_service_is_busy:
 *
 * Returns: %TRUE while a request is being answered, a certificate being issued, or a background job being done. What was begun goes
 *   on also without the service, and keeps its store open.
 */
gboolean brevet_service_is_busy (BrevetService *self);

/**
 * brevet_service_get_listeners:
 *
 * Returns: (transfer none) (element-type BrevetListener): the listeners
 */
GPtrArray *brevet_service_get_listeners (BrevetService *self);

G_END_DECLS
