/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-config.h"

G_BEGIN_DECLS

/**
 * BrevetRights:
 *
 * What a shared access policy allows (protocol/dps.md §9).
 */
typedef enum {
  BREVET_RIGHT_SERVICE_CONFIG            = 1 << 0,
  BREVET_RIGHT_ENROLLMENT_READ           = 1 << 1,
  BREVET_RIGHT_ENROLLMENT_WRITE          = 1 << 2,
  BREVET_RIGHT_REGISTRATION_STATUS_READ  = 1 << 3,
  BREVET_RIGHT_REGISTRATION_STATUS_WRITE = 1 << 4,
} BrevetRights;

/**
 * BrevetAccessPolicies:
 *
 * The shared access policies of the service API: groups `[policy NAME]` with `rights`, `primary-key-file`, `secondary-key-file`.
 * Immutable.
 */
typedef struct _BrevetAccessPolicies BrevetAccessPolicies;

/**
 * brevet_access_policies_new:
 * @config: reads all groups of kind `policy`
 * @host_names: (array zero-terminated=1): names of the service that a token may be made for
 *
 * Returns: (transfer full) (nullable): the policies, or %NULL with an error that names file and line
 */
BrevetAccessPolicies *brevet_access_policies_new (BrevetConfig *config, const char *const *host_names, GError **error);

void brevet_access_policies_free (BrevetAccessPolicies *self);

/**
 * brevet_access_policies_authorise:
 * @token: (nullable): the token of the request
 * @path: path of the request
 * @needed: what the operation needs
 * @now: seconds since 1970-01-01 UTC
 * @policy_name: (out) (nullable) (transfer full): the policy that @token claims, for the log
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED if the token proves nothing (answer 401), or with %BREVET_ERROR_UNSUPPORTED if it is
 *   good but its policy lacks a right (answer 403); the message says why, for the operator's log
 */
gboolean brevet_access_policies_authorise (BrevetAccessPolicies *self, const char *token, const char *path, BrevetRights needed,
                                           gint64 now, char **policy_name, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAccessPolicies, brevet_access_policies_free)

G_END_DECLS
