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
  GHashTable       *attempts;    /* name of the key → BrevetCaRequest: the last one to issue */
  GHashTable       *issued;      /* id of the call → BrevetCaOutcome */
  GHashTable       *serials;     /* issuer and serial number → SHA-256 of the certificate */
  guint             n_calls;     /* under way */
  gint64            last_beat;
  gint64            longest_gap; /* microseconds */
  gboolean          ended;
  gboolean          failed;
} CaCall;

/* Makes an instance of the plugin from the settings as they are now, in place of the one that there is. */
void ca_call_open (CaCall *self, JsonObject *answer);

/* Forgets all devices: their keys, and what was issued for them. */
void ca_call_forget (CaCall *self);

/* Microseconds that the process had, whenever it wanted them. */
gint64 ca_call_get_time (void);

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
