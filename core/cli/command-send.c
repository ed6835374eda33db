/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "commands.h"

#include "agent-client.h"
#include "agent-options.h"
#include "argument-file.h"
#include "brevet-command.h"
#include "brevet-duration.h"
#include "brevet-hub.h"
#include "brevet-pkcs11.h"
#include "output.h"
#include "send-identity.h"
#include "send-messages.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define DEFAULT_TIMEOUT 30
#define LONGEST_TIMEOUT 86400
#define MOST_MESSAGES 1000000
#define LONGEST_TOPIC 65535

/* What no user means. */
#define NOT_GIVEN G_MININT

/* What stands behind the options in the help. */
static const char description[] =
  N_("TEXT is sent to the hub of an identity, with its certificate and key; “-” sends each line of standard input.\n"
     "Without NAME, the only identity is meant, or else the one called main.\n\n"
     "Exit codes: 0 all messages were acknowledged, 1 failed, 2 wrong command line, 3 not allowed, or refused by the hub,\n"
     "4 agent or hub not reached, 5 not configured, or the hub is not trusted, 10 the certificate is not valid,\n"
     "12 not provisioned yet, 13 there will be no valid identity until somebody acts.");

/* What the command line says. */
typedef struct {
  BrevetAgentOptions agent;
  int count;
  char *interval_text;
  gint64 interval;
  char *topic;
  int port;
  char *ca_file;
  char *pin_file;
  char **modules;
  BrevetSecret *pin;
  int timeout;
  const char *text;
  const char *name;
} Options;

static void
options_clear (Options *self)
{
  brevet_agent_options_clear (&self->agent);
  g_free (self->interval_text);
  g_free (self->topic);
  g_free (self->ca_file);
  g_free (self->pin_file);
  g_strfreev (self->modules);
  g_clear_pointer (&self->pin, brevet_secret_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* What begins with “-”, such as a temperature, stands behind “--”, which the parser leaves there. */
static gboolean
take_arguments (Options *self, int argc, char **argv)
{
  int first = argc > 1 && g_str_equal (argv[1], "--") ? 2 : 1;

  if (argc - first > 2)
    {
      brevet_command_usage_error (_("There is one argument too many: “%s”"), argv[first + 2]);
      return FALSE;
    }
  self->text = argc > first ? argv[first] : NULL;
  self->name = argc > first + 1 ? argv[first + 1] : NULL;
  if (self->text != NULL && *self->text != '\0')
    return TRUE;
  brevet_command_usage_error (_("The text that is to be sent is missing; write “-” to send the lines of standard input"));
  return FALSE;
}

static gboolean
parse_options (Options *self, int *argc, char ***argv, int *exit_code)
{
  const GOptionEntry entries[] = {
    { "count", 0, 0, G_OPTION_ARG_INT, &self->count, N_("Send TEXT so many times (1)"), N_("NUMBER") },
    { "interval", 0, 0, G_OPTION_ARG_STRING, &self->interval_text, N_("Wait so long between two messages, for example 10s"),
      N_("DURATION") },
    { "topic", 0, 0, G_OPTION_ARG_STRING, &self->topic, N_("Send to TOPIC instead of devices/{device id}/messages/events/"),
      N_("TOPIC") },
    { "port", 0, 0, G_OPTION_ARG_INT, &self->port, N_("Port of the hub (8883)"), N_("PORT") },
    { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &self->ca_file,
      N_("Trust the certificates in FILE, not those of the identity or the system"), N_("FILE") },
    { "pin-file", 0, 0, G_OPTION_ARG_FILENAME, &self->pin_file, N_("File with the PIN of the token that the key is in"),
      N_("FILE") },
    { "module", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &self->modules, N_("Load this PKCS#11 module, and not all that the system has"),
      N_("MODULE") },
    { "timeout", 0, 0, G_OPTION_ARG_INT, &self->timeout,
      N_("Give up when the hub takes so many seconds to accept the device, or to acknowledge a message (30)"), N_("SECONDS") },
    { NULL },
  };

  return brevet_agent_options_parse (&self->agent, "send", N_("TEXT [NAME]"), entries, description, 3, argc, argv, exit_code);
}

static gboolean
check_ranges (const Options *self)
{
  if (self->port < 1 || self->port > G_MAXUINT16)
    brevet_command_usage_error (_("--port %d is not a port; write a number from 1 to 65535"), self->port);
  else if (self->timeout < 1 || self->timeout > LONGEST_TIMEOUT)
    brevet_command_usage_error (_("--timeout %d is not possible; write a number of seconds from 1 to %d"), self->timeout,
                                LONGEST_TIMEOUT);
  else if (self->count != NOT_GIVEN && (self->count < 1 || self->count > MOST_MESSAGES))
    brevet_command_usage_error (_("--count %d is not possible; write a number from 1 to %d"), self->count, MOST_MESSAGES);
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_topic (const char *topic)
{
  gsize length = topic != NULL ? strlen (topic) : 1;

  if (length > 0 && length <= LONGEST_TOPIC && (topic == NULL || strpbrk (topic, "+#") == NULL))
    return TRUE;
  brevet_command_usage_error (_("--topic “%s” is no topic to send to; write a name without “+” and “#”"), topic);
  return FALSE;
}

static gboolean
check_options (Options *self)
{
  gboolean lines = g_str_equal (self->text, "-");

  if (!check_ranges (self) || !check_topic (self->topic))
    return FALSE;
  if (lines && (self->count != NOT_GIVEN || self->interval_text != NULL))
    brevet_command_usage_error (_("--count and --interval are for a TEXT; lines of standard input are sent as they come"));
  else if (self->interval_text != NULL && (!brevet_duration_parse (self->interval_text, &self->interval) || self->interval < 0 ||
                                           self->interval > LONGEST_TIMEOUT))
    brevet_command_usage_error (_("--interval “%s” is not possible; write a duration up to a day, such as 10s or 5min"),
                                self->interval_text);
  else
    return TRUE;
  return FALSE;
}

static void
print_json (const Options *options, const BrevetSendJob *job, const GError *error)
{
  g_autoptr(JsonObject) object = json_object_new ();

  brevet_output_set_text (object, "name", options->name);
  brevet_output_set_text (object, "hub", job->identity->hub);
  json_object_set_int_member (object, "port", job->port);
  brevet_output_set_text (object, "deviceId", job->identity->device_id);
  brevet_output_set_text (object, "topic", job->topic);
  brevet_output_set_text (object, "sha256", brevet_certificate_get_sha256 (brevet_chain_get_leaf (job->identity->chain)));
  json_object_set_int_member (object, "acknowledged", (gint64) job->acknowledged);
  brevet_output_set_text (object, "error", error != NULL ? error->message : NULL);
  brevet_output_print_json (object);
}

static void
print (const BrevetSendJob *job)
{
  g_autofree char *device_id = brevet_command_make_printable (job->identity->device_id);
  g_autofree char *hub = brevet_command_make_printable (job->identity->hub);

  g_print (g_dngettext (GETTEXT_PACKAGE, "The hub %s port %u has acknowledged %u message of %s\n",
                        "The hub %s port %u has acknowledged %u messages of %s\n",
                        job->acknowledged), hub, job->port, job->acknowledged, device_id);
}

static int
send_as (const Options *options, const BrevetSendIdentity *identity)
{
  g_autofree char *topic = options->topic != NULL ? g_strdup (options->topic) : brevet_hub_make_topic (identity->device_id);
  g_autoptr(GError) error = NULL;
  BrevetSendJob job = {
    .identity = identity,
    .port = (guint16) options->port,
    .ca_file = options->ca_file,
    .topic = topic,
    .text = g_str_equal (options->text, "-") ? NULL : options->text,
    .count = options->count != NOT_GIVEN ? (guint) options->count : 1,
    .interval = (guint) options->interval,
    .timeout = (guint) options->timeout,
  };

  brevet_send_job_run (&job, &error);
  if (options->agent.json)
    print_json (options, &job, error);
  else if (error == NULL)
    print (&job);
  return brevet_output_finish (error != NULL ? brevet_command_fail (error) : BREVET_EXIT_OK);
}

static gboolean
settle_ca_file (Options *self, GError **error)
{
  char *settled;

  if (self->ca_file == NULL)
    return TRUE;
  settled = brevet_argument_file_settle (self->ca_file, error);
  g_free (self->ca_file);
  self->ca_file = settled;
  return settled != NULL;
}

static gboolean
prepare_token (Options *self, GError **error)
{
  if (self->modules != NULL && !brevet_pkcs11_use_modules ((const char *const *) self->modules, error))
    return FALSE;
  if (self->pin_file != NULL)
    self->pin = brevet_secret_new_from_file (self->pin_file, error);
  return self->pin_file == NULL || self->pin != NULL;
}

static int
run (Options *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAgentClient) client = brevet_agent_client_new (options->agent.bus, &error);
  g_autoptr(BrevetBusAgent1Identity) found = client != NULL ? brevet_agent_client_find (client, options->name, &error) : NULL;
  g_autoptr(BrevetSendIdentity) identity = NULL;
  int health = 0;
  int exit_code;

  if (found != NULL && settle_ca_file (options, &error) && prepare_token (options, &error))
    identity = brevet_send_identity_new (client, found, options->pin, &health, &error);
  if (identity == NULL)
    {
      exit_code = brevet_command_fail (error);
      return health != 0 ? health : exit_code;
    }
  options->name = brevet_bus_agent1_identity_get_name (found);
  return send_as (options, identity);
}

int
brevet_command_send (int argc, char **argv)
{
  g_auto(Options) options = { .count = NOT_GIVEN, .port = BREVET_HUB_PORT, .timeout = DEFAULT_TIMEOUT };
  int exit_code;

  if (!parse_options (&options, &argc, &argv, &exit_code))
    return exit_code;
  return take_arguments (&options, argc, argv) && check_options (&options) ? run (&options) : BREVET_EXIT_USAGE;
}
