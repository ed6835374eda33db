/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-config.h"
#include "brevet-trust-bundle.h"

G_BEGIN_DECLS

/**
 * BrevetHubTrust:
 * @certificates: (element-type BrevetCertificate): roots and issuing CAs, each once
 * @lists: (element-type GBytes): a revocation list of each issuer as DER
 * @next_update: when the first of @lists ends, seconds since 1970-01-01 UTC; 0 without @lists
 * @revoked: number of certificates on @lists
 * @authorities: (element-type utf8): names of the certificate authorities that this is about
 * @without_trust: (element-type utf8): names of those that cannot say what is to be trusted
 * @without_list: (element-type utf8): names of those that publish no revocation list
 * @earlier_without_list: (element-type utf8): names that stood for another CA earlier, which gives no list any more
 * @requires_lists: whether the lists that there are shall be used although some are missing
 * @stored: (element-type utf8): names of those that cannot be asked now, so that what they said last is used
 * @left_out: (element-type utf8): names of those that have never been asked, cannot be now, and are of no device yet
 * @earlier: (element-type utf8): names that stood for another CA earlier, of which devices still have certificates
 * @uncovered: (element-type utf8): issuers of unexpired certificates for whom there is no list
 *
 * What a hub must know to accept the certificates of this service, and no others. Plain data.
 */
typedef struct {
  GPtrArray *certificates;
  GPtrArray *lists;
  gint64 next_update;
  guint revoked;
  GPtrArray *authorities;
  GPtrArray *without_trust;
  GPtrArray *without_list;
  GPtrArray *earlier_without_list;
  gboolean requires_lists;
  GPtrArray *stored;
  GPtrArray *left_out;
  GPtrArray *earlier;
  GPtrArray *uncovered;
} BrevetHubTrust;

/**
 * brevet_hub_trust_collect:
 * @config: configuration of the service
 *
 * Asks every certificate authority, and the CAs that a name stood for earlier as long as devices have their certificates; reads the
 * store, and changes nothing there. On the main thread, which runs no main loop.
 *
 * Returns: (transfer full) (nullable): what a hub must know; %NULL with an error, also if a certificate authority does not answer
 *   now that devices use and of which nothing is known, or whose revocation list is needed
 */
BrevetHubTrust *brevet_hub_trust_collect (BrevetConfig *config, GError **error);

/**
 * brevet_hub_trust_is_revocable:
 *
 * Returns: %TRUE if the hub shall use the lists. A hub that has some refuses devices whose issuer has none: so either there is one
 *   of every authority, or the operator wants it that way
 */
gboolean brevet_hub_trust_is_revocable (const BrevetHubTrust *self);

void brevet_hub_trust_free (BrevetHubTrust *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetHubTrust, brevet_hub_trust_free)

G_END_DECLS
