/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/**
 * BrevetServiceUser:
 *
 * Whom the files of the service belong to.
 */
typedef struct {
  uid_t uid;
  gid_t gid;
} BrevetServiceUser;

/**
 * brevet_service_user_become:
 *
 * Root writes nothing where somebody else could have put a link, and everything belongs to its user from the beginning. To be
 * followed by brevet_service_user_become_root().
 */
gboolean brevet_service_user_become (const BrevetServiceUser *self, GError **error);

void brevet_service_user_become_root (void);

G_END_DECLS
