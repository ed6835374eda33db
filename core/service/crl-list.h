/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetCrlList:
 * @name: name of the certificate authority
 * @identity: (nullable): which CA that was
 * @der: (nullable): the list; %NULL if there is none yet
 * @issuer: (nullable): key identifier of its issuer, in hexadecimal digits
 * @etag: its version as HTTP has it
 * @last_modified: when it was made as HTTP has it
 * @this_update: when it was made, seconds since 1970-01-01 UTC
 * @next_update: when it ends, seconds since 1970-01-01 UTC
 *
 * One revocation list as it is served. Immutable and reference counted.
 */
typedef struct {
  char *name;
  char *identity;
  GBytes *der;
  char *issuer;
  char *etag;
  char *last_modified;
  gint64 this_update;
  gint64 next_update;
} BrevetCrlList;

/**
 * brevet_crl_list_new:
 *
 * Returns: (transfer full) (nullable): the list; %NULL, and the log says why, if nobody could use it
 */
BrevetCrlList *brevet_crl_list_new (const char *name, const char *identity, GBytes *der);

/**
 * brevet_crl_list_new_missing:
 *
 * Returns: (transfer full): stands for a list that could not be made yet
 */
BrevetCrlList *brevet_crl_list_new_missing (const char *name);

BrevetCrlList *brevet_crl_list_ref (BrevetCrlList *self);

void brevet_crl_list_unref (BrevetCrlList *self);

/**
 * brevet_crl_list_is_known:
 * @if_none_match: (nullable): header of a request
 * @if_modified_since: (nullable): header of a request
 *
 * Returns: %TRUE if the client has this list already (RFC 9110 §13)
 */
gboolean brevet_crl_list_is_known (const BrevetCrlList *self, const char *if_none_match, const char *if_modified_since);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCrlList, brevet_crl_list_unref)

G_END_DECLS
