/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetIdentifierKind:
 * @BREVET_IDENTIFIER_REGISTRATION_ID: 1 to 128 of letters, digits, `-` `.` `_` `:`; first a letter or digit, last a letter, digit
 *   or `-`
 * @BREVET_IDENTIFIER_ENROLLMENT_GROUP_ID: the same alphabet and rules
 * @BREVET_IDENTIFIER_DEVICE_ID: 1 to 128 of the alphabet that hubs accept
 * @BREVET_IDENTIFIER_NAME: certificate authority or trust bundle: 1 to 128 of the same alphabet, no special character at either end
 * @BREVET_IDENTIFIER_CERTIFICATE_NAME: CA certificate: 1 to 128 letters, digits, `-` `.` `_`, no dot at either end
 * @BREVET_IDENTIFIER_ID_SCOPE: 1 to 64 letters and digits
 * @BREVET_IDENTIFIER_ISSUED_CERTIFICATE: id of an issued certificate: 1 to 200 letters, digits and `:`
 *
 * The identifiers of protocol/dps.md §1.3. All are compared without regard to case.
 */
typedef enum {
  BREVET_IDENTIFIER_REGISTRATION_ID,
  BREVET_IDENTIFIER_ENROLLMENT_GROUP_ID,
  BREVET_IDENTIFIER_DEVICE_ID,
  BREVET_IDENTIFIER_NAME,
  BREVET_IDENTIFIER_CERTIFICATE_NAME,
  BREVET_IDENTIFIER_ID_SCOPE,
  BREVET_IDENTIFIER_ISSUED_CERTIFICATE,
} BrevetIdentifierKind;

/**
 * brevet_identifier_check:
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID naming the value (cut and escaped), the rule and what kind of identifier it is
 */
gboolean brevet_identifier_check (BrevetIdentifierKind kind, const char *identifier, GError **error);

/**
 * brevet_identifier_fold:
 *
 * Returns: (transfer full): the form that is compared and used as key: ASCII lower case
 */
char *brevet_identifier_fold (const char *identifier);

/**
 * brevet_identifier_equal:
 *
 * Returns: %TRUE if both are the same identifier
 */
gboolean brevet_identifier_equal (const char *a, const char *b);

G_END_DECLS
