/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-certificate-text.h"

#include "brevet-error.h"
#include "brevet-wire-private.h"

#include <string.h>

#define BEGIN_ANY "-----BEGIN "

static GBytes *
decode_lines (const char *text)
{
  g_auto(GStrv) lines = g_strsplit_set (text, " \t\r\n", -1);
  g_autofree char *joined = g_strjoinv ("", lines);

  return brevet_wire_base64_decode (joined);
}

BrevetCertificate *
brevet_certificate_new_from_text (const char *text, GError **error)
{
  g_autoptr(GBytes) bytes = NULL;
  g_autofree char *pem = NULL;

  if (strstr (text, BEGIN_ANY) != NULL)
    return brevet_certificate_new_from_pem (text, error);
  bytes = decode_lines (text);
  if (bytes == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "It is neither PEM nor base64");
      return NULL;
    }
  if (g_strstr_len (g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes), BEGIN_ANY) == NULL)
    return brevet_certificate_new (bytes, error);
  pem = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  return brevet_certificate_new_from_pem (pem, error);
}
