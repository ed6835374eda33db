/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

#include <string.h>

G_BEGIN_DECLS

typedef struct
{
  const char       *settings;
  BrevetRegistry   *registry;
  BrevetCaBackend  *backend;
  GDataInputStream *input;
  GHashTable       *keys;        /* name → BrevetKey */
  GHashTable       *issued;      /* id of the call → BrevetCaOutcome */
  GHashTable       *serials;     /* issuer and serial number → SHA-256 of the certificate */
  guint             n_calls;     /* under way */
  gint64            last_beat;
  gint64            longest_gap; /* microseconds */
  gboolean          ended;
  gboolean          failed;
} CaCall;

/* Makes an instance of the plugin from the settings as they are now. */
void ca_call_open (CaCall *self, JsonObject *answer);

/* Begins what @order (transfer full) asks for; it is answered with a line, now or later. */
void ca_call_begin (CaCall *self, JsonObject *order);

void ca_call_say (JsonObject *answer);

/* All that an error tells. */
void ca_call_add_error (JsonObject *answer, const GError *error);

/* What an outcome tells. */
void ca_call_add_outcome (JsonObject *answer, BrevetCaOutcome *outcome);

/* What the core does with a certificate that was issued: the check of brevet-issuance-check.h, and the look whether its serial
 * number is new, which is the inventory's. */
void ca_call_add_judgement (CaCall *self, JsonObject *answer, BrevetCaRequest *request, BrevetCaOutcome *outcome,
                            BrevetTrustBundle *trust);

G_END_DECLS
