/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-secret.h"

G_BEGIN_DECLS

/**
 * BrevetConnectionString:
 * @host: host name or address of the service, without brackets
 * @port: its port, 0 if the text names none
 * @key_name: name of the shared access policy
 * @key: its key, decoded
 *
 * How an operator's tool reaches a service, and as whom (protocol/dps.md §9). Plain data.
 */
typedef struct {
  char *host;
  guint16 port;
  char *key_name;
  BrevetSecret *key;
} BrevetConnectionString;

/**
 * brevet_connection_string_parse:
 * @text: `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…` in any order, names without case, unknown members ignored; behind the
 *   host name there may be a port: `dps.example.net:8443`
 *
 * Returns: (transfer full) (nullable): the parts; %NULL with %BREVET_ERROR_INVALID naming the member that is missing, twice there,
 *   or wrong. The message never repeats the key.
 */
BrevetConnectionString *brevet_connection_string_parse (const char *text, GError **error);

void brevet_connection_string_free (BrevetConnectionString *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetConnectionString, brevet_connection_string_free)

G_END_DECLS
