/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "admin-file.h"

#include "argument-file.h"
#include "brevet-certificate.h"
#include "brevet-error.h"
#include "brevet-text-file.h"

#include <glib/gi18n-lib.h>

char *
brevet_admin_load_text (const char *path, gsize *length, GError **error)
{
  g_autofree char *settled = brevet_argument_file_settle (path, error);

  return settled != NULL ? brevet_text_file_read (settled, BREVET_ARGUMENT_FILE_MAXIMUM, length, error) : NULL;
}

char *
brevet_admin_load_certificate (const char *path, GError **error)
{
  gsize length;
  g_autofree char *text = brevet_admin_load_text (path, &length, error);
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autoptr(GBytes) der = NULL;
  g_autoptr(GError) cause = NULL;

  if (text == NULL)
    return NULL;
  certificate = brevet_certificate_new_from_pem (text, &cause);
  if (certificate == NULL)
    {
      der = g_bytes_new (text, length);
      certificate = brevet_certificate_new (der, NULL);
    }
  if (certificate != NULL)
    return brevet_certificate_to_pem (certificate);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("Cannot use the certificate in %s: %s"), path, cause->message);
  return NULL;
}
