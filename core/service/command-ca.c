/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command-ca.h"

#include "commands.h"

#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-key-policy.h"
#include "brevet-token.h"

#include <glib/gi18n-lib.h>

/* RFC 5280, appendix A.1: ub-common-name and ub-organization-name. */
#define LONGEST_SUBJECT 64

void
brevet_ca_key_options_clear (BrevetCaKeyOptions *self)
{
  g_free (self->key_type);
  g_free (self->token);
  g_free (self->password_file);
  g_free (self->subject);
}

gboolean
brevet_ca_check_subject (const char *option, const char *value, GError **error)
{
  if (value == NULL || (g_utf8_validate (value, -1, NULL) && *value != '\0' && g_utf8_strlen (value, -1) <= LONGEST_SUBJECT))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "%s: a name in the subject has 1 to %d characters", option,
               LONGEST_SUBJECT);
  return FALSE;
}

gboolean
brevet_ca_check_name (const char *name, int *exit_code)
{
  g_autoptr(GError) error = NULL;

  if (brevet_identifier_check (BREVET_IDENTIFIER_NAME, name, &error))
    return TRUE;
  *exit_code = brevet_command_usage_error ("%s", error->message);
  return FALSE;
}

gboolean
brevet_ca_key_options_resolve (const BrevetCaKeyOptions *self, BrevetKeyKind fallback, BrevetKeyKind *kind, GError **error)
{
  *kind = fallback;
  if (!brevet_ca_check_subject ("--subject", self->subject, error))
    return FALSE;
  if (self->key_type != NULL && !brevet_key_kind_from_name (self->key_type, kind, error))
    {
      g_prefix_error (error, "--key-type: ");
      return FALSE;
    }
  if (self->token != NULL && !brevet_token_check_uri (self->token, error))
    {
      g_prefix_error (error, "--token: ");
      return FALSE;
    }
  return TRUE;
}

/* A key for which no token is named follows its predecessor into the same token. */
static char *
choose_token (BrevetCeremony *ceremony, const BrevetCaKeyOptions *options)
{
  BrevetSettings *group = brevet_ceremony_get_group (ceremony);
  const char *key = group != NULL ? brevet_settings_get_string (group, "key", NULL) : NULL;

  if (options->token != NULL)
    return g_strdup (options->token);
  return key != NULL && brevet_token_is_uri (key) ? brevet_token_strip_key (key) : NULL;
}

int
brevet_ca_prepare (BrevetCeremony *ceremony, const BrevetCaKeyOptions *options, gboolean is_signed_here)
{
  g_autoptr(GError) error = NULL;
  const char *name = brevet_ceremony_get_name (ceremony);
  g_autofree char *token = choose_token (ceremony, options);
  g_autofree char *config = brevet_ceremony_dup_config_option (ceremony);
  BrevetCeremonyRequest request = {
    .token = token, .password_file = options->password_file, .subject = options->subject, .anew = options->anew
  };
  g_autofree char *path = NULL;
  gboolean resumed = FALSE;

  if (!brevet_ca_key_options_resolve (options, BREVET_KEY_KIND_EC_P256, &request.kind, &error))
    return brevet_command_usage_error ("%s", error->message);
  path = brevet_ceremony_prepare (ceremony, &request, &resumed, &error);
  if (path == NULL)
    return brevet_command_fail (error);
  if (resumed)
    g_print (_("A key waits already for its certificate; this is its request (--anew makes another one).\n"));
  g_print (_("Request: %s\n"), path);
  if (!is_signed_here)
    g_print (_("Next: carry it to the root's host, sign it there with “brevet-dps ca sign”, carry the result back and run\n"
               "  brevet-dps ca import %s FILE%s\n"),
             name, config);
  return BREVET_EXIT_OK;
}

void
brevet_ca_tell_switched (BrevetCeremony *ceremony, const char *drop_in)
{
  g_autofree char *replaced = brevet_ceremony_dup_note (ceremony, "replaced", "certificate");

  g_print (_("Written: %s\n"), drop_in);
  g_print (_("Next: systemctl reload brevet-dps (or SIGHUP)\n"));
  if (replaced != NULL)
    g_print (_("What was before stays where it is; keep it: the service still signs revocation lists with it.\n"));
}

int
brevet_dps_command_ca (int argc, char **argv)
{
  static const BrevetCommand commands[] = {
    { "init", NULL, N_("Make an offline root"), brevet_dps_command_ca_init },
    { "csr", N_("NAME"), N_("Make the key of an issuing CA on the server, and its request"), brevet_dps_command_ca_csr },
    { "sign", N_("CSR"), N_("Sign the request of an issuing CA on the root's host"), brevet_dps_command_ca_sign },
    { "import", N_("NAME FILE"), N_("Check what came back from the root's host, and put it to use"), brevet_dps_command_ca_import },
    { "rotate", N_("NAME"), N_("Roll over to a new issuing key, or to a new root"), brevet_dps_command_ca_rotate },
    { "status", N_("NAME"), N_("Show the hierarchy of a CA, and what to do next"), brevet_dps_command_ca_status },
    { NULL },
  };

  return brevet_command_dispatch ("ca", N_("The keys and certificates of a CA of this machine"), commands, argc, argv);
}
