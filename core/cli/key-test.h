/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-key.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* A key, looked at from all sides; everything that is found out is in @facts, which never holds a secret. */
typedef struct
{
  const char   *location; /* PKCS#11 URI, or path */
  const char   *certificate; /* path; NULL: there is none to compare */
  BrevetSecret *pin;
  gboolean      generate;

  JsonObject *facts;
  const char *cause; /* NULL: nothing is wrong */
  GError     *error;
} BrevetKeyTest;

/**
 * brevet_key_test_run:
 *
 * Goes on as far as it can: what comes before the problem is in the facts.
 *
 * Returns: an exit code that tells where the problem is
 */
int brevet_key_test_run (BrevetKeyTest *self);

void brevet_key_test_clear (BrevetKeyTest *self);

/* For the parts of a test. */
gboolean brevet_key_test_fail  (BrevetKeyTest *self, const char *cause, GError *error);
gboolean brevet_key_test_check (BrevetKeyTest *self, BrevetKey *key);

/* key-test-token.c, key-test-file.c */
gboolean brevet_key_test_token (BrevetKeyTest *self);
gboolean brevet_key_test_file  (BrevetKeyTest *self);

G_END_DECLS
