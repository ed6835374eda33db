/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-message.h"
#include "service-chores.h"

G_BEGIN_DECLS

/**
 * BREVET_CHORE_REVOCATION_LISTS:
 *
 * Name of the job that makes the revocation lists: to be poked by whoever has changed what is revoked.
 */
#define BREVET_CHORE_REVOCATION_LISTS "revocation-lists"

/* BrevetCrlPublisher (service-context.h):
 *
 * The current revocation list of each certificate authority that has one, of those too that a name stood for earlier: made in the
 * background, kept in memory, and served to everybody. Lives as long as the service does, through reloads. Thread-safe and
 * reference counted.
 *
 * A list has two addresses. `/crl/NAME.crl` is that of the CA for which NAME stands now. `/crl/NAME-KEY.crl` is that of one issuing
 * key, whatever NAME stands for later: KEY is the key identifier of the issuer in lower-case hexadecimal digits (the
 * subjectKeyIdentifier of the issuing certificate, which is the authorityKeyIdentifier of list and certificates). Names are
 * compared without case.
 */
BrevetCrlPublisher *brevet_crl_publisher_new (void);

BrevetCrlPublisher *brevet_crl_publisher_ref (BrevetCrlPublisher *self);

void brevet_crl_publisher_unref (BrevetCrlPublisher *self);

/**
 * brevet_crl_publisher_add:
 *
 * Adds the job that makes the lists: when something is said to have changed, but not on and on; long before a list ends, and after
 * a day; and after a reload.
 */
void brevet_crl_publisher_add (BrevetCrlPublisher *self, BrevetServiceChores *chores);

/**
 * brevet_crl_publisher_answer:
 * @id: what stands between `/crl/` and `.crl` in the address
 * @chores: (nullable): where the job is
 *
 * From memory, on any thread. If the time of day has jumped and left the list behind, the job is poked.
 *
 * Returns: (transfer full): 200 with the list as DER, 304 if @request says that it has it already; 404 if there is none, 503 if it
 *   could not be made yet
 */
BrevetReply *brevet_crl_publisher_answer (BrevetCrlPublisher *self, const char *id, BrevetRequest *request,
                                          BrevetServiceChores *chores);

/**
 * brevet_crl_publisher_may_be_own:
 * @self: (nullable): %NULL where there is no service
 *
 * From memory, on any thread.
 *
 * Returns: %FALSE if @certificate has an issuer of whom the inventory held nothing when it was read last
 */
gboolean brevet_crl_publisher_may_be_own (BrevetCrlPublisher *self, BrevetCertificate *certificate);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCrlPublisher, brevet_crl_publisher_unref)

G_END_DECLS
