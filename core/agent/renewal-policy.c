/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "renewal-policy.h"

#include "brevet-duration.h"
#include "brevet-error.h"

#include <string.h>

/* No certificate has dates beyond these, years ten thousand and minus ten thousand; so nothing below overflows. */
#define DATE_LIMIT G_GINT64_CONSTANT (380000000000)

static gboolean
parse_percent (const char *text, gsize length, guint *percent)
{
  g_autofree char *number = g_strndup (text, length);
  guint64 value = 0;

  if (!g_ascii_string_to_unsigned (number, 10, 1, 99, &value, NULL))
    return FALSE;
  *percent = (guint) value;
  return TRUE;
}

/* “66” would be a minute before the end, and is hardly ever meant so. */
static gboolean
lacks_unit (const char *text, gsize length)
{
  return length > 0 && strspn (text, G_CSET_DIGITS) == length;
}

gboolean
brevet_renewal_policy_parse (const char *text, BrevetRenewalPolicy *self, GError **error)
{
  gsize length = 0;
  guint percent = 0;
  gint64 before = 0;
  gboolean ok = FALSE;

  g_return_val_if_fail (text != NULL && self != NULL, FALSE);

  length = strlen (text);
  if (lacks_unit (text, length))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                   "“%s” does not say of what it is a number; write “%s%%” for a part of the lifetime, or “%ss” for seconds before "
                   "its end", text, text, text);
      return FALSE;
    }
  if (length > 0 && text[length - 1] == '%')
    ok = parse_percent (text, length - 1, &percent);
  else
    ok = brevet_duration_parse (text, &before) && before > 0;
  if (!ok)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                   "“%s” is no time for a renewal; write 1%% to 99%% of the lifetime, for example 66%%, or a duration before its "
                   "end, for example 30d", text);
      return FALSE;
    }
  self->percent = percent;
  self->before = before;
  return TRUE;
}

/* Evenly from 0 to @span. A hash, since seeds differ in a few characters and are no random numbers. */
static gint64
spread (const char *seed, gint64 span)
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize size = sizeof digest;
  guint64 bits = 0;

  g_checksum_update (checksum, (const guchar *) seed, -1);
  g_checksum_get_digest (checksum, digest, &size);
  for (guint i = 0; i < 6; i++)
    bits = bits << 8 | digest[i];
  return (gint64) ((double) bits / (double) (G_GUINT64_CONSTANT (1) << 48) * (double) (span + 1));
}

gint64
brevet_renewal_policy_compute (const BrevetRenewalPolicy *self, gint64 not_before, gint64 not_after, gint64 installed,
                               const char *seed)
{
  gint64 end = CLAMP (not_after, -DATE_LIMIT, DATE_LIMIT);
  gint64 begin = CLAMP (installed > not_before && installed < not_after ? installed : not_before, -DATE_LIMIT, DATE_LIMIT);
  gint64 lifetime = end - begin;
  gint64 passed = 0;

  g_return_val_if_fail (seed != NULL, begin);

  if (lifetime < 2)
    return begin;
  if (self->percent > 0)
    passed = lifetime * self->percent / 100;
  else
    passed = self->before < lifetime ? lifetime - self->before : lifetime / 2;
  passed -= spread (seed, passed * self->jitter / 100);
  return begin + CLAMP (passed, 1, lifetime - 1);
}
