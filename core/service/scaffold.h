/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

G_BEGIN_DECLS

/* The names of what `brevet-dps init` makes, relative to the service directory. */
#define BREVET_SCAFFOLD_CONFIG        "dps.conf"
#define BREVET_SCAFFOLD_DROP_INS      "dps.conf.d"
#define BREVET_SCAFFOLD_TLS_CA        "tls/ca.pem"
#define BREVET_SCAFFOLD_TLS_CA_KEY    "tls/ca.key"
#define BREVET_SCAFFOLD_SERVER        "tls/server.pem"
#define BREVET_SCAFFOLD_SERVER_KEY    "tls/server.key"
#define BREVET_SCAFFOLD_ROOT          "ca/root.pem"
#define BREVET_SCAFFOLD_ROOT_KEY      "ca/root.key"
#define BREVET_SCAFFOLD_ISSUING       "ca/issuing.pem"
#define BREVET_SCAFFOLD_ISSUING_KEY   "ca/issuing.key"
#define BREVET_SCAFFOLD_POLICY        "provisioningserviceowner"
#define BREVET_SCAFFOLD_PRIMARY_KEY   "keys/" BREVET_SCAFFOLD_POLICY "-primary.key"
#define BREVET_SCAFFOLD_SECONDARY_KEY "keys/" BREVET_SCAFFOLD_POLICY "-secondary.key"
#define BREVET_SCAFFOLD_STORE         "store/dps.sqlite"

#define BREVET_SCAFFOLD_HTTPS_PORT    443
#define BREVET_SCAFFOLD_MQTT_PORT     8883

/* With --system: the file that brevet-dps.service reads, its user, and a directory in the one that the user may write to. */
#define BREVET_SCAFFOLD_SYSTEM_CONFIG    BREVET_SYSCONF_DIR "/brevet/dps.conf"
#define BREVET_SCAFFOLD_SYSTEM_USER      "brevet-dps"
#define BREVET_SCAFFOLD_SYSTEM_DIRECTORY "/var/lib/brevet-dps/service"

/**
 * BrevetScaffold:
 * @host_names: names that devices and operators reach the service by; at least one
 * @address: address to listen on
 * @https_port: TCP port
 * @mqtt_port: TCP port, 0 for a service that does not speak MQTT
 * @hubs: host names of the linked hubs; at least one
 * @id_scope: the scope
 * @ca_name: name of the local certificate authority
 * @for_system: whether the configuration is a file of the system, which names everything in
 *   %BREVET_SCAFFOLD_SYSTEM_DIRECTORY by absolute paths
 *
 * What a new service directory is to contain. All values have been checked.
 */
typedef struct {
  char **host_names;
  char *address;
  guint https_port;
  guint mqtt_port;
  char **hubs;
  char *id_scope;
  char *ca_name;
  gboolean for_system;
} BrevetScaffold;

/**
 * brevet_scaffold_create:
 * @directory: absolute path; must not exist, or be an empty directory
 *
 * Makes a complete service directory beside @directory and renames it into place when everything is on disk: afterwards @directory
 * is either whole or as it was.
 *
 * Returns: %FALSE with %BREVET_ERROR_CONFLICT if @directory is in use, %BREVET_ERROR_NOT_CONFIGURED if it cannot be made there,
 *   %BREVET_ERROR_FAILED if anything else went wrong
 */
gboolean brevet_scaffold_create (const BrevetScaffold *self, const char *directory, GError **error);

/**
 * brevet_scaffold_create_system:
 *
 * Makes what brevet-dps.service needs: %BREVET_SCAFFOLD_SYSTEM_CONFIG, which the service may read and root may change, and
 * %BREVET_SCAFFOLD_SYSTEM_DIRECTORY, which is the service's own. Both or neither.
 *
 * Returns: %FALSE with an error as brevet_scaffold_create(); %BREVET_ERROR_NOT_CONFIGURED also for anybody but root
 */
gboolean brevet_scaffold_create_system (const BrevetScaffold *self, GError **error);

/**
 * brevet_scaffold_renew_server:
 * @directory: a service directory with the key of its TLS CA
 * @host_names: names for the new certificate
 *
 * Issues a new TLS certificate for the server's present key and puts it in the place of the old one, atomically.
 */
gboolean brevet_scaffold_renew_server (const char *directory, const char *const *host_names, GError **error);

/**
 * brevet_scaffold_renew_system_server:
 *
 * As brevet_scaffold_renew_server() in %BREVET_SCAFFOLD_SYSTEM_DIRECTORY, as the user of the service.
 */
gboolean brevet_scaffold_renew_system_server (const char *const *host_names, GError **error);

/**
 * brevet_scaffold_write_certificates:
 *
 * Makes the keys and certificates of a service directory: TLS CA and server; root and issuing CA for the devices.
 */
gboolean brevet_scaffold_write_certificates (const BrevetScaffold *self, const char *directory, GError **error);

/**
 * brevet_scaffold_render_config:
 *
 * Returns: (transfer full): text of the main configuration file
 */
char *brevet_scaffold_render_config (const BrevetScaffold *self);

/**
 * brevet_scaffold_write_file:
 * @name: relative to @directory
 * @mode: permissions
 *
 * Writes one file durably and atomically.
 */
gboolean brevet_scaffold_write_file (const char *directory, const char *name, const char *contents, int mode, GError **error);

/**
 * brevet_scaffold_load_certificate:
 * @name: relative to @directory
 *
 * Returns: (transfer full) (nullable): the first certificate of a file
 */
BrevetCertificate *brevet_scaffold_load_certificate (const char *directory, const char *name, GError **error);

void brevet_scaffold_free (BrevetScaffold *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetScaffold, brevet_scaffold_free)

G_END_DECLS
