/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-traffic.h"

#define USUAL_QUEUE 10000
#define USUAL_CHECK_INTERVAL 300

#define MOST_QUESTIONS 1000000
#define LONGEST_CHECK_INTERVAL (7 * 86400)

static gboolean
read_rate (BrevetSettings *settings, const BrevetCaTraffic *traffic, BrevetAuthorityLimits *limits, GError **error)
{
  gint64 burst;
  gint64 per_minute;

  if (!brevet_settings_get_int (settings, "requests-per-minute", 0, 0, MOST_QUESTIONS, &per_minute, error))
    return FALSE;
  limits->per_second = brevet_settings_has (settings, "requests-per-minute") ? (double) per_minute / 60 : traffic->per_second;
  if (!brevet_settings_get_int (settings, "burst", 0, 1, MOST_QUESTIONS, &burst, error))
    return FALSE;
  if (brevet_settings_has (settings, "burst"))
    limits->burst = (guint) burst;
  else
    limits->burst = traffic->burst > 0 ? traffic->burst : (guint) limits->per_second + 1;
  return TRUE;
}

gboolean
brevet_authority_limits_read (BrevetSettings *settings, BrevetCaBackend *backend, BrevetAuthorityLimits *limits, GError **error)
{
  g_autoptr(BrevetSettings) none = settings == NULL ? brevet_settings_new ("ca", NULL, NULL) : NULL;
  BrevetCaTraffic traffic = { 0 };
  gint64 in_flight;
  gint64 queued;
  gint64 check_interval;

  settings = settings != NULL ? settings : none;
  if (backend != NULL)
    brevet_ca_backend_get_traffic (backend, &traffic);
  if (!brevet_settings_get_int (settings, "maximum-in-flight", traffic.maximum_in_flight, 0, MOST_QUESTIONS, &in_flight, error) ||
      !read_rate (settings, &traffic, limits, error) ||
      !brevet_settings_get_int (settings, "maximum-queued", USUAL_QUEUE, 0, MOST_QUESTIONS, &queued, error) ||
      !brevet_settings_get_duration (settings, "check-interval", USUAL_CHECK_INTERVAL, 0, LONGEST_CHECK_INTERVAL, &check_interval,
                                     error))
    return FALSE;
  limits->maximum_in_flight = (guint) in_flight;
  limits->maximum_queued = (guint) queued;
  limits->check_interval = (guint) check_interval;
  return TRUE;
}
