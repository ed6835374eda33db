/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "output.h"

#include "brevet-command.h"
#include "brevet-wire-json.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

char *
brevet_output_format_time (gint64 seconds)
{
  g_autoptr(GDateTime) time = seconds != 0 ? g_date_time_new_from_unix_utc (seconds) : NULL;

  return time != NULL ? g_date_time_format_iso8601 (time) : NULL;
}

void
brevet_output_set_text (JsonObject *object, const char *member, const char *value)
{
  if (value != NULL && *value != '\0')
    json_object_set_string_member (object, member, value);
  else
    json_object_set_null_member (object, member);
}

void
brevet_output_set_time (JsonObject *object, const char *member, gint64 seconds)
{
  g_autofree char *time = brevet_output_format_time (seconds);

  brevet_output_set_text (object, member, time);
}

void
brevet_output_set_certificate (JsonObject *object, BrevetCertificate *certificate)
{
  json_object_set_string_member (object, "subject", brevet_certificate_get_subject (certificate));
  json_object_set_string_member (object, "issuer", brevet_certificate_get_issuer (certificate));
  json_object_set_string_member (object, "serialNumber", brevet_certificate_get_serial (certificate));
  brevet_output_set_time (object, "notBefore", brevet_certificate_get_not_before (certificate));
  brevet_output_set_time (object, "notAfter", brevet_certificate_get_not_after (certificate));
  json_object_set_string_member (object, "sha256", brevet_certificate_get_sha256 (certificate));
}

void
brevet_output_print_json (JsonObject *object)
{
  g_autoptr(GBytes) text = brevet_wire_print_object (object);

  g_print ("%.*s\n", (int) g_bytes_get_size (text), (const char *) g_bytes_get_data (text, NULL));
}

/* A pipe whose reader has gone reports an error without being asked for any event. */
gboolean
brevet_output_is_closed (void)
{
  struct pollfd standard_output = { .fd = STDOUT_FILENO };

  return poll (&standard_output, 1, 0) == 1 && (standard_output.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

int
brevet_output_finish (int exit_code)
{
  int failure = fflush (stdout) != 0 ? errno : 0;

  if ((failure == 0 && !ferror (stdout)) || brevet_output_is_closed ())
    return exit_code;
  if (failure != 0)
    g_printerr (_("%s: Cannot write the output: %s\n"), g_get_prgname (), g_strerror (failure));
  else
    g_printerr (_("%s: Cannot write all of the output\n"), g_get_prgname ());
  return exit_code != BREVET_EXIT_OK ? exit_code : BREVET_EXIT_FAILED;
}
