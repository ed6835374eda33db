/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"
#include "scaffold.h"

#include "brevet-clock.h"
#include "brevet-command.h"
#include "brevet-config.h"
#include "brevet-error.h"
#include "brevet-identifier.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <glib/gi18n-lib.h>
#include <gnutls/crypto.h>
#include <json-glib/json-glib.h>
#include <string.h>

#define MAX_HOST_NAME 253

typedef struct {
  char **host_names;
  char *address;
  int https_port;
  char **hubs;
  char *id_scope;
  char *ca_name;
  gboolean renew_tls;
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

/* Everything that can be wrong with the command line, before anything is touched. */
static BrevetScaffold *
plan (const Options *options, GError **error)
{
  g_autoptr(BrevetScaffold) scaffold = g_new0 (BrevetScaffold, 1);
  char *localhost[] = { (char *) "localhost", NULL };

  if (options->https_port < 1 || options->https_port > 65535)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "--https-port: %d is not a port; write a number from 1 to 65535",
                   options->https_port);
      return NULL;
    }
  scaffold->https_port = options->https_port;
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

static void
add_path (JsonBuilder *builder, const char *member, const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  json_builder_set_member_name (builder, member);
  json_builder_add_string_value (builder, path);
}

static void
add_strings (JsonBuilder *builder, const char *member, char **values)
{
  json_builder_set_member_name (builder, member);
  json_builder_begin_array (builder);
  for (gsize i = 0; values[i] != NULL; i++)
    json_builder_add_string_value (builder, values[i]);
  json_builder_end_array (builder);
}

static void
add_expiry (JsonBuilder *builder, const char *member, BrevetCertificate *certificate)
{
  g_autoptr(GDateTime) end = g_date_time_new_from_unix_utc (brevet_certificate_get_not_after (certificate));
  g_autofree char *text = g_date_time_format_iso8601 (end);

  json_builder_set_member_name (builder, member);
  json_builder_add_string_value (builder, text);
}

static void
print_json (JsonBuilder *builder)
{
  g_autoptr(JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, TRUE);

  g_print ("%s\n", text);
}

static void
print_created_json (const BrevetScaffold *scaffold, const char *directory, BrevetCertificate *server)
{
  g_autoptr(JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_path (builder, "directory", directory, NULL);
  add_path (builder, "configuration", directory, BREVET_SCAFFOLD_CONFIG);
  json_builder_set_member_name (builder, "idScope");
  json_builder_add_string_value (builder, scaffold->id_scope);
  add_strings (builder, "hostNames", scaffold->host_names);
  json_builder_set_member_name (builder, "address");
  json_builder_add_string_value (builder, scaffold->address);
  json_builder_set_member_name (builder, "httpsPort");
  json_builder_add_int_value (builder, scaffold->https_port);
  add_strings (builder, "hubs", scaffold->hubs);
  json_builder_set_member_name (builder, "certificateAuthority");
  json_builder_add_string_value (builder, scaffold->ca_name);
  json_builder_set_member_name (builder, "policy");
  json_builder_add_string_value (builder, BREVET_SCAFFOLD_POLICY);
  add_path (builder, "policyPrimaryKeyFile", directory, BREVET_SCAFFOLD_PRIMARY_KEY);
  add_path (builder, "serverCaFile", directory, BREVET_SCAFFOLD_TLS_CA);
  add_path (builder, "rootCertificateFile", directory, BREVET_SCAFFOLD_ROOT);
  add_path (builder, "rootKeyFile", directory, BREVET_SCAFFOLD_ROOT_KEY);
  add_expiry (builder, "serverCertificateNotAfter", server);
  json_builder_end_object (builder);
  print_json (builder);
}

static char *
format_day (BrevetCertificate *certificate)
{
  g_autoptr(GDateTime) end = g_date_time_new_from_unix_utc (brevet_certificate_get_not_after (certificate));

  return g_date_time_format (end, "%F");
}

/* One line of the list; @format has one %s for the path of @name, so that translators see whole sentences. */
static void
print_step (const char *format, const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_auto(GStrv) parts = g_strsplit (format, "%s", 2);

  g_print ("  * %s%s%s\n", parts[0], path, parts[1] != NULL ? parts[1] : "");
}

static void
print_created (const BrevetScaffold *scaffold, const char *directory, BrevetCertificate *server)
{
  g_autofree char *names = g_strjoinv (", ", scaffold->host_names);
  g_autofree char *end = format_day (server);

  g_print (_("%s is ready: scope %s, host names %s, HTTPS port %u, certificate authority “%s”"), directory, scaffold->id_scope,
           names, scaffold->https_port, scaffold->ca_name);
  g_print ("\n\n%s\n", _("What to do next:"));
  print_step (_("Move %s off this machine to a safe place; the service does not need it"), directory, BREVET_SCAFFOLD_ROOT_KEY);
  print_step (_("Start the service: brevet-dps run --config %s"), directory, BREVET_SCAFFOLD_CONFIG);
  print_step (_("Give devices and operators %s: with it they trust the service"), directory, BREVET_SCAFFOLD_TLS_CA);
  print_step (_("Give hubs %s: with it they trust the devices"), directory, BREVET_SCAFFOLD_ROOT);
  print_step (_("Give operators a connection string; KEY in it is the content of %s:"), directory, BREVET_SCAFFOLD_PRIMARY_KEY);
  g_print ("      HostName=%s;SharedAccessKeyName=%s;SharedAccessKey=KEY\n", scaffold->host_names[0], BREVET_SCAFFOLD_POLICY);
  print_step (_("Renew the TLS certificate in time: brevet-dps init --renew-tls %s"), directory, NULL);
  g_print ("      ");
  g_print (_("It ends on %s"), end);
  g_print ("\n");
}

static int
create (const Options *options, const char *directory)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetScaffold) scaffold = plan (options, &error);
  g_autoptr(BrevetCertificate) server = NULL;

  if (scaffold == NULL)
    return brevet_command_usage_error ("%s", error->message);
  if (!brevet_scaffold_create (scaffold, directory, &error))
    return brevet_command_fail (error);
  server = brevet_scaffold_load_certificate (directory, BREVET_SCAFFOLD_SERVER, &error);
  if (server == NULL)
    return brevet_command_fail (error);
  if (options->json)
    print_created_json (scaffold, directory, server);
  else
    print_created (scaffold, directory, server);
  return BREVET_EXIT_OK;
}

static char **
configured_host_names (const char *directory, GError **error)
{
  g_autofree char *path = g_build_filename (directory, BREVET_SCAFFOLD_CONFIG, NULL);
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

static void
print_renewed_json (const char *directory, char **names, BrevetCertificate *server)
{
  g_autoptr(JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_path (builder, "directory", directory, NULL);
  add_path (builder, "serverCertificateFile", directory, BREVET_SCAFFOLD_SERVER);
  add_strings (builder, "hostNames", names);
  add_expiry (builder, "serverCertificateNotAfter", server);
  json_builder_end_object (builder);
  print_json (builder);
}

static int
renew_tls (const Options *options, const char *directory)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) names = NULL;
  g_autoptr(BrevetCertificate) server = NULL;
  g_autofree char *joined = NULL;
  g_autofree char *end = NULL;

  if (options->address != NULL || options->hubs != NULL || options->id_scope != NULL || options->ca_name != NULL)
    return brevet_command_usage_error (_("With --renew-tls only --host-name and --json have a meaning"));
  if (options->host_names != NULL)
    {
      names = normalise_host_names ("--host-name", options->host_names, &error);
      if (names == NULL)
        return brevet_command_usage_error ("%s", error->message);
    }
  else
    names = configured_host_names (directory, &error);
  if (names == NULL || !brevet_scaffold_renew_server (directory, (const char *const *) names, &error))
    return brevet_command_fail (error);
  server = brevet_scaffold_load_certificate (directory, BREVET_SCAFFOLD_SERVER, &error);
  if (server == NULL)
    return brevet_command_fail (error);
  if (options->json)
    {
      print_renewed_json (directory, names, server);
      return BREVET_EXIT_OK;
    }
  joined = g_strjoinv (", ", names);
  end = format_day (server);
  g_print (_("The new TLS certificate is for %s and ends on %s; a running service takes it up on SIGHUP"), joined, end);
  g_print ("\n");
  return BREVET_EXIT_OK;
}

int
brevet_dps_command_init (int argc, char **argv)
{
  g_auto(Options) options = { .https_port = 443 };
  g_autofree char *directory = NULL;
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "host-name", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.host_names,
      N_("Name of this service; may be repeated (default: localhost and this machine's name)"), N_("NAME") },
    { "address", 0, 0, G_OPTION_ARG_STRING, &options.address, N_("Address to listen on (default: all)"), N_("ADDRESS") },
    { "https-port", 0, 0, G_OPTION_ARG_INT, &options.https_port, N_("TCP port for HTTPS (default: 443)"), N_("PORT") },
    { "hub", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.hubs,
      N_("Host name of a linked hub; may be repeated (default: localhost)"), N_("HOST") },
    { "id-scope", 0, 0, G_OPTION_ARG_STRING, &options.id_scope, N_("Scope that devices name (default: a new one)"), N_("SCOPE") },
    { "ca-name", 0, 0, G_OPTION_ARG_STRING, &options.ca_name, N_("Name of the certificate authority (default: local)"),
      N_("NAME") },
    { "renew-tls", 0, 0, G_OPTION_ARG_NONE, &options.renew_tls,
      N_("Only issue a new TLS certificate in an existing service directory"), NULL },
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
                             1, 1, &argc, &argv, &exit_code))
    return exit_code;
  if (*argv[1] == '\0')
    return brevet_command_usage_error (_("The name of the directory is empty"));
  directory = g_canonicalize_filename (argv[1], NULL);
  return options.renew_tls ? renew_tls (&options, directory) : create (&options, directory);
}
