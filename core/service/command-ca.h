/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ceremony-import.h"

G_BEGIN_DECLS

/* The commands of `brevet-dps ca`. */

int brevet_dps_command_ca_init (int argc, char **argv);

int brevet_dps_command_ca_sign (int argc, char **argv);

int brevet_dps_command_ca_csr (int argc, char **argv);

int brevet_dps_command_ca_import (int argc, char **argv);

int brevet_dps_command_ca_rotate (int argc, char **argv);

int brevet_dps_command_ca_status (int argc, char **argv);

/**
 * BrevetCaKeyOptions:
 *
 * Options about the key that is made, common to some of the commands.
 */
typedef struct {
  char *key_type;
  char *token;
  char *password_file;
  char *subject;
  gboolean anew;
} BrevetCaKeyOptions;

void brevet_ca_key_options_clear (BrevetCaKeyOptions *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BrevetCaKeyOptions, brevet_ca_key_options_clear)

/**
 * brevet_ca_key_options_resolve:
 * @fallback: kind of key if none is named
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID: a mistake on the command line
 */
gboolean brevet_ca_key_options_resolve (const BrevetCaKeyOptions *self, BrevetKeyKind fallback, BrevetKeyKind *kind,
                                        GError **error);

/**
 * brevet_ca_prepare:
 *
 * Makes the key that is to come with its request, and says what to do with it.
 *
 * Returns: exit code
 */
int brevet_ca_prepare (BrevetCeremony *ceremony, const BrevetCaKeyOptions *options);

/**
 * brevet_ca_tell_switched:
 *
 * Says what to do when the configuration has changed.
 */
void brevet_ca_tell_switched (BrevetCeremony *ceremony, const char *drop_in);

G_END_DECLS
