/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-clock.h"

#include <gnutls/gnutls.h>
#include <time.h>

static BrevetClockFunc clock_source;
static gpointer clock_data;

gint64
brevet_clock_now (void)
{
  return clock_source != NULL ? clock_source (clock_data) : g_get_real_time ();
}

gint64
brevet_clock_now_seconds (void)
{
  return brevet_clock_now () / G_USEC_PER_SEC;
}

gint64
brevet_clock_monotonic (void)
{
  return g_get_monotonic_time ();
}

static time_t
gnutls_time (time_t *result)
{
  time_t now = (time_t) brevet_clock_now_seconds ();

  if (result != NULL)
    *result = now;
  return now;
}

void
brevet_clock_set_source (BrevetClockFunc source, gpointer user_data)
{
  clock_source = source;
  clock_data = user_data;
  gnutls_global_set_time_function (source != NULL ? gnutls_time : time);
}

char *
brevet_clock_format (gint64 microseconds)
{
  gint64 seconds = microseconds / G_USEC_PER_SEC;
  gint64 rest = microseconds % G_USEC_PER_SEC;
  g_autoptr(GDateTime) moment = NULL;
  int year, month, day;

  if (rest < 0)
    {
      seconds--;
      rest += G_USEC_PER_SEC;
    }
  moment = g_date_time_new_from_unix_utc (seconds);
  g_return_val_if_fail (moment != NULL, NULL);

  g_date_time_get_ymd (moment, &year, &month, &day);
  return g_strdup_printf ("%04d-%02d-%02dT%02d:%02d:%02d.%06" G_GINT64_FORMAT "0Z", year, month, day, g_date_time_get_hour (moment),
                          g_date_time_get_minute (moment), g_date_time_get_second (moment), rest);
}
