/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"
#include "init-output.h"

#include "brevet-command.h"
#include "brevet-config.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-registry.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <glib/gi18n-lib.h>
#include <gnutls/crypto.h>
#include <string.h>

#define MAX_HOST_NAME 253

/* No number that can be meant as a port. */
#define MQTT_PORT_UNSET G_MININT

typedef struct {
  char **host_names;
  char *address;
  int https_port;
  int mqtt_port; /* MQTT_PORT_UNSET for the usual one, if there is a plugin for it */
  char **hubs;
  char *id_scope;
  char *ca_name;
  gboolean renew_tls;
  gboolean system;
  gboolean json;
} Options;

static void
options_clear (Options *self)
{
  g_strfreev (self->host_names);
  g_free (self->address);
  g_strfreev (self->hubs);
  g_free (self->id_scope);
  g_free (self->ca_name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* A name as it may stand in a certificate, a configuration file and a URL: lower case ASCII, or an IP address. */
static char *
normalise_host_name (const char *name)
{
  g_autofree char *ascii = g_hostname_to_ascii (name);
  g_autofree char *lower = ascii != NULL ? g_ascii_strdown (ascii, -1) : NULL;

  if (lower == NULL || *lower == '\0' || strlen (lower) > MAX_HOST_NAME)
    return NULL;
  if (g_hostname_is_ip_address (lower))
    return g_steal_pointer (&lower);
  if (!g_regex_match_simple ("^(?!-)[a-z0-9_-]{1,63}(?<!-)(\\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\\z", lower, 0, 0))
    return NULL;
  return g_steal_pointer (&lower);
}

static char **
normalise_host_names (const char *option, char **names, GError **error)
{
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func (g_free);

  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_autofree char *name = normalise_host_name (names[i]);

      if (name == NULL)
        {
          g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "%s: “%s” is not a host name", option, names[i]);
          return NULL;
        }
      if (!g_ptr_array_find_with_equal_func (list, name, g_str_equal, NULL))
        g_ptr_array_add (list, g_steal_pointer (&name));
    }
  g_ptr_array_add (list, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&list), FALSE);
}

static char **
default_host_names (void)
{
  g_autofree char *own = normalise_host_name (g_get_host_name ());
  const char *names[] = { "localhost", NULL, NULL };

  if (own != NULL && strcmp (own, "localhost") != 0)
    names[1] = own;
  return g_strdupv ((char **) names);
}

/* All addresses: "::" stands for IPv4 as well, but a machine whose kernel has no IPv6 cannot bind it. */
static char *
default_address (void)
{
  g_autoptr(GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV6, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  g_autoptr(GInetAddress) any = g_inet_address_new_any (G_SOCKET_FAMILY_IPV6);
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new (any, 0);

  return g_strdup (socket != NULL && g_socket_bind (socket, address, FALSE, NULL) ? "::" : "0.0.0.0");
}

static char *
generate_id_scope (void)
{
  guint32 number = 0;

  if (gnutls_rnd (GNUTLS_RND_NONCE, &number, sizeof number) != 0)
    number = g_random_int ();
  return g_strdup_printf ("0ne%08X", number);
}

static gboolean
check_address (const char *address, GError **error)
{
  guint8 bytes[sizeof (struct in6_addr)];

  if (inet_pton (AF_INET, address, bytes) == 1 || inet_pton (AF_INET6, address, bytes) == 1)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "--address: “%s” is not an IP address; write for example 127.0.0.1 or ::",
               address);
  return FALSE;
}

/* Devices put a port behind the name of their hub. */
static gboolean
check_hubs (char **hubs, GError **error)
{
  for (gsize i = 0; hubs[i] != NULL; i++)
    if (strchr (hubs[i], ':') != NULL)
      {
        g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "--hub: “%s” is an IPv6 address; a hub needs a name", hubs[i]);
        return FALSE;
      }
  return TRUE;
}

static gboolean
check_identifier (const char *option, BrevetIdentifierKind kind, const char *value, GError **error)
{
  if (brevet_identifier_check (kind, value, error))
    return TRUE;
  g_prefix_error (error, "%s: ", option);
  return FALSE;
}

static gboolean
check_port (const char *option, int port, int minimum, GError **error)
{
  if (port >= minimum && port <= 65535)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "%s: %d is not a port; write a number from %d to 65535", option, port,
               minimum);
  return FALSE;
}

static gboolean
choose_ports (const Options *options, BrevetScaffold *scaffold, GError **error)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  gboolean has_mqtt = brevet_registry_has_type (registry, "transport", "mqtt");

  if (!check_port ("--https-port", options->https_port, 1, error)
      || (options->mqtt_port != MQTT_PORT_UNSET && !check_port ("--mqtt-port", options->mqtt_port, 0, error)))
    return FALSE;
  scaffold->https_port = options->https_port;
  scaffold->mqtt_port = options->mqtt_port;
  if (options->mqtt_port == MQTT_PORT_UNSET)
    scaffold->mqtt_port = has_mqtt ? BREVET_SCAFFOLD_MQTT_PORT : 0;
  if (scaffold->mqtt_port == scaffold->https_port)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "--mqtt-port: %u is the port for HTTPS already", scaffold->mqtt_port);
  else if (scaffold->mqtt_port != 0 && !has_mqtt)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "--mqtt-port: no plugin for MQTT is installed; write 0 to do without");
  else
    return TRUE;
  return FALSE;
}

/* Everything that can be wrong with the command line, before anything is touched. */
static BrevetScaffold *
plan (const Options *options, GError **error)
{
  g_autoptr(BrevetScaffold) scaffold = g_new0 (BrevetScaffold, 1);
  char *localhost[] = { (char *) "localhost", NULL };

  if (!choose_ports (options, scaffold, error))
    return NULL;
  scaffold->for_system = options->system;
  scaffold->host_names = options->host_names != NULL ? normalise_host_names ("--host-name", options->host_names, error)
                                                     : default_host_names ();
  if (scaffold->host_names == NULL)
    return NULL;
  scaffold->hubs = normalise_host_names ("--hub", options->hubs != NULL ? options->hubs : localhost, error);
  if (scaffold->hubs == NULL || !check_hubs (scaffold->hubs, error))
    return NULL;
  scaffold->address = options->address != NULL ? g_strdup (options->address) : default_address ();
  scaffold->id_scope = options->id_scope != NULL ? g_strdup (options->id_scope) : generate_id_scope ();
  scaffold->ca_name = g_strdup (options->ca_name != NULL ? options->ca_name : "local");
  if (!check_address (scaffold->address, error)
      || !check_identifier ("--id-scope", BREVET_IDENTIFIER_ID_SCOPE, scaffold->id_scope, error)
      || !check_identifier ("--ca-name", BREVET_IDENTIFIER_NAME, scaffold->ca_name, error))
    return NULL;
  return g_steal_pointer (&scaffold);
}

/* Where the service finds its configuration; the rest of it is in the directory. */
static char *
config_path (const Options *options, const char *directory)
{
  return options->system ? g_strdup (BREVET_SCAFFOLD_SYSTEM_CONFIG) : g_build_filename (directory, BREVET_SCAFFOLD_CONFIG, NULL);
}

static int
create (const Options *options, const char *directory)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetScaffold) scaffold = plan (options, &error);
  g_autoptr(BrevetCertificate) server = NULL;
  g_autofree char *config = config_path (options, directory);

  if (scaffold == NULL)
    return brevet_command_usage_error ("%s", error->message);
  if (options->system ? !brevet_scaffold_create_system (scaffold, &error)
                      : !brevet_scaffold_create (scaffold, directory, &error))
    return brevet_command_fail (error);
  server = brevet_scaffold_load_certificate (directory, BREVET_SCAFFOLD_SERVER, &error);
  if (server == NULL)
    return brevet_command_fail (error);
  brevet_init_print_created (scaffold, directory, config, server, options->json);
  return BREVET_EXIT_OK;
}

static char **
configured_host_names (const char *path, GError **error)
{
  g_autoptr(BrevetConfig) config = brevet_config_load (path, error);
  g_auto(GStrv) names = NULL;

  if (config == NULL)
    return NULL;
  names = brevet_settings_get_strings (brevet_config_ensure_group (config, "service", NULL), "host-names");
  if (names[0] == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s: [service] host-names is missing", path);
      return NULL;
    }
  return normalise_host_names ("host-names", names, error);
}

static gboolean
renew (const Options *options, const char *directory, char **names, GError **error)
{
  if (options->system)
    return brevet_scaffold_renew_system_server ((const char *const *) names, error);
  return brevet_scaffold_renew_server (directory, (const char *const *) names, error);
}

static int
renew_tls (const Options *options, const char *directory)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) names = NULL;
  g_autoptr(BrevetCertificate) server = NULL;
  g_autofree char *config = config_path (options, directory);

  if (options->address != NULL || options->hubs != NULL || options->id_scope != NULL || options->ca_name != NULL
      || options->mqtt_port != MQTT_PORT_UNSET)
    return brevet_command_usage_error (_("With --renew-tls only --host-name, --system and --json have a meaning"));
  if (options->host_names != NULL)
    {
      names = normalise_host_names ("--host-name", options->host_names, &error);
      if (names == NULL)
        return brevet_command_usage_error ("%s", error->message);
    }
  else
    names = configured_host_names (config, &error);
  if (names == NULL || !renew (options, directory, names, &error))
    return brevet_command_fail (error);
  server = brevet_scaffold_load_certificate (directory, BREVET_SCAFFOLD_SERVER, &error);
  if (server == NULL)
    return brevet_command_fail (error);
  brevet_init_print_renewed (directory, names, server, options->json);
  return BREVET_EXIT_OK;
}

int
brevet_dps_command_init (int argc, char **argv)
{
  g_auto(Options) options = { .https_port = BREVET_SCAFFOLD_HTTPS_PORT, .mqtt_port = MQTT_PORT_UNSET };
  g_autofree char *directory = NULL;
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "host-name", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.host_names,
      N_("Name of this service; may be repeated (default: localhost and this machine's name)"), N_("NAME") },
    { "address", 0, 0, G_OPTION_ARG_STRING, &options.address, N_("Address to listen on (default: all)"), N_("ADDRESS") },
    { "https-port", 0, 0, G_OPTION_ARG_INT, &options.https_port, N_("TCP port for HTTPS (default: 443)"), N_("PORT") },
    { "mqtt-port", 0, 0, G_OPTION_ARG_INT, &options.mqtt_port, N_("TCP port for MQTT, 0 for none (default: 8883)"), N_("PORT") },
    { "hub", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.hubs,
      N_("Host name of a linked hub; may be repeated (default: localhost)"), N_("HOST") },
    { "id-scope", 0, 0, G_OPTION_ARG_STRING, &options.id_scope, N_("Scope that devices name (default: a new one)"), N_("SCOPE") },
    { "ca-name", 0, 0, G_OPTION_ARG_STRING, &options.ca_name, N_("Name of the certificate authority (default: local)"),
      N_("NAME") },
    { "system", 0, 0, G_OPTION_ARG_NONE, &options.system,
      N_("Set up brevet-dps.service of this machine instead of a directory; needs root"), NULL },
    { "renew-tls", 0, 0, G_OPTION_ARG_NONE, &options.renew_tls,
      N_("Only issue a new TLS certificate for what init has made"), NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, N_("Print the result as JSON"), NULL },
    { NULL }
  };

  if (!brevet_command_parse ("init", _("DIRECTORY"), entries,
                             _("Makes a complete service directory: configuration, TLS, a local certificate authority, keys of the "
                               "service\n"
                               "API. An existing directory must be empty; on failure nothing is left behind.\n"
                               "\n"
                               "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 the directory is in use, 5 it cannot be made "
                               "there"),
                             0, 1, &argc, &argv, &exit_code))
    return exit_code;
  if (options.system != (argc == 1))
    return brevet_command_usage_error (_("Name a directory, or give --system"));
  if (!options.system && *argv[1] == '\0')
    return brevet_command_usage_error (_("The name of the directory is empty"));
  directory = g_canonicalize_filename (options.system ? BREVET_SCAFFOLD_SYSTEM_DIRECTORY : argv[1], NULL);
  return options.renew_tls ? renew_tls (&options, directory) : create (&options, directory);
}
