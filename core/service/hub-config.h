/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hub-trust.h"

G_BEGIN_DECLS

/* The names of what `brevet-dps hub-config` makes, relative to its directory. */
#define BREVET_HUB_CONFIG_MAIN        "mosquitto.conf"
#define BREVET_HUB_CONFIG_TRUST       "ca.pem"
#define BREVET_HUB_CONFIG_ACCESS_LIST "devices.acl"
#define BREVET_HUB_CONFIG_LISTS       "crl.pem"
#define BREVET_HUB_CONFIG_LOCAL       "local.d"

/**
 * BrevetHubConfig:
 * @directory: absolute path of the directory that all files are for
 * @port: TCP port of the hub
 * @certificate: absolute path of the hub's own certificate
 * @key: absolute path of its key
 * @hub: (nullable): host name of the hub
 * @trust: what the hub must know
 *
 * What a broker is to be configured for. All values have been checked; they have no control characters.
 */
typedef struct {
  char *directory;
  guint port;
  char *certificate;
  char *key;
  char *hub;
  BrevetHubTrust *trust;
} BrevetHubConfig;

/* What goes into each file, for mosquitto 2.0 and later. Pure: the same values make the same text. */

/**
 * brevet_hub_config_render_main:
 *
 * Returns: (transfer full): the main configuration file
 */
char *brevet_hub_config_render_main (const BrevetHubConfig *self);

/**
 * brevet_hub_config_render_trust:
 *
 * Returns: (transfer full): the certificates that devices are verified with
 */
char *brevet_hub_config_render_trust (const BrevetHubConfig *self);

/**
 * brevet_hub_config_render_access_list:
 *
 * Returns: (transfer full): which topics a device reaches
 */
char *brevet_hub_config_render_access_list (const BrevetHubConfig *self);

/**
 * brevet_hub_config_render_lists:
 *
 * Returns: (transfer full) (nullable): the revocation lists, or %NULL if the hub cannot use them
 */
char *brevet_hub_config_render_lists (const BrevetHubConfig *self);

/**
 * brevet_hub_config_render_all:
 *
 * Returns: (transfer full): the main configuration file, with all the others in comments behind it
 */
char *brevet_hub_config_render_all (const BrevetHubConfig *self);

void brevet_hub_config_free (BrevetHubConfig *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetHubConfig, brevet_hub_config_free)

G_END_DECLS
