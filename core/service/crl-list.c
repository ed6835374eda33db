/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crl-list.h"

#include "brevet-log.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

typedef struct gnutls_x509_crl_int Crl;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Crl, gnutls_x509_crl_deinit)

static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static char *
format_http_time (gint64 seconds)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc (seconds);

  return g_strdup_printf ("%s, %02d %s %04d %02d:%02d:%02d GMT", days[g_date_time_get_day_of_week (time) - 1],
                          g_date_time_get_day_of_month (time), months[g_date_time_get_month (time) - 1],
                          g_date_time_get_year (time), g_date_time_get_hour (time), g_date_time_get_minute (time),
                          g_date_time_get_second (time));
}

/* The one form that clients of this century write (RFC 9110 §5.6.7). Returns 0 for any other: the list is sent then. */
static gint64
parse_http_time (const char *text)
{
  char month[4] = "";
  int day, year, hour, minute, second, end = 0;

  if (strlen (text) != strlen ("Sun, 06 Nov 1994 08:49:37 GMT") ||
      sscanf (text + strlen ("Sun, "), "%2d %3s %4d %2d:%2d:%2d GMT%n", &day, month, &year, &hour, &minute, &second, &end) != 6 ||
      end == 0)
    return 0;
  for (guint i = 0; i < G_N_ELEMENTS (months); i++)
    {
      g_autoptr(GDateTime) time = NULL;

      if (strcmp (months[i], month) != 0)
        continue;
      time = g_date_time_new_utc (year, (int) i + 1, day, hour, minute, second);
      return time != NULL ? g_date_time_to_unix (time) : 0;
    }
  return 0;
}

static char *
read_issuer_key (Crl *crl)
{
  guint8 id[64];
  gsize size = sizeof id;
  GString *text;

  if (gnutls_x509_crl_get_authority_key_id (crl, id, &size, NULL) < 0 || size == 0)
    return NULL;
  text = g_string_sized_new (2 * size);
  for (gsize i = 0; i < size; i++)
    g_string_append_printf (text, "%02x", id[i]);
  return g_string_free (text, FALSE);
}

static char *
make_etag (GBytes *der)
{
  g_autofree char *digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, der);

  digest[32] = '\0';
  return g_strconcat ("\"", digest, "\"", NULL);
}

static gboolean
read_list (BrevetCrlList *self)
{
  gnutls_datum_t data = { (unsigned char *) g_bytes_get_data (self->der, NULL), (unsigned) g_bytes_get_size (self->der) };
  g_autoptr(Crl) crl = NULL;

  if (gnutls_x509_crl_init (&crl) < 0 || gnutls_x509_crl_import (crl, &data, GNUTLS_X509_FMT_DER) < 0)
    return FALSE;
  self->this_update = gnutls_x509_crl_get_this_update (crl);
  self->next_update = gnutls_x509_crl_get_next_update (crl);
  self->issuer = read_issuer_key (crl);
  return self->this_update > 0 && self->next_update > self->this_update;
}

BrevetCrlList *
brevet_crl_list_new_missing (const char *name)
{
  BrevetCrlList *self = g_atomic_rc_box_new0 (BrevetCrlList);

  self->name = g_strdup (name);
  self->identity = g_strdup ("");
  return self;
}

BrevetCrlList *
brevet_crl_list_new (const char *name, const char *identity, GBytes *der)
{
  g_autoptr(BrevetCrlList) self = g_atomic_rc_box_new0 (BrevetCrlList);
  g_autofree char *message = NULL;

  self->name = g_strdup (name);
  self->identity = g_strdup (identity);
  self->der = g_bytes_ref (der);
  if (read_list (self))
    {
      self->etag = make_etag (der);
      self->last_modified = format_http_time (self->this_update);
      return g_steal_pointer (&self);
    }
  message = g_strdup_printf ("The revocation list of the certificate authority “%s” cannot be used: it is damaged, or does not say "
                             "when the next one comes", name);
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_REVOCATION_LIST, message, "BREVET_CA", name, NULL);
  return NULL;
}

BrevetCrlList *
brevet_crl_list_ref (BrevetCrlList *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
list_clear (gpointer data)
{
  BrevetCrlList *self = data;

  g_free (self->name);
  g_free (self->identity);
  g_clear_pointer (&self->der, g_bytes_unref);
  g_free (self->issuer);
  g_free (self->etag);
  g_free (self->last_modified);
}

void
brevet_crl_list_unref (BrevetCrlList *self)
{
  g_atomic_rc_box_release_full (self, list_clear);
}

static gboolean
names_version (const char *field, const char *etag)
{
  g_auto(GStrv) items = g_strsplit (field, ",", -1);

  for (char **item = items; *item != NULL; item++)
    {
      const char *version = g_strstrip (*item);

      if (g_str_has_prefix (version, "W/"))
        version += 2;
      if (strcmp (version, "*") == 0 || strcmp (version, etag) == 0)
        return TRUE;
    }
  return FALSE;
}

gboolean
brevet_crl_list_is_known (const BrevetCrlList *self, const char *if_none_match, const char *if_modified_since)
{
  if (if_none_match != NULL)
    return names_version (if_none_match, self->etag);
  return if_modified_since != NULL && parse_http_time (if_modified_since) >= self->this_update;
}
