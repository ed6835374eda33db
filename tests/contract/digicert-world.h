/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ca-suite.h"

#include <json-glib/json-glib.h>

/* A DigiCert that digicert_mock.py plays, and backends that ask it. */

#define DIGICERT_PROFILE     "36f011b7-5fa1-4c6d-83f3-ee59c4d54bb0"
#define DIGICERT_IOT_PROFILE "IOT_502ac648-c826-4e71-991e-5629a23850c1"
#define DIGICERT_API_KEY     "01d2c6a7e5b84f3c9a0b1c2d3e_4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c"

typedef struct
{
  char             *directory;
  GSubprocess      *process;
  GDataInputStream *from;
  GOutputStream    *to;
  guint             port;
} DigicertWorld;

DigicertWorld *digicert_world_new  (void);

/* Also checks that nothing was asked that DigiCert does not document. */
void           digicert_world_free (DigicertWorld *self);

/* Settings for @profile, and what an instance of the plugin says to them. */
BrevetSettings  *digicert_world_settings (DigicertWorld *self, const char *profile);
BrevetCaBackend *digicert_create         (BrevetSettings *settings, GError **error);
BrevetCaBackend *digicert_world_backend  (DigicertWorld *self, const char *key, const char *value);

/* Tells the mock something: an order as JSON. Returns: (transfer full): what it answers */
JsonObject *digicert_world_order (DigicertWorld *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The next @operation goes as @scenario says. */
void digicert_world_plan (DigicertWorld *self, const char *operation, const char *scenario);

/* The operations that were asked since the last time, in their order: "issue search". */
char *digicert_world_calls (DigicertWorld *self);

/* Verbs as one call each. */
BrevetCaOutcome *digicert_poll   (BrevetCaBackend *backend, const char *ticket, BrevetCaRequest *request, GError **error);
BrevetCaOutcome *digicert_find   (BrevetCaBackend *backend, BrevetCaRequest *request, GError **error);
gboolean         digicert_revoke (BrevetCaBackend *backend, BrevetCaOutcome *outcome, BrevetRevocationReason reason,
                                  GError **error);
