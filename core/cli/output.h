/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What commands print for programs, and how they notice that it did not arrive. */

/**
 * brevet_output_format_time:
 * @seconds: since 1970-01-01 UTC
 *
 * Returns: (transfer full) (nullable): RFC 3339, UTC: `2031-02-03T04:05:06Z`; %NULL for 0 and for what is no time of our calendar
 */
char *brevet_output_format_time (gint64 seconds);

/**
 * brevet_output_set_text:
 * @value: (nullable): text; %NULL and the empty text become null
 */
void brevet_output_set_text (JsonObject *object, const char *member, const char *value);

/**
 * brevet_output_set_time:
 * @seconds: since 1970-01-01 UTC; 0 becomes null
 */
void brevet_output_set_time (JsonObject *object, const char *member, gint64 seconds);

/**
 * brevet_output_set_certificate:
 *
 * Adds the members subject, issuer, serialNumber, notBefore, notAfter and sha256 to @object.
 */
void brevet_output_set_certificate (JsonObject *object, BrevetCertificate *certificate);

/**
 * brevet_output_print_json:
 *
 * Prints @object in one line, flushed.
 */
void brevet_output_print_json (JsonObject *object);

/**
 * brevet_output_is_closed:
 *
 * Returns: %TRUE if nobody reads standard output any more
 */
gboolean brevet_output_is_closed (void);

/**
 * brevet_output_finish:
 * @exit_code: what the command would return
 *
 * Sees to it that everything printed is written. Says on standard error if it could not be, except where the reader went away: that
 * it has seen enough is no failure.
 *
 * Returns: @exit_code, or %BREVET_EXIT_FAILED if it was 0 and the output is lost
 */
int brevet_output_finish (int exit_code);

G_END_DECLS
