/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "commands.h"

#include "agent-client.h"
#include "agent-options.h"
#include "brevet-chain.h"
#include "brevet-clock.h"
#include "brevet-command.h"
#include "brevet-trust-bundle.h"
#include "identity-json.h"
#include "identity-view.h"
#include "output-text.h"
#include "output.h"

#include <glib/gi18n-lib.h>

/* What stands behind the options in the help. */
static const char description[] =
  N_("WHAT is certificate (with its intermediates), trust-bundle, or identity (all facts, and where its files are).\n"
     "Without NAME, the only identity is meant, or else the one called main.\n\n"
     "Exit codes: 0 done, 1 there is no such thing yet, or it failed, 2 wrong command line, 3 not allowed,\n"
     "4 agent not reached, 5 no identity is configured.");

typedef struct {
  const BrevetAgentOptions *options;
  gboolean text;
  BrevetBusAgent1Identity *identity;
} Request;

typedef struct {
  const char *what;
  gboolean (*show) (Request *request, GError **error);
} Subject;

/* Certificates are read and written anew, so that what reaches a terminal or file is PEM and nothing else. */
static void
print_pem (GPtrArray *certificates)
{
  for (guint i = 0; i < certificates->len; i++)
    {
      g_autofree char *pem = brevet_certificate_to_pem (certificates->pdata[i]);

      g_print ("%s", pem);
    }
}

static void
print_text (GPtrArray *certificates)
{
  gint64 now = brevet_clock_now_seconds ();

  for (guint i = 0; i < certificates->len; i++)
    {
      BrevetCertificate *certificate = certificates->pdata[i];
      g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();
      g_autofree char *begin = brevet_output_describe_time (brevet_certificate_get_not_before (certificate), now);
      g_autofree char *end = brevet_output_describe_time (brevet_certificate_get_not_after (certificate), now);

      brevet_output_table_add (table, _("Subject"), brevet_certificate_get_subject (certificate));
      brevet_output_table_add (table, _("Issuer"), brevet_certificate_get_issuer (certificate));
      brevet_output_table_add (table, _("Serial number"), brevet_certificate_get_serial (certificate));
      brevet_output_table_add (table, _("Valid from"), begin);
      brevet_output_table_add (table, _("Expires"), end);
      brevet_output_table_add (table, _("SHA-256"), brevet_certificate_get_sha256 (certificate));
      brevet_output_table_add (table, _("CA"), brevet_certificate_is_ca (certificate) ? _("yes") : _("no"));
      if (i > 0)
        g_print ("\n");
      g_print (_("Certificate %u of %u\n"), i + 1, certificates->len);
      brevet_output_table_print (table);
    }
}

static JsonObject *
describe (Request *self, GPtrArray *certificates)
{
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < certificates->len; i++)
    {
      BrevetCertificate *certificate = certificates->pdata[i];
      JsonObject *entry = json_object_new ();
      g_autofree char *pem = brevet_certificate_to_pem (certificate);

      brevet_output_set_certificate (entry, certificate);
      json_object_set_boolean_member (entry, "ca", brevet_certificate_is_ca (certificate));
      json_object_set_string_member (entry, "pem", pem);
      json_array_add_object_element (array, entry);
    }
  brevet_output_set_text (object, "name", brevet_bus_agent1_identity_get_name (self->identity));
  json_object_set_array_member (object, "certificates", array);
  return object;
}

static GPtrArray *
get_chain (BrevetBusAgent1Identity *identity, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autofree char *pem = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  GPtrArray *certificates = NULL;

  if (!brevet_bus_agent1_identity_call_get_certificate_sync (identity, &pem, NULL, &local_error))
    {
      g_propagate_error (error, brevet_agent_client_explain (g_steal_pointer (&local_error)));
      return NULL;
    }
  chain = brevet_chain_new_from_pem (pem, error);
  if (chain == NULL)
    return NULL;
  certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  for (guint i = 0; i < brevet_chain_get_length (chain); i++)
    g_ptr_array_add (certificates, brevet_certificate_ref (brevet_chain_get (chain, i)));
  return certificates;
}

static GPtrArray *
get_bundle (BrevetBusAgent1Identity *identity, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autofree char *pem = NULL;
  g_autoptr(BrevetTrustBundle) bundle = NULL;
  GPtrArray *certificates = NULL;

  if (!brevet_bus_agent1_identity_call_get_trust_bundle_sync (identity, &pem, NULL, &local_error))
    {
      g_propagate_error (error, brevet_agent_client_explain (g_steal_pointer (&local_error)));
      return NULL;
    }
  bundle = brevet_trust_bundle_new_from_pem (pem, error);
  if (bundle == NULL)
    return NULL;
  certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  for (guint i = 0; i < brevet_trust_bundle_get_length (bundle); i++)
    g_ptr_array_add (certificates, brevet_certificate_ref (brevet_trust_bundle_get (bundle, i)));
  return certificates;
}

static gboolean
show_certificate (Request *self, GError **error)
{
  g_autoptr(GPtrArray) certificates = get_chain (self->identity, error);

  if (certificates == NULL)
    return FALSE;
  if (self->options->json)
    {
      g_autoptr(JsonObject) object = describe (self, certificates);

      brevet_output_set_text (object, "file", brevet_bus_agent1_identity_get_certificate_location (self->identity));
      brevet_output_print_json (object);
    }
  else if (self->text)
    print_text (certificates);
  else
    print_pem (certificates);
  return TRUE;
}

static gboolean
show_trust_bundle (Request *self, GError **error)
{
  g_autoptr(GPtrArray) certificates = get_bundle (self->identity, error);
  const char *const *problems = brevet_bus_agent1_identity_get_trust_bundle_problems (self->identity);

  if (certificates == NULL)
    return FALSE;
  if (self->options->json)
    {
      g_autoptr(JsonObject) object = describe (self, certificates);

      brevet_output_set_text (object, "file", brevet_bus_agent1_identity_get_trust_bundle_location (self->identity));
      brevet_output_set_text (object, "etag", brevet_bus_agent1_identity_get_trust_bundle_etag (self->identity));
      json_object_set_array_member (object, "problems", brevet_identity_json_new_list (problems));
      brevet_output_print_json (object);
    }
  else if (self->text)
    {
      g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();

      print_text (certificates);
      brevet_output_table_add_list (table, _("Problems"), problems);
      brevet_output_table_print (table);
    }
  else
    print_pem (certificates);
  return TRUE;
}

static gboolean
show_identity (Request *self, GError **error)
{
  gint64 now = brevet_clock_now_seconds ();

  if (self->options->json)
    {
      g_autoptr(JsonObject) object = brevet_identity_json_new (self->identity, now);

      brevet_output_print_json (object);
    }
  else
    brevet_identity_view_print (self->identity, BREVET_IDENTITY_VIEW_ALL, now);
  return TRUE;
}

static const Subject subjects[] = {
  { "certificate", show_certificate },
  { "trust-bundle", show_trust_bundle },
  { "identity", show_identity },
};

static const Subject *
find_subject (const char *what)
{
  if (what == NULL)
    brevet_command_usage_error (_("What is to be shown is missing: certificate, trust-bundle or identity"));
  for (gsize i = 0; what != NULL && i < G_N_ELEMENTS (subjects); i++)
    if (g_str_equal (subjects[i].what, what))
      return &subjects[i];
  if (what != NULL)
    brevet_command_usage_error (_("“%s” cannot be shown; write certificate, trust-bundle or identity"), what);
  return NULL;
}

static int
run (const Subject *subject, const BrevetAgentOptions *options, gboolean text, const char *name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAgentClient) client = brevet_agent_client_new (options->bus, &error);
  g_autoptr(BrevetBusAgent1Identity) identity = client != NULL ? brevet_agent_client_find (client, name, &error) : NULL;
  Request request = { options, text, identity };

  if (identity == NULL || !subject->show (&request, &error))
    return brevet_command_fail (error);
  return brevet_output_finish (BREVET_EXIT_OK);
}

int
brevet_command_show (int argc, char **argv)
{
  g_auto(BrevetAgentOptions) options = { NULL };
  gboolean text = FALSE;
  const GOptionEntry entries[] = {
    { "text", 0, 0, G_OPTION_ARG_NONE, &text, N_("Describe the certificates instead of printing PEM"), NULL },
    { NULL },
  };
  const Subject *subject = NULL;
  int exit_code;

  if (!brevet_agent_options_parse (&options, "show", N_("WHAT [NAME]"), entries, description, 2, &argc, &argv, &exit_code))
    return exit_code;
  if (text && options.json)
    return brevet_command_usage_error (_("--text and --json exclude each other"));
  subject = find_subject (argv[1]);
  return subject != NULL ? run (subject, &options, text, argv[2]) : BREVET_EXIT_USAGE;
}
