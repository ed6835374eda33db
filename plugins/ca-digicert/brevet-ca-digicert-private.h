/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-digicert.h"

#include "digicert-answer.h"
#include "digicert-configuration.h"
#include "digicert-session.h"
#include "digicert-trust.h"

G_BEGIN_DECLS

/* What the verbs share; each has a file of its own. */
struct _BrevetCaDigicert
{
  BrevetPlugin parent_instance;

  DigicertConfiguration *configuration;
  DigicertSession       *session;
  DigicertTrust         *trust;
};

void             digicert_issue_async      (BrevetCaBackend *backend, BrevetCaRequest *request, GCancellable *cancellable,
                                            GAsyncReadyCallback callback, gpointer user_data);
BrevetCaOutcome *digicert_issue_finish     (BrevetCaBackend *backend, GAsyncResult *result, GError **error);

void             digicert_poll_async       (BrevetCaBackend *backend, const char *ticket, BrevetCaRequest *request,
                                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
BrevetCaOutcome *digicert_poll_finish      (BrevetCaBackend *backend, GAsyncResult *result, GError **error);

void             digicert_find_async       (BrevetCaBackend *backend, BrevetCaRequest *request, GCancellable *cancellable,
                                            GAsyncReadyCallback callback, gpointer user_data);
BrevetCaOutcome *digicert_find_finish      (BrevetCaBackend *backend, GAsyncResult *result, GError **error);

void             digicert_revoke_async     (BrevetCaBackend *backend, BrevetCertificate *certificate, const char *backend_reference,
                                            BrevetRevocationReason reason, GCancellable *cancellable, GAsyncReadyCallback callback,
                                            gpointer user_data);
gboolean         digicert_revoke_finish    (BrevetCaBackend *backend, GAsyncResult *result, GError **error);

void             digicert_check_async      (BrevetCaBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback,
                                            gpointer user_data);
BrevetCaHealth  *digicert_check_finish     (BrevetCaBackend *backend, GAsyncResult *result, GError **error);

void               digicert_get_trust_async  (BrevetCaBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback,
                                              gpointer user_data);
BrevetTrustBundle *digicert_get_trust_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error);

/* Ends @task with @outcome (transfer full). DigiCert may leave the issuers out, so they are added to a leaf that came alone. */
void digicert_complete (GTask *task, BrevetCaOutcome *outcome);

G_END_DECLS
