/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-config.h"
#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetConfiguredRecords:
 *
 * Enrollments and trust bundles that stand in the configuration (groups `[enrollment REGISTRATION-ID]` and `[trust-bundle NAME]`):
 * what must change in the store so that they are there, as if an operator had PUT them. What is there already, and the same, is not
 * written again, since a new version of an enrollment is a new question to whoever waits for an answer.
 */
typedef struct _BrevetConfiguredRecords BrevetConfiguredRecords;

/**
 * brevet_configured_records_new:
 * @config: the configuration
 * @context: made from it, with an open store
 *
 * Checks all of them and compares them with the store. Waits for the store: at start and reload only.
 *
 * Returns: (transfer full) (nullable): the changes, or %NULL with an error that names file and line
 */
BrevetConfiguredRecords *brevet_configured_records_new (BrevetConfig *config, BrevetServiceContext *context, GError **error);

/**
 * brevet_configured_records_commit:
 *
 * Writes the changes, all or none, and logs each. Waits for the store if there are any.
 *
 * Returns: %FALSE with an error of the store
 */
gboolean brevet_configured_records_commit (BrevetConfiguredRecords *self, GError **error);

void brevet_configured_records_free (BrevetConfiguredRecords *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetConfiguredRecords, brevet_configured_records_free)

G_END_DECLS
