/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetRenewalPolicy:
 * @percent: renew when so much of the lifetime has passed, 1 to 99; 0 if @before counts
 * @before: renew so many seconds before the end, at least 1; 0 if @percent counts
 * @jitter: the renewal comes earlier by up to so many percent of what remains of the lifetime until then, 0 to 50
 *
 * When a certificate is renewed. Pure: no clock, no state.
 */
typedef struct {
  guint percent;
  gint64 before;
  guint jitter;
} BrevetRenewalPolicy;

/**
 * brevet_renewal_policy_parse:
 * @text: `66%` of the lifetime, or a duration before its end: `30d`, `12h` (as brevet_settings_get_duration(), but not a number
 *   without a unit)
 * @self: (out): its @percent or @before are set
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID naming what may be written
 */
gboolean brevet_renewal_policy_parse (const char *text, BrevetRenewalPolicy *self, GError **error);

/**
 * brevet_renewal_policy_compute:
 * @not_before: beginning of the validity, seconds since 1970-01-01 UTC
 * @not_after: its end
 * @installed: when this device got the certificate; a CA may date its beginning back, which must not use up a short lifetime
 * @seed: the same for the same device and certificate: what the jitter is derived from
 *
 * The lifetime begins at @installed where that lies between the two dates, else at @not_before. A @before that is longer than
 * the lifetime counts as half of it. The jitter is always the same for the same @seed, and different devices spread evenly.
 *
 * Returns: when to renew, between beginning and end; seconds since 1970-01-01 UTC
 */
gint64 brevet_renewal_policy_compute (const BrevetRenewalPolicy *self, gint64 not_before, gint64 not_after, gint64 installed,
                                      const char *seed);

G_END_DECLS
