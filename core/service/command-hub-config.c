/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"
#include "hub-config-output.h"

#include "brevet-chain.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-pkcs11.h"
#include "hubs.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#define DEFAULT_DIRECTORY "/etc/mosquitto/brevet"
#define DEFAULT_PORT 8883

typedef struct {
  char *config_path;
  char *directory;
  int port;
  char *certificate;
  char *key;
  char *hub;
  gboolean json;
  gboolean require_lists;
} Options;

static void
options_clear (Options *self)
{
  g_free (self->config_path);
  g_free (self->directory);
  g_free (self->certificate);
  g_free (self->key);
  g_free (self->hub);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* In a configuration of mosquitto a value is the rest of its line without blanks at its ends; there is no quoting. */
static gboolean
check_path (const char *option, const char *path, GError **error)
{
  gsize length = strlen (path);

  for (const char *p = path; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      length = 0;
  if (length > 0 && path[length - 1] != ' ')
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
               "%s: mosquitto cannot read a path that is empty, ends in a blank or has control characters", option);
  return FALSE;
}

static char *
make_path (const char *option, const char *path, GError **error)
{
  g_autofree char *full = g_canonicalize_filename (path, NULL);

  /* Both, as an empty path would be that of the working directory, whose own name may be an odd one. */
  return check_path (option, path, error) && check_path (option, full, error) ? g_steal_pointer (&full) : NULL;
}

/* Everything that can be wrong with the command line alone. */
static BrevetHubConfig *
plan (const Options *options, GError **error)
{
  g_autoptr(BrevetHubConfig) plan = g_new0 (BrevetHubConfig, 1);

  if (options->port < 1 || options->port > 65535)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "--port: %d is not a port; write a number from 1 to 65535",
                   options->port);
      return NULL;
    }
  if (options->certificate == NULL || options->key == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                   "Name the hub's own certificate and key with --certificate and --key: devices must know whom they talk to");
      return NULL;
    }
  plan->port = options->port;
  plan->directory = make_path ("--directory", options->directory != NULL ? options->directory : DEFAULT_DIRECTORY, error);
  if (plan->directory == NULL)
    return NULL;
  plan->certificate = make_path ("--certificate", options->certificate, error);
  if (plan->certificate == NULL)
    return NULL;
  plan->key = make_path ("--key", options->key, error);
  return plan->key != NULL ? g_steal_pointer (&plan) : NULL;
}

static gboolean
choose_hub (const Options *options, BrevetConfig *config, BrevetHubConfig *plan, GError **error)
{
  g_autoptr(BrevetHubs) hubs = brevet_hubs_new (config, error);
  const char *const *names = hubs != NULL ? brevet_hubs_list (hubs) : NULL;
  g_autofree char *known = NULL;

  if (hubs == NULL)
    return FALSE;
  if (options->hub == NULL)
    plan->hub = names[0] != NULL && names[1] == NULL ? g_strdup (names[0]) : NULL;
  else if (brevet_hubs_is_linked (hubs, options->hub))
    plan->hub = g_ascii_strdown (options->hub, -1);
  else
    {
      known = g_strjoinv (", ", (char **) names);
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "--hub: no group [hub NAME] has host-name=%s; there are: %s",
                   options->hub, known);
      return FALSE;
    }
  return TRUE;
}

/* The hub may be another machine, with files that are not here. */
static void
check_certificate (const BrevetHubConfig *plan)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetChain) chain = NULL;

  if (plan->hub == NULL || !g_file_test (plan->certificate, G_FILE_TEST_EXISTS))
    return;
  chain = brevet_chain_load (plan->certificate, &error);
  if (chain == NULL)
    g_printerr ("brevet-dps: %s\n", error->message);
  else if (!gnutls_x509_crt_check_hostname (brevet_certificate_get_crt (brevet_chain_get_leaf (chain)), plan->hub))
    {
      g_printerr ("brevet-dps: ");
      g_printerr (_("The certificate %s is not for %s, the name by which devices reach this hub; they will not trust it"),
                  plan->certificate, plan->hub);
      g_printerr ("\n");
    }
}

static gboolean
require_lists (const Options *options, BrevetHubTrust *trust, GError **error)
{
  trust->requires_lists = options->require_lists;
  if (!options->require_lists || brevet_hub_trust_is_revocable (trust))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "--require-lists: No certificate authority publishes a revocation list, so the hub would refuse every device");
  return FALSE;
}

static int
run (const Options *options, BrevetHubConfig *plan)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config =
    brevet_config_load (options->config_path != NULL ? options->config_path : BREVET_DPS_DEFAULT_CONFIGURATION, &error);
  BrevetHubChange change;

  if (config == NULL || !brevet_pkcs11_configure (config, &error) || !choose_hub (options, config, plan, &error))
    return brevet_command_fail (error);
  plan->trust = brevet_hub_trust_collect (config, &error);
  if (plan->trust == NULL || !require_lists (options, plan->trust, &error))
    return brevet_command_fail (error);
  if (options->directory == NULL)
    brevet_hub_config_print (plan, options->json);
  else if (brevet_hub_config_write (plan, &change, &error))
    brevet_hub_config_print_written (plan, change, options->json);
  else
    return brevet_command_fail (error);
  check_certificate (plan);
  brevet_hub_config_warn (plan);
  return BREVET_EXIT_OK;
}

int
brevet_dps_command_hub_config (int argc, char **argv)
{
  g_auto(Options) options = { .port = DEFAULT_PORT };
  g_autoptr(BrevetHubConfig) planned = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config_path, N_("Configuration file of the service"), N_("FILE") },
    { "directory", 0, 0, G_OPTION_ARG_FILENAME, &options.directory,
      N_("Write the files there (default: print them, for /etc/mosquitto/brevet)"), N_("DIRECTORY") },
    { "certificate", 0, 0, G_OPTION_ARG_FILENAME, &options.certificate, N_("The hub's own certificate, with its issuers"),
      N_("FILE") },
    { "key", 0, 0, G_OPTION_ARG_FILENAME, &options.key, N_("Its key"), N_("FILE") },
    { "port", 0, 0, G_OPTION_ARG_INT, &options.port, N_("TCP port of the hub (default: 8883)"), N_("PORT") },
    { "hub", 0, 0, G_OPTION_ARG_STRING, &options.hub, N_("Which of the linked hubs it is (default: the only one)"), N_("HOST") },
    { "require-lists", 0, 0, G_OPTION_ARG_NONE, &options.require_lists,
      N_("Refuse devices whose authority has no revocation list (default: without all lists, use none)"), NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, N_("Print the result as JSON"), NULL },
    { NULL }
  };

  if (!brevet_command_parse ("hub-config", N_("mosquitto"), entries,
                             _("Makes mosquitto a hub for the certificates of this service: CA file, access list, revocation "
                               "lists\n"
                               "and the configuration that names them. Run it again, every day, to refresh the revocation lists;\n"
                               "it only reads what the service has, which may be running.\n"
                               "\n"
                               "Exit codes: 0 done, 1 failed, 2 wrong command line, 4 the store or a CA is not reachable,\n"
                               "5 the configuration is wrong, or a file cannot be written"),
                             1, 1, &argc, &argv, &exit_code))
    return exit_code;
  if (strcmp (argv[1], "mosquitto") != 0)
    return brevet_command_usage_error (_("“%s” is no kind of hub that can be configured; there is: mosquitto"), argv[1]);
  planned = plan (&options, &error);
  if (planned == NULL)
    return brevet_command_usage_error ("%s", error->message);
  return run (&options, planned);
}
