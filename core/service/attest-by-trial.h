/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetTrialSearch:
 *
 * Finds the enrollment groups that a device without a certificate could belong to: its token does not say which one it is, so all
 * of them are tried (protocol/dps.md §8), first the one that it belonged to last time. Groups that are found by their certificates
 * are left out.
 */
typedef struct _BrevetTrialSearch BrevetTrialSearch;

/**
 * brevet_trial_search_new:
 * @registration_key: key of the device's registration
 *
 * Returns: (transfer full): a search
 */
BrevetTrialSearch *brevet_trial_search_new (BrevetServiceContext *context, const char *registration_key);

void brevet_trial_search_free (BrevetTrialSearch *self);

/**
 * brevet_trial_search_next_async:
 *
 * Looks for the next group, enabled or not. @self must live until this is answered.
 */
void brevet_trial_search_next_async (BrevetTrialSearch *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer user_data);

/**
 * brevet_trial_search_next_finish:
 *
 * Returns: (transfer full) (nullable): a group; %NULL without an error if there is no other one
 */
BrevetEnrollment *brevet_trial_search_next_finish (GAsyncResult *result, GError **error);

/**
 * brevet_trial_search_knows_group:
 *
 * Returns: %TRUE if the first group was the one that the device had belonged to, and not just the first of all
 */
gboolean brevet_trial_search_knows_group (BrevetTrialSearch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTrialSearch, brevet_trial_search_free)

G_END_DECLS
