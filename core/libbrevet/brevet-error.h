/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

G_BEGIN_DECLS

/**
 * BREVET_ERROR:
 *
 * The error domain of brevet. Codes are named after what the caller can do about it.
 */
#define BREVET_ERROR (brevet_error_quark ())

/**
 * BrevetError:
 * @BREVET_ERROR_FAILED: anything without a better name
 * @BREVET_ERROR_INVALID: the input is malformed: correct it and ask again
 * @BREVET_ERROR_REJECTED: understood and refused: asking again changes nothing
 * @BREVET_ERROR_UNREACHABLE: nobody answered, or the answer was cut off: try again later
 * @BREVET_ERROR_NOT_CONFIGURED: a human must change the configuration
 * @BREVET_ERROR_NOT_FOUND: there is no such thing
 * @BREVET_ERROR_CONFLICT: the thing exists, or is no longer what the caller believed: read it again
 * @BREVET_ERROR_BUSY: a limit is reached: try again later, after the time that the reply names
 * @BREVET_ERROR_UNSUPPORTED: this installation cannot do that
 * @BREVET_ERROR_CORRUPT: stored data cannot be read back: an operator must look
 * @BREVET_ERROR_UNTRUSTED: somebody answered, but could not prove to be the one that was called: look at trust, name and clock
 */
typedef enum {
  BREVET_ERROR_FAILED,
  BREVET_ERROR_INVALID,
  BREVET_ERROR_REJECTED,
  BREVET_ERROR_UNREACHABLE,
  BREVET_ERROR_NOT_CONFIGURED,
  BREVET_ERROR_NOT_FOUND,
  BREVET_ERROR_CONFLICT,
  BREVET_ERROR_BUSY,
  BREVET_ERROR_UNSUPPORTED,
  BREVET_ERROR_CORRUPT,
  BREVET_ERROR_UNTRUSTED,
} BrevetError;

BREVET_API
GQuark brevet_error_quark (void);

G_END_DECLS
