/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-error.h"
#include "brevet-ca-outcome.h"
#include "brevet-ca-request.h"
#include "brevet-plugin.h"
#include "brevet-revocation.h"

G_BEGIN_DECLS

/**
 * BrevetCaBackend:
 *
 * One configured certificate authority. Any number of instances per plugin. Retries, back-off, deadlines, the journal and the
 * checks of what was issued are the core's; a backend asks its CA once and reports. Errors are of %BREVET_CA_ERROR.
 */
#define BREVET_TYPE_CA_BACKEND (brevet_ca_backend_get_type ())
BREVET_API
G_DECLARE_INTERFACE (BrevetCaBackend, brevet_ca_backend, BREVET, CA_BACKEND, BrevetPlugin)

/**
 * BrevetCaCapabilities:
 * @BREVET_CA_CAPABILITY_IDEMPOTENT: asking twice with the same idempotency key yields the same certificate, or the same pending
 *   request, however long after: when an answer is lost the core asks again instead of looking
 * @BREVET_CA_CAPABILITY_PENDING: may answer with a ticket
 * @BREVET_CA_CAPABILITY_FIND: has `find`
 * @BREVET_CA_CAPABILITY_REVOKE: has `revoke`
 * @BREVET_CA_CAPABILITY_CRL: has `get_crl`
 * @BREVET_CA_CAPABILITY_VALIDITY: honours the wanted lifetime
 * @BREVET_CA_CAPABILITY_URI: honours the wanted URI in the subjectAltName
 */
typedef enum {
  BREVET_CA_CAPABILITY_IDEMPOTENT = 1 << 0,
  BREVET_CA_CAPABILITY_PENDING    = 1 << 1,
  BREVET_CA_CAPABILITY_FIND       = 1 << 2,
  BREVET_CA_CAPABILITY_REVOKE     = 1 << 3,
  BREVET_CA_CAPABILITY_CRL        = 1 << 4,
  BREVET_CA_CAPABILITY_VALIDITY   = 1 << 5,
  BREVET_CA_CAPABILITY_URI        = 1 << 6,
} BrevetCaCapabilities;

/**
 * BrevetCaTraffic:
 * @maximum_in_flight: questions that the CA takes at once, 0 for as many as there are
 * @burst: questions that it takes in a row, at least 1 where there is a rate
 * @per_second: questions that it takes on and on, 0 for no rate
 *
 * How much a CA takes. The core keeps to it; an operator may set other numbers.
 */
typedef struct {
  guint maximum_in_flight;
  guint burst;
  double per_second;
} BrevetCaTraffic;

/**
 * BrevetCaBackendInterface:
 * @get_capabilities: see brevet_ca_backend_get_capabilities()
 * @dup_identity: see brevet_ca_backend_dup_identity(); optional
 * @get_traffic: see brevet_ca_backend_get_traffic(); optional
 * @check_async: see brevet_ca_backend_check_async()
 * @check_finish: see brevet_ca_backend_check_finish()
 * @issue_async: see brevet_ca_backend_issue_async()
 * @issue_finish: see brevet_ca_backend_issue_finish()
 * @poll_async: see brevet_ca_backend_poll_async(); optional
 * @poll_finish: see brevet_ca_backend_poll_finish(); optional
 * @find_async: see brevet_ca_backend_find_async(); optional
 * @find_finish: see brevet_ca_backend_find_finish(); optional
 * @revoke_async: see brevet_ca_backend_revoke_async(); optional
 * @revoke_finish: see brevet_ca_backend_revoke_finish(); optional
 * @get_trust_async: see brevet_ca_backend_get_trust_async()
 * @get_trust_finish: see brevet_ca_backend_get_trust_finish()
 * @get_crl_async: see brevet_ca_backend_get_crl_async(); optional
 * @get_crl_finish: see brevet_ca_backend_get_crl_finish(); optional
 *
 * An optional verb that is absent answers %BREVET_CA_ERROR_UNSUPPORTED.
 */
struct _BrevetCaBackendInterface
{
  GTypeInterface parent_iface;

  BrevetCaCapabilities (*get_capabilities) (BrevetCaBackend *self);
  char *(*dup_identity) (BrevetCaBackend *self);
  void (*get_traffic) (BrevetCaBackend *self, BrevetCaTraffic *traffic);

  void (*check_async) (BrevetCaBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  BrevetCaHealth *(*check_finish) (BrevetCaBackend *self, GAsyncResult *result, GError **error);

  void (*issue_async) (BrevetCaBackend *self, BrevetCaRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                       gpointer user_data);
  BrevetCaOutcome *(*issue_finish) (BrevetCaBackend *self, GAsyncResult *result, GError **error);

  void (*poll_async) (BrevetCaBackend *self, const char *ticket, BrevetCaRequest *request, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data);
  BrevetCaOutcome *(*poll_finish) (BrevetCaBackend *self, GAsyncResult *result, GError **error);

  void (*find_async) (BrevetCaBackend *self, BrevetCaRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                      gpointer user_data);
  BrevetCaOutcome *(*find_finish) (BrevetCaBackend *self, GAsyncResult *result, GError **error);

  void (*revoke_async) (BrevetCaBackend *self, BrevetCertificate *certificate, const char *backend_reference,
                        BrevetRevocationReason reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean (*revoke_finish) (BrevetCaBackend *self, GAsyncResult *result, GError **error);

  void (*get_trust_async) (BrevetCaBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  BrevetTrustBundle *(*get_trust_finish) (BrevetCaBackend *self, GAsyncResult *result, GError **error);

  void (*get_crl_async) (BrevetCaBackend *self, GPtrArray *revocations, GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer user_data);
  GBytes *(*get_crl_finish) (BrevetCaBackend *self, GAsyncResult *result, GError **error);
};

/**
 * brevet_ca_backend_get_capabilities:
 *
 * Returns: what this instance can do; fixed once it is configured
 */
BREVET_API
BrevetCaCapabilities brevet_ca_backend_get_capabilities (BrevetCaBackend *self);

/**
 * brevet_ca_backend_dup_identity:
 *
 * Names the CA behind this instance in a few printable words: product, host, account or profile, issuing key; nothing secret, and
 * nothing that may change while the CA stays the same (time-outs, paths of files, credentials). Two instances of one plugin with
 * the same identity understand each other's tickets and backend references and find each other's certificates. Fixed once
 * configured. A plugin that does not say is told apart by the name of its instance.
 *
 * Returns: (transfer full): the identity
 */
BREVET_API
char *brevet_ca_backend_dup_identity (BrevetCaBackend *self);

/**
 * brevet_ca_backend_get_traffic:
 * @traffic: (out caller-allocates): how much the CA takes; all zero for a plugin that does not say
 */
BREVET_API
void brevet_ca_backend_get_traffic (BrevetCaBackend *self, BrevetCaTraffic *traffic);

/**
 * brevet_ca_backend_check_async:
 *
 * Looks whether the CA could issue now, without issuing.
 */
BREVET_API
void brevet_ca_backend_check_async (BrevetCaBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data);

/**
 * brevet_ca_backend_check_finish:
 *
 * Returns: (transfer full) (nullable): the finding; a CA that is down is a finding, not an error
 */
BREVET_API
BrevetCaHealth *brevet_ca_backend_check_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error);

/**
 * brevet_ca_backend_issue_async:
 *
 * Asks for one certificate, once. Calls brevet_ca_request_mark_sent() before the first byte of the request; from there on, until
 * there is an answer that can be understood, each error is %BREVET_CA_ERROR_AMBIGUOUS. Cancelled, it ends at once.
 */
BREVET_API
void brevet_ca_backend_issue_async (BrevetCaBackend *self, BrevetCaRequest *request, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_ca_backend_issue_finish:
 *
 * Returns: (transfer full) (nullable): issued or pending; %NULL with %BREVET_CA_ERROR, or %G_IO_ERROR_CANCELLED
 */
BREVET_API
BrevetCaOutcome *brevet_ca_backend_issue_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error);

/**
 * brevet_ca_backend_poll_async:
 * @ticket: from a pending outcome, possibly of an earlier process
 * @request: the same question as then (some protocols poll by asking it again)
 */
BREVET_API
void brevet_ca_backend_poll_async (BrevetCaBackend *self, const char *ticket, BrevetCaRequest *request, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_ca_backend_poll_finish:
 *
 * Returns: (transfer full) (nullable): issued or pending; %NULL with %BREVET_CA_ERROR, or %G_IO_ERROR_CANCELLED
 */
BREVET_API
BrevetCaOutcome *brevet_ca_backend_poll_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error);

/**
 * brevet_ca_backend_find_async:
 *
 * Looks for a certificate that was issued for the public key of @request; of several, for the newest that the core does not know
 * yet, see brevet_ca_request_is_known().
 */
BREVET_API
void brevet_ca_backend_find_async (BrevetCaBackend *self, BrevetCaRequest *request, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_ca_backend_find_finish:
 *
 * Returns: (transfer full) (nullable): what was found; %NULL with %BREVET_CA_ERROR_NOT_FOUND if the CA itself has said that there
 *   is none, and any other error otherwise
 */
BREVET_API
BrevetCaOutcome *brevet_ca_backend_find_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error);

/**
 * brevet_ca_backend_revoke_async:
 * @backend_reference: (nullable): the CA's own name for the certificate
 *
 * Revokes a certificate. One that is revoked already is a success.
 */
BREVET_API
void brevet_ca_backend_revoke_async (BrevetCaBackend *self, BrevetCertificate *certificate, const char *backend_reference,
                                     BrevetRevocationReason reason, GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer user_data);

/**
 * brevet_ca_backend_revoke_finish:
 *
 * Returns: %FALSE with %BREVET_CA_ERROR, or %G_IO_ERROR_CANCELLED
 */
BREVET_API
gboolean brevet_ca_backend_revoke_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error);

/**
 * brevet_ca_backend_get_trust_async:
 *
 * Asks for the certificates that devices and hubs must trust: all roots, and the issuers that are in use. Asked with each issuance.
 */
BREVET_API
void brevet_ca_backend_get_trust_async (BrevetCaBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                        gpointer user_data);

/**
 * brevet_ca_backend_get_trust_finish:
 *
 * Returns: (transfer full) (nullable): what is to be trusted; %NULL with %BREVET_CA_ERROR, or %G_IO_ERROR_CANCELLED
 */
BREVET_API
BrevetTrustBundle *brevet_ca_backend_get_trust_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error);

/**
 * brevet_ca_backend_get_crl_async:
 * @revocations: (element-type BrevetRevocation): everything that is revoked as far as the caller knows, of other CAs too; not
 *   changed until the answer
 *
 * Asks for the CA's current revocation list. A CA that keeps no record of what it has issued makes the list of those @revocations
 * that are its own; any other has a list, and passes them over.
 */
BREVET_API
void brevet_ca_backend_get_crl_async (BrevetCaBackend *self, GPtrArray *revocations, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_ca_backend_get_crl_finish:
 *
 * Returns: (transfer full) (nullable): the current CRL as DER
 */
BREVET_API
GBytes *brevet_ca_backend_get_crl_finish (BrevetCaBackend *self, GAsyncResult *result, GError **error);

G_END_DECLS
