/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ca-suite.h"
#include "x509-world.h"

/* A PKI on disk: root.pem, issuing.pem (with the root below it) and issuing.key; and backends of ca-local that sign with it. */
typedef struct
{
  X509World x509;
} CaLocalWorld;

/* What time it is for the tests: X509_WORLD_NOW when a world is set up. */
extern gint64 ca_local_seconds;

void ca_local_set_up    (CaLocalWorld *world, gconstpointer data);
void ca_local_tear_down (CaLocalWorld *world, gconstpointer data);

/* Settings for that PKI, and what the plugin makes of settings. */
BrevetSettings  *ca_local_settings      (CaLocalWorld *world);
BrevetCaBackend *ca_local_create        (BrevetSettings *settings, GError **error);
BrevetCaBackend *ca_local_assert_create (BrevetSettings *settings);

/* @key: (nullable): one setting more */
BrevetCaBackend *ca_local_create_with (CaLocalWorld *world, const char *key, const char *value);

/* Owned by @outcome. */
BrevetCertificate *ca_local_leaf_of (BrevetCaOutcome *outcome);

/* The certificate alone, in leaf.pem. */
void ca_local_issue_to_file (CaLocalWorld *world, BrevetCaBackend *backend, BrevetCaRequest *request);

#define CA_LOCAL_ADD(path, data, func) g_test_add (path, CaLocalWorld, data, ca_local_set_up, func, ca_local_tear_down)
