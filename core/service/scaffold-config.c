/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scaffold.h"

/* What stands before a name in the service directory. */
static const char *
path_prefix (const BrevetScaffold *self)
{
  return self->for_system ? BREVET_SCAFFOLD_SYSTEM_DIRECTORY "/" : "";
}

static void
append_service (GString *text, const BrevetScaffold *self)
{
  g_autofree char *host_names = g_strjoinv (";", self->host_names);

  g_string_append_printf (text,
                          "# Configuration of brevet-dps; see brevet-dps.conf(5). Paths are relative to the directory of this "
                          "file.\n"
                          "# Files in dps.conf.d/ whose names end in .conf are read after this one, in the order of their names.\n"
                          "\n"
                          "[service]\n"
                          "# The scope that devices name, and the names that this service is reached by.\n"
                          "id-scope=%s\n"
                          "host-names=%s\n"
                          "# Which hub a device gets when its enrollment does not say: hashed or geoLatency.\n"
                          "allocation=hashed\n"
                          "# Seconds that a device is asked to wait between two polls (2 to 59).\n"
                          "#retry-after=3s\n"
                          "# Longest time that a register call with “Prefer: wait” is kept waiting for its result.\n"
                          "#maximum-wait=30s\n"
                          "# An issuance that the CA neither answers nor holds as pending fails after this time.\n"
                          "#issuance-timeout=1h\n"
                          "store=main\n"
                          "\n",
                          self->id_scope, host_names);
}

static void
append_listener (GString *text, const BrevetScaffold *self, const char *type, guint port, const char *comment)
{
  const char *prefix = path_prefix (self);

  g_string_append_printf (text,
                          "[listener %s]\n"
                          "type=%s\n"
                          "address=%s\n"
                          "port=%u\n"
                          "# %s\n"
                          "certificate=%s" BREVET_SCAFFOLD_SERVER "\n"
                          "key=%s" BREVET_SCAFFOLD_SERVER_KEY "\n"
                          "\n",
                          type, type, self->address, port, comment, prefix, prefix);
}

static void
append_store (GString *text, const BrevetScaffold *self)
{
  g_string_append_printf (text,
                          "[store main]\n"
                          "type=sqlite\n"
                          "file=%s" BREVET_SCAFFOLD_STORE "\n"
                          "\n",
                          path_prefix (self));
}

static void
append_authority (GString *text, const BrevetScaffold *self)
{
  const char *prefix = path_prefix (self);

  g_string_append_printf (text,
                          "# A certificate authority that enrollments can name. The plugin is chosen by type; the other keys are "
                          "its own.\n"
                          "[ca %s]\n"
                          "type=local\n"
                          "certificate=%s" BREVET_SCAFFOLD_ISSUING "\n"
                          "key=%s" BREVET_SCAFFOLD_ISSUING_KEY "\n"
                          "# Lifetime of the certificates of devices.\n"
                          "validity=90d\n"
                          "\n",
                          self->ca_name, prefix, prefix);
}

static void
append_hub (GString *text, const char *host_name)
{
  g_string_append_printf (text,
                          "[hub %s]\n"
                          "host-name=%s\n"
                          "# Share of the devices (1 to 100), and the addresses of devices that are near to it.\n"
                          "#weight=1\n"
                          "#networks=192.0.2.0/24;2001:db8::/32\n"
                          "\n",
                          host_name, host_name);
}

static void
append_policy (GString *text, const BrevetScaffold *self)
{
  const char *prefix = path_prefix (self);

  g_string_append_printf (text,
                          "# Who may use the service API: one policy for each kind of operator, each with its own keys.\n"
                          "[policy " BREVET_SCAFFOLD_POLICY "]\n"
                          "rights=ServiceConfig;EnrollmentRead;EnrollmentWrite;RegistrationStatusRead;RegistrationStatusWrite\n"
                          "primary-key-file=%s" BREVET_SCAFFOLD_PRIMARY_KEY "\n"
                          "secondary-key-file=%s" BREVET_SCAFFOLD_SECONDARY_KEY "\n",
                          prefix, prefix);
}

char *
brevet_scaffold_render_config (const BrevetScaffold *self)
{
  GString *text = g_string_new (NULL);

  append_service (text, self);
  append_listener (text, self, "https", self->https_port,
                   "Replace both files and send SIGHUP to change them without dropping a connection.");
  if (self->mqtt_port != 0)
    append_listener (text, self, "mqtt", self->mqtt_port, "Devices know the service by the same certificate here.");
  append_store (text, self);
  append_authority (text, self);
  for (gsize i = 0; self->hubs[i] != NULL; i++)
    append_hub (text, self->hubs[i]);
  append_policy (text, self);
  return g_string_free (text, FALSE);
}
