/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"
#include "brevet-key.h"

G_BEGIN_DECLS

/* What the commands of a ceremony ask and say. */

/**
 * brevet_ceremony_confirm:
 * @question: translated; ends with a question mark
 * @assumed: whether --yes was given
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED if the answer is no, or nobody is there to give one
 */
gboolean brevet_ceremony_confirm (const char *question, gboolean assumed, GError **error);

/**
 * brevet_ceremony_read_password:
 * @path: (nullable): file that holds it; %NULL asks on the terminal, without showing what is typed
 * @question: translated: what is asked for
 * @twice: whether it is a new password, which is to be typed twice
 *
 * Returns: (transfer full) (nullable): the password; %NULL with an error
 */
BrevetSecret *brevet_ceremony_read_password (const char *path, const char *question, gboolean twice, GError **error);

/**
 * brevet_ceremony_load_key:
 * @location: as for brevet_key_load()
 * @password: (nullable): password or PIN that is known already
 * @option: what names a file with it, for the error if there is no terminal
 *
 * Asks on the terminal when the key needs a password that is not known.
 */
BrevetKey *brevet_ceremony_load_key (const char *location, BrevetSecret *password, const char *option, GError **error);

/**
 * brevet_ceremony_format_date:
 *
 * Returns: (transfer full): date and time, UTC
 */
char *brevet_ceremony_format_date (gint64 seconds);

/**
 * brevet_ceremony_format_fingerprint:
 *
 * Returns: (transfer full): SHA-256 in upper case with colons, as other programs show it and people read it aloud
 */
char *brevet_ceremony_format_fingerprint (BrevetCertificate *certificate);

/**
 * brevet_ceremony_get_path_length:
 *
 * Returns: the path length of a CA certificate, -1 if it has none
 */
int brevet_ceremony_get_path_length (BrevetCertificate *certificate);

/**
 * brevet_ceremony_print_certificate:
 * @title: translated: what it is
 */
void brevet_ceremony_print_certificate (const char *title, BrevetCertificate *certificate);

G_END_DECLS
