/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ceremony-terminal.h"

#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-token.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <gnutls/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define MAX_LINE 1024

static gboolean
refuse (GError **error, const char *text)
{
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED, text);
  return FALSE;
}

static gboolean
read_line (char line[MAX_LINE])
{
  if (fgets (line, MAX_LINE, stdin) == NULL)
    return FALSE;
  line[strcspn (line, "\r\n")] = '\0';
  return TRUE;
}

gboolean
brevet_ceremony_confirm (const char *question, gboolean assumed, GError **error)
{
  char line[MAX_LINE];

  if (assumed)
    return TRUE;
  if (!isatty (STDIN_FILENO))
    return refuse (error, "Nobody is there to say yes, and --yes was not given; nothing was changed");
  /* TRANSLATORS: “yes” has to be typed as it is, in any language */
  g_print (_("%s Type yes: "), question);
  if (read_line (line) && g_ascii_strcasecmp (line, "yes") == 0)
    return TRUE;
  return refuse (error, "The answer was not yes; nothing was changed");
}

/* FALSE if somebody has interrupted the command; the signal is still pending then. */
static gboolean
wait_for_line (const sigset_t *interruptions)
{
  int signals = signalfd (-1, interruptions, SFD_CLOEXEC);
  struct pollfd sources[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = signals, .events = POLLIN } };

  while (poll (sources, G_N_ELEMENTS (sources), -1) < 0 && errno == EINTR)
    continue;
  if (signals >= 0)
    close (signals);
  return sources[1].revents == 0;
}

/* Whoever interrupts the command is not to be left with a terminal that shows nothing: the signal takes effect after that. */
static gboolean
read_silent_line (const char *question, char line[MAX_LINE], const struct termios *before)
{
  struct termios silent = *before;
  sigset_t interruptions, former;
  gboolean is_read;

  sigemptyset (&interruptions);
  sigaddset (&interruptions, SIGINT);
  sigaddset (&interruptions, SIGTERM);
  sigaddset (&interruptions, SIGHUP);
  sigaddset (&interruptions, SIGQUIT);
  pthread_sigmask (SIG_BLOCK, &interruptions, &former);
  silent.c_lflag &= ~(tcflag_t) ECHO;
  /* Before the question: whoever answers quickly is not to be seen either. */
  tcsetattr (STDIN_FILENO, TCSAFLUSH, &silent);
  g_printerr ("%s: ", question);
  is_read = wait_for_line (&interruptions) && read_line (line);
  tcsetattr (STDIN_FILENO, is_read ? TCSANOW : TCSAFLUSH, before);
  g_printerr ("\n");
  pthread_sigmask (SIG_SETMASK, &former, NULL);
  return is_read;
}

static BrevetSecret *
ask (const char *question, GError **error)
{
  struct termios before;
  char line[MAX_LINE];
  BrevetSecret *secret = NULL;

  if (!isatty (STDIN_FILENO) || tcgetattr (STDIN_FILENO, &before) != 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "A password or PIN is needed, and nobody is there to type it; name a file with --password-file");
      return NULL;
    }
  if (read_silent_line (question, line, &before))
    secret = brevet_secret_new (line, strlen (line));
  gnutls_memset (line, 0, sizeof line);
  if (secret == NULL)
    refuse (error, "No password was typed; nothing was changed");
  return secret;
}

BrevetSecret *
brevet_ceremony_read_password (const char *path, const char *question, gboolean twice, GError **error)
{
  g_autoptr(BrevetSecret) first = NULL;
  g_autoptr(BrevetSecret) second = NULL;
  gsize length = 0;

  first = path != NULL ? brevet_secret_new_from_file (path, error) : ask (question, error);
  if (first == NULL)
    return NULL;
  brevet_secret_get_data (first, &length);
  if (length == 0)
    {
      refuse (error, "The password is empty; nothing was changed");
      return NULL;
    }
  if (path != NULL || !twice)
    return g_steal_pointer (&first);
  second = ask (_("Once more"), error);
  if (second == NULL)
    return NULL;
  if (!brevet_secret_equal (first, second))
    {
      refuse (error, "The two passwords differ; nothing was changed");
      return NULL;
    }
  return g_steal_pointer (&first);
}

/* Both forms of an encrypted key in PEM say so. */
static gboolean
is_encrypted (const char *location)
{
  g_autoptr(BrevetSecret) contents = brevet_secret_new_from_file (location, NULL);
  const char *pem = contents != NULL ? (const char *) brevet_secret_get_data (contents, NULL) : "";

  return strstr (pem, "ENCRYPTED") != NULL;
}

BrevetKey *
brevet_ceremony_load_key (const char *location, BrevetSecret *password, const char *option, GError **error)
{
  g_autoptr(BrevetSecret) typed = NULL;
  g_autoptr(GError) local_error = NULL;
  BrevetKey *key = brevet_key_load (location, password, &local_error);

  if (key != NULL)
    return key;
  if (password != NULL || !isatty (STDIN_FILENO) ||
      !(brevet_token_is_uri (location) || g_file_test (location, G_FILE_TEST_EXISTS)))
    {
      if (password == NULL && !brevet_token_is_uri (location) && is_encrypted (location))
        g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s; name a file with %s", local_error->message, option);
      else
        g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }
  typed = ask (brevet_token_is_uri (location) ? _("PIN of the token") : _("Password of the key"), error);
  return typed != NULL ? brevet_key_load (location, typed, error) : NULL;
}

char *
brevet_ceremony_format_date (gint64 seconds)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc (seconds);

  return date != NULL ? g_date_time_format_iso8601 (date) : g_strdup_printf ("%" G_GINT64_FORMAT, seconds);
}

char *
brevet_ceremony_format_fingerprint (BrevetCertificate *certificate)
{
  const char *digits = brevet_certificate_get_sha256 (certificate);
  GString *text = g_string_new (NULL);

  for (gsize i = 0; digits[i] != '\0'; i++)
    {
      if (i > 0 && i % 2 == 0)
        g_string_append_c (text, ':');
      g_string_append_c (text, g_ascii_toupper (digits[i]));
    }
  return g_string_free (text, FALSE);
}

int
brevet_ceremony_get_path_length (BrevetCertificate *certificate)
{
  unsigned int critical = 0;
  unsigned int is_ca = 0;
  int length = -1;

  if (gnutls_x509_crt_get_basic_constraints (brevet_certificate_get_crt (certificate), &critical, &is_ca, &length) < 0)
    return -1;
  return length;
}

void
brevet_ceremony_print_certificate (const char *title, BrevetCertificate *certificate)
{
  g_autofree char *subject = brevet_command_make_printable (brevet_certificate_get_subject (certificate));
  g_autofree char *issuer = brevet_command_make_printable (brevet_certificate_get_issuer (certificate));
  g_autofree char *since = brevet_ceremony_format_date (brevet_certificate_get_not_before (certificate));
  g_autofree char *until = brevet_ceremony_format_date (brevet_certificate_get_not_after (certificate));
  g_autofree char *fingerprint = brevet_ceremony_format_fingerprint (certificate);

  g_print ("%s\n", title);
  g_print (_("  Subject:     %s\n"), subject);
  g_print (_("  Issuer:      %s\n"), issuer);
  g_print (_("  Serial:      %s\n"), brevet_certificate_get_serial (certificate));
  g_print (_("  Valid:       %s to %s\n"), since, until);
  if (brevet_ceremony_get_path_length (certificate) >= 0)
    g_print (_("  Path length: %d\n"), brevet_ceremony_get_path_length (certificate));
  g_print (_("  SHA-256:     %s\n"), fingerprint);
}
