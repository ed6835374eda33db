/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init-output.h"

#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>

#define HTTPS_PORT 443

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
print_created_json (const BrevetScaffold *scaffold, const char *directory, const char *config, BrevetCertificate *server)
{
  g_autoptr(JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_path (builder, "directory", directory, NULL);
  add_path (builder, "configuration", config, NULL);
  json_builder_set_member_name (builder, "idScope");
  json_builder_add_string_value (builder, scaffold->id_scope);
  add_strings (builder, "hostNames", scaffold->host_names);
  json_builder_set_member_name (builder, "address");
  json_builder_add_string_value (builder, scaffold->address);
  json_builder_set_member_name (builder, "httpsPort");
  json_builder_add_int_value (builder, scaffold->https_port);
  if (scaffold->mqtt_port != 0)
    {
      json_builder_set_member_name (builder, "mqttPort");
      json_builder_add_int_value (builder, scaffold->mqtt_port);
    }
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

/* The socket opens the usual port, which the user of the service may not. */
static void
print_start (const BrevetScaffold *scaffold, const char *config)
{
  if (!scaffold->for_system)
    print_step (_("Start the service: brevet-dps run --config %s"), config, NULL);
  else if (scaffold->https_port == BREVET_SCAFFOLD_HTTPS_PORT && scaffold->mqtt_port == BREVET_SCAFFOLD_MQTT_PORT)
    g_print ("  * %s\n",
             _("Start the service: systemctl enable --now brevet-dps.socket brevet-dps-mqtt.socket brevet-dps.service"));
  else if (scaffold->https_port == BREVET_SCAFFOLD_HTTPS_PORT)
    g_print ("  * %s\n", _("Start the service: systemctl enable --now brevet-dps.socket brevet-dps.service"));
  else
    g_print ("  * %s\n", _("Start the service: systemctl enable --now brevet-dps.service"));
}

static void
print_renewal (const BrevetScaffold *scaffold, const char *directory, BrevetCertificate *server)
{
  g_autofree char *end = format_day (server);

  if (scaffold->for_system)
    g_print ("  * %s\n", _("Renew the TLS certificate in time: brevet-dps init --system --renew-tls"));
  else
    print_step (_("Renew the TLS certificate in time: brevet-dps init --renew-tls %s"), directory, NULL);
  g_print ("      ");
  g_print (_("It ends on %s"), end);
  g_print ("\n");
}

/* The port stands in it only where it is not that of HTTPS: others' tools know no ports there. */
static void
print_connection_string (const BrevetScaffold *scaffold)
{
  g_print ("      HostName=%s", scaffold->host_names[0]);
  if (scaffold->https_port != HTTPS_PORT)
    g_print (":%u", scaffold->https_port);
  g_print (";SharedAccessKeyName=%s;SharedAccessKey=KEY\n", BREVET_SCAFFOLD_POLICY);
}

static void
print_created (const BrevetScaffold *scaffold, const char *directory, const char *config, BrevetCertificate *server)
{
  g_autofree char *names = g_strjoinv (", ", scaffold->host_names);

  if (scaffold->mqtt_port != 0)
    g_print (_("%s is ready: scope %s, host names %s, HTTPS port %u, MQTT port %u, certificate authority “%s”"),
             scaffold->for_system ? config : directory, scaffold->id_scope, names, scaffold->https_port, scaffold->mqtt_port,
             scaffold->ca_name);
  else
    g_print (_("%s is ready: scope %s, host names %s, HTTPS port %u, no MQTT, certificate authority “%s”"),
             scaffold->for_system ? config : directory, scaffold->id_scope, names, scaffold->https_port, scaffold->ca_name);
  g_print ("\n\n%s\n", _("What to do next:"));
  print_step (_("Move %s off this machine to a safe place; the service does not need it"), directory, BREVET_SCAFFOLD_ROOT_KEY);
  print_start (scaffold, config);
  print_step (_("Give devices and operators %s: with it they trust the service"), directory, BREVET_SCAFFOLD_TLS_CA);
  print_step (_("Give hubs %s: with it they trust the devices"), directory, BREVET_SCAFFOLD_ROOT);
  print_step (_("Or make mosquitto a hub: brevet-dps hub-config mosquitto --config %s --certificate FILE --key FILE"), config,
              NULL);
  print_step (_("Give operators a connection string; KEY in it is the content of %s:"), directory, BREVET_SCAFFOLD_PRIMARY_KEY);
  print_connection_string (scaffold);
  print_renewal (scaffold, directory, server);
}

void
brevet_init_print_created (const BrevetScaffold *scaffold, const char *directory, const char *config, BrevetCertificate *server,
                           gboolean json)
{
  if (json)
    print_created_json (scaffold, directory, config, server);
  else
    print_created (scaffold, directory, config, server);
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

static void
print_renewed (char **names, BrevetCertificate *server)
{
  g_autofree char *joined = g_strjoinv (", ", names);
  g_autofree char *end = format_day (server);

  g_print (_("The new TLS certificate is for %s and ends on %s; a running service takes it up on SIGHUP"), joined, end);
  g_print ("\n");
}

void
brevet_init_print_renewed (const char *directory, char **names, BrevetCertificate *server, gboolean json)
{
  if (json)
    print_renewed_json (directory, names, server);
  else
    print_renewed (names, server);
}
