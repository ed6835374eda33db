/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-config.h"
#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetConfiguredRecords:
 *
 * Enrollments and trust bundles that stand in the configuration (groups `[enrollment REGISTRATION-ID]` and `[trust-bundle NAME]`),
 * to be in the store as if an operator had PUT them. What is there already, and the same, is not written again, since a new version
 * of an enrollment is a new question to whoever waits for an answer.
 */
typedef struct _BrevetConfiguredRecords BrevetConfiguredRecords;

/**
 * brevet_configured_records_new:
 * @config: the configuration
 * @context: made from it, with an open store
 *
 * Reads and checks all of them, with the files that they name. Does not look into the store, but for a CA or a trust bundle that an
 * enrollment names and the configuration does not have.
 *
 * Returns: (transfer full) (nullable): the records, or %NULL with an error that names file and line
 */
BrevetConfiguredRecords *brevet_configured_records_new (BrevetConfig *config, BrevetServiceContext *context, GError **error);

/**
 * brevet_configured_records_commit:
 *
 * Compares them with the store, writes what differs, all or none, and logs each. From any thread; waits for the store.
 *
 * Returns: %FALSE with an error of the store
 */
gboolean brevet_configured_records_commit (BrevetConfiguredRecords *self, GError **error);

void brevet_configured_records_free (BrevetConfiguredRecords *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetConfiguredRecords, brevet_configured_records_free)

G_END_DECLS
