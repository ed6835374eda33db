/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "commands.h"

#include "brevet-command.h"
#include "brevet-config.h"
#include "brevet-error.h"
#include "brevet-prover.h"
#include "brevet-registry.h"
#include "output.h"
#include "tpm-view.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>

/* As the protocol calls it; which plugin that is, the registry knows. */
#define MECHANISM "tpm"
#define KIND "attestation"

#define DEFAULT_CONFIGURATION BREVET_SYSCONF_DIR "/brevet/agent.conf"

/* What stands behind the options in the help. */
static const char description_text[] =
  N_("Prints what an operator must know to enroll this device: endorsement key and storage root key as a service wants them,\n"
     "their SHA-256, and the registration id that devices with a TPM have by default. NAME is that of a group\n"
     "[attestation NAME] of the agent's configuration. Without a configuration, /dev/tpmrm0 is asked. Nothing in the TPM is\n"
     "changed, unless --create is given.\n\n"
     "Exit codes: 0 done, 1 failed, 2 wrong command line, 4 the TPM is gone or busy, 5 there is no TPM, or it is not set up.");

typedef struct {
  char *config;
  char *tcti;
  gboolean create;
  gboolean json;
  const char *name;
} Options;

static void
options_clear (Options *self)
{
  g_free (self->config);
  g_free (self->tcti);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* The groups whose attestation is that of @module. */
static GPtrArray *
list_groups (BrevetConfig *config, const char *module)
{
  g_autoptr(GPtrArray) all = brevet_config_list_groups (config, KIND);
  GPtrArray *groups = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < all->len; i++)
    {
      BrevetSettings *settings = g_ptr_array_index (all, i);
      g_autofree char *wanted = g_strconcat (KIND "-", brevet_settings_get_string (settings, "type", ""), NULL);

      if (g_str_equal (wanted, module))
        g_ptr_array_add (groups, g_object_ref (settings));
    }
  return groups;
}

static BrevetSettings *
choose_group (const Options *options, BrevetConfig *config, GPtrArray *groups, GError **error)
{
  for (guint i = 0; options->name != NULL && i < groups->len; i++)
    if (g_strcmp0 (brevet_settings_get_name (g_ptr_array_index (groups, i)), options->name) == 0)
      return g_ptr_array_index (groups, i);
  if (options->name == NULL && groups->len == 1)
    return g_ptr_array_index (groups, 0);
  if (options->name != NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("%s has no group [attestation %s] with type=tpm"),
                 brevet_config_get_path (config), options->name);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 groups->len == 0 ? _("%s has no group [attestation NAME] with type=tpm; add one, or give --tcti")
                                  : _("%s has several groups [attestation NAME] with type=tpm; say which one is meant"),
                 brevet_config_get_path (config));
  return NULL;
}

/* What nobody has configured is the TPM that the kernel knows. */
static BrevetPlugin *
make_from_option (const Options *options, BrevetRegistry *registry, const char *module, GError **error)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new (KIND, MECHANISM, NULL);

  if (options->tcti != NULL)
    brevet_settings_set (settings, "tcti", options->tcti, "--tcti");
  return brevet_registry_create (registry, BREVET_TYPE_PROVER, module, MECHANISM, settings, error);
}

static BrevetPlugin *
make_from_file (const Options *options, BrevetRegistry *registry, const char *module, GError **error)
{
  const char *path = options->config != NULL ? options->config : DEFAULT_CONFIGURATION;
  g_autoptr(BrevetConfig) config = brevet_config_load (path, error);
  g_autoptr(GPtrArray) groups = NULL;
  BrevetSettings *group;

  if (config == NULL)
    return NULL;
  groups = list_groups (config, module);
  if (groups->len == 0 && options->config == NULL && options->name == NULL)
    return make_from_option (options, registry, module, error);
  group = choose_group (options, config, groups, error);
  return group != NULL ? brevet_registry_create_from_group (registry, BREVET_TYPE_PROVER, KIND, group, error) : NULL;
}

static BrevetProver *
make_prover (const Options *options, BrevetRegistry *registry, GError **error)
{
  const char *module = brevet_registry_find_module (registry, KIND, MECHANISM);

  if (module == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("No plugin for %s is installed in %s"), MECHANISM,
                   brevet_registry_get_search_path (registry));
      return NULL;
    }
  if (options->tcti != NULL ||
      (options->config == NULL && options->name == NULL && !g_file_test (DEFAULT_CONFIGURATION, G_FILE_TEST_EXISTS)))
    return (BrevetProver *) make_from_option (options, registry, module, error);
  return (BrevetProver *) make_from_file (options, registry, module, error);
}

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static void
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

/* What a first registration begins with makes the keys that it needs. It is not sent to anybody. */
static gboolean
create_keys (BrevetProver *prover, GError **error)
{
  g_autoptr(BrevetEvidence) evidence = NULL;
  g_autoptr(GAsyncResult) result = NULL;

  brevet_prover_prove_async (prover, "", "", NULL, NULL, store_result, &result);
  wait_for (&result);
  evidence = brevet_prover_prove_finish (prover, result, error);
  return evidence != NULL;
}

static JsonObject *
describe (BrevetProver *prover, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_prover_describe_async (prover, NULL, store_result, &result);
  wait_for (&result);
  return brevet_prover_describe_finish (prover, result, error);
}

static int
report_missing (JsonObject *description)
{
  gboolean has_endorsement = json_object_has_member (description, "endorsementKey");
  gboolean has_storage = json_object_has_member (description, "storageRootKey");
  g_autoptr(GError) error = NULL;

  if (has_endorsement && has_storage)
    return BREVET_EXIT_OK;
  g_set_error_literal (&error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                       has_endorsement ? _("The TPM holds no storage root key yet; --create makes it")
                       : has_storage   ? _("The TPM holds no endorsement key yet; --create makes it")
                                       : _("The TPM holds neither endorsement key nor storage root key yet; --create makes them"));
  return brevet_command_fail (error);
}

static int
show (const Options *options)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetProver) prover = make_prover (options, registry, &error);
  g_autoptr(JsonObject) description = NULL;

  if (prover == NULL || (options->create && !create_keys (prover, &error)))
    return brevet_command_fail (error);
  description = describe (prover, &error);
  if (description == NULL)
    return brevet_command_fail (error);
  brevet_tpm_view_complete (description);
  if (options->json)
    brevet_output_print_json (description);
  else
    brevet_tpm_view_print (description);
  return brevet_output_finish (report_missing (description));
}

static int
run_show (int argc, char **argv)
{
  g_auto(Options) options = { NULL };
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config, N_("Read the agent's configuration from FILE"), N_("FILE") },
    { "tcti", 0, 0, G_OPTION_ARG_STRING, &options.tcti, N_("Ask this TPM, whatever is configured: device:/dev/tpmrm0"),
      N_("TCTI") },
    { "create", 0, 0, G_OPTION_ARG_NONE, &options.create, N_("Make the keys that a registration needs, if they are not there"),
      NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, N_("Print one JSON object"), NULL },
    { NULL },
  };
  int exit_code;

  if (!brevet_command_parse ("tpm show", N_("[NAME]"), entries, _(description_text), 0, 1, &argc, &argv, &exit_code))
    return exit_code;
  options.name = argc > 1 ? argv[1] : NULL;
  if (options.tcti != NULL && (options.config != NULL || options.name != NULL))
    return brevet_command_usage_error (_("--tcti names a TPM by itself; leave --config and NAME out"));
  return show (&options);
}

int
brevet_command_tpm (int argc, char **argv)
{
  static const BrevetCommand commands[] = {
    { "show", N_("[NAME]"), N_("Show what an operator must know of this device's TPM to enroll it"), run_show },
    { NULL },
  };

  return brevet_command_dispatch ("tpm", N_("Commands for the TPM of this device."), commands, argc, argv);
}
