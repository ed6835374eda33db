/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

/* What every CA backend must do, whoever signs behind it. */

typedef struct
{
  const char *plugin;                          /* name in the test paths */
  gpointer (*set_up) (void);                   /* makes a CA for one test */
  BrevetCaBackend *(*create) (gpointer world); /* an instance that is configured for that CA, a new one on each call */
  void (*tear_down) (gpointer world);          /* no instance is used any more */
} CaSuite;

void ca_suite_add (const CaSuite *suite);

/* Requests and verbs as one call each, for tests to read well. The verbs run the caller's thread-default context. */
BrevetCaRequest   *ca_request (const char *registration_id, guint8 number);
BrevetCaOutcome   *ca_issue (BrevetCaBackend *backend, BrevetCaRequest *request, GCancellable *cancellable, GError **error);
BrevetCaOutcome   *ca_assert_issue (BrevetCaBackend *backend, BrevetCaRequest *request);
BrevetTrustBundle *ca_get_trust (BrevetCaBackend *backend);
BrevetCaHealth    *ca_check (BrevetCaBackend *backend);
