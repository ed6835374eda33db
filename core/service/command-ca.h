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
 * brevet_ca_check_subject:
 * @option: what the error names
 * @value: (nullable): a part of a subject
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID: it is empty, too long, or no UTF-8
 */
gboolean brevet_ca_check_subject (const char *option, const char *value, GError **error);

/**
 * brevet_ca_check_name:
 *
 * Returns: %FALSE if the command should stop now with @exit_code: no CA can have this name
 */
gboolean brevet_ca_check_name (const char *name, int *exit_code);

/**
 * brevet_ca_prepare:
 *
 * @is_signed_here: the caller has the root at hand
 *
 * Makes the key that is to come with its request, and says what to do with it, unless the caller does that.
 *
 * Returns: exit code
 */
int brevet_ca_prepare (BrevetCeremony *ceremony, const BrevetCaKeyOptions *options, gboolean is_signed_here);

/**
 * brevet_ca_tell_switched:
 *
 * Says what to do when the configuration has changed.
 */
void brevet_ca_tell_switched (BrevetCeremony *ceremony, const char *drop_in);

G_END_DECLS
