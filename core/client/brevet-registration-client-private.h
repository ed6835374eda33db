/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-registration-answer.h"
#include "brevet-registration-client.h"

G_BEGIN_DECLS

/* What the files of the client share: brevet-registration-client.c (the object), brevet-registration-run.c (the conversation). */
struct _BrevetRegistrationClient
{
  GObject parent_instance;

  BrevetTransport *transport;
  BrevetProver    *prover;
  char            *id_scope;
  char            *registration_id;
  const char      *api_version;

  gboolean                  patient;
  int                       stage;    /* -1 before the first one */
  BrevetRegistrationFailure failure;  /* of the last registration */
};

/* Tells of a stage, if it is another one. */
void brevet_registration_client_set_stage (BrevetRegistrationClient *self, BrevetRegistrationStage stage);

/* Keeps what the service said in @answer; nothing if that is %NULL or no error. */
void brevet_registration_client_set_failure (BrevetRegistrationClient *self, const BrevetRegistrationAnswer *answer);

/*
 * brevet_registration_client_describe_delay:
 * @seconds: how long there was time
 * @last: (nullable): what went wrong last
 *
 * Returns: (transfer full): %BREVET_ERROR_UNREACHABLE for a registration whose time is over
 */
GError *brevet_registration_client_describe_delay (BrevetRegistrationClient *self, guint seconds, const GError *last);

/*
 * brevet_registration_run:
 * @task: of the client; takes its data, and is answered when the registration ends
 *
 * Begins the conversation with the service; see brevet_registration_client_register_async().
 */
void brevet_registration_run (GTask *task, GBytes *csr, JsonNode *payload, guint timeout);

G_END_DECLS
