/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "register-attestation.h"

G_BEGIN_DECLS

/**
 * BrevetRegisterOptions:
 * @registration_id: (nullable): %NULL if the device's credential says it
 *
 * What the command line of a registration says. Plain data.
 */
typedef struct {
  char *host;
  int port;
  char *ca_file;
  char *id_scope;
  char *registration_id;
  BrevetRegisterAttestation attestation;
  char *csr_file;
  char *certificate_file;
  char *bundle_file;
  char *payload_file;
  char *transport;
  char *api_version;
  int timeout;
  gboolean json;
} BrevetRegisterOptions;

/**
 * brevet_register_options_parse:
 * @self: zero
 * @exit_code: (out): what to return if this returns %FALSE
 *
 * Returns: %FALSE if the command should stop now: help was printed, or what is wrong
 */
gboolean brevet_register_options_parse (BrevetRegisterOptions *self, int argc, char **argv, int *exit_code);

void brevet_register_options_clear (BrevetRegisterOptions *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BrevetRegisterOptions, brevet_register_options_clear)

G_END_DECLS
