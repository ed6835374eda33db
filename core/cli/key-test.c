/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-test.h"

#include "brevet-chain.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-token.h"
#include "output.h"

#include <string.h>

/* Where the problem is, and what a script hears of it. */
static const struct
{
  const char *cause;
  int         exit_code;
} causes[] = {
  { "signature", BREVET_EXIT_FAILED },
  { "mechanism", BREVET_EXIT_FAILED },
  { "pin", BREVET_EXIT_REFUSED },
  { "password", BREVET_EXIT_REFUSED },
};

static int
choose_exit_code (BrevetKeyTest *self)
{
  if (self->cause == NULL)
    return BREVET_EXIT_OK;
  for (gsize i = 0; i < G_N_ELEMENTS (causes); i++)
    if (g_str_equal (causes[i].cause, self->cause))
      return causes[i].exit_code;
  return g_error_matches (self->error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE) ? BREVET_EXIT_UNREACHABLE
                                                                               : BREVET_EXIT_NOT_CONFIGURED;
}

/* The first problem is the one that counts. Returns: FALSE */
gboolean
brevet_key_test_fail (BrevetKeyTest *self, const char *cause, GError *error)
{
  if (self->cause != NULL)
    {
      g_error_free (error);
      return FALSE;
    }
  self->cause = cause;
  self->error = error;
  return FALSE;
}

static gboolean
compare_certificate (BrevetKeyTest *self, BrevetKey *key)
{
  GError *error = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  BrevetCertificate *leaf;

  if (self->certificate == NULL)
    return TRUE;
  chain = brevet_chain_load (self->certificate, &error);
  if (chain == NULL)
    return brevet_key_test_fail (self, "certificate", error);
  leaf = brevet_chain_get_leaf (chain);
  if (g_str_equal (brevet_certificate_get_spki_sha256 (leaf), brevet_key_get_spki_sha256 (key)))
    {
      json_object_set_string_member (self->facts, "matchingCertificate", self->certificate);
      return TRUE;
    }
  return brevet_key_test_fail (self, "certificate",
                               g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                                            "The key does not belong to the certificate of “%s” in %s",
                                            brevet_certificate_get_subject (leaf), self->certificate));
}

static JsonObject *
ensure_key_facts (BrevetKeyTest *self)
{
  if (!json_object_has_member (self->facts, "key"))
    json_object_set_object_member (self->facts, "key", json_object_new ());
  return json_object_get_object_member (self->facts, "key");
}

/* What is the same for a key in a file and in a token. */
gboolean
brevet_key_test_check (BrevetKeyTest *self, BrevetKey *key)
{
  JsonObject *facts = ensure_key_facts (self);
  g_autofree char *kind = brevet_key_describe (key);
  GError *error = NULL;
  gint64 begin;

  json_object_set_string_member (facts, "type", kind);
  json_object_set_string_member (facts, "spkiSha256", brevet_key_get_spki_sha256 (key));
  begin = g_get_monotonic_time ();
  if (!brevet_key_check (key, &error))
    return brevet_key_test_fail (self, "signature", error);
  json_object_set_double_member (self->facts, "signatureMilliseconds", (double) (g_get_monotonic_time () - begin) / 1000);
  return compare_certificate (self, key);
}

int
brevet_key_test_run (BrevetKeyTest *self)
{
  g_autofree char *shown = g_strndup (self->location, strcspn (self->location, "?"));
  gboolean in_token = brevet_token_is_uri (self->location);

  brevet_token_allow_last_try ();
  self->facts = json_object_new ();
  json_object_set_string_member (self->facts, in_token ? "uri" : "file", in_token ? shown : self->location);
  if (in_token)
    brevet_key_test_token (self);
  else
    brevet_key_test_file (self);

  if (self->cause == NULL)
    json_object_set_null_member (self->facts, "problem");
  else
    {
      JsonObject *problem = json_object_new ();

      json_object_set_string_member (problem, "cause", self->cause);
      json_object_set_string_member (problem, "text", self->error->message);
      json_object_set_object_member (self->facts, "problem", problem);
    }
  return choose_exit_code (self);
}

void
brevet_key_test_clear (BrevetKeyTest *self)
{
  g_clear_pointer (&self->pin, brevet_secret_unref);
  g_clear_pointer (&self->facts, json_object_unref);
  g_clear_error (&self->error);
}
