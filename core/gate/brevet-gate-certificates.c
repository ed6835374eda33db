/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates as proxies hand them on. */
#include "brevet-gate-certificates.h"

#include "brevet-error.h"

#include <string.h>

#define SEQUENCE 0x30
#define LONG_FORM 0x80
#define MOST_LENGTH_BYTES 3

/* Where one certificate ends and the next begins; what is within is GnuTLS' to read. None is so short that its length would fit in
 * one byte. Returns: 0 if this is no certificate */
static gsize
measure (const guint8 *data, gsize length)
{
  gsize size = 0;
  guint count;

  if (length < 2 || data[0] != SEQUENCE || data[1] <= LONG_FORM || data[1] > LONG_FORM + MOST_LENGTH_BYTES)
    return 0;

  count = data[1] - LONG_FORM;
  if (length < 2 + count)
    return 0;
  for (guint i = 0; i < count; i++)
    size = size << 8 | data[2 + i];
  size += 2 + count;
  return size <= length ? size : 0;
}

gboolean
brevet_gate_certificates_add_der (GPtrArray *certificates, const guint8 *data, gsize length, GError **error)
{
  while (length > 0)
    {
      gsize size = measure (data, length);
      g_autoptr(GBytes) der = g_bytes_new (data, size);
      BrevetCertificate *certificate;

      if (size == 0 || certificates->len == BREVET_CHAIN_MAX_LENGTH)
        {
          g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                       "The bytes are not 1 to %d X.509 certificates in DER", BREVET_CHAIN_MAX_LENGTH);
          return FALSE;
        }
      certificate = brevet_certificate_new (der, error);
      if (certificate == NULL)
        return FALSE;
      g_ptr_array_add (certificates, certificate);
      data += size;
      length -= size;
    }
  return TRUE;
}

gboolean
brevet_gate_certificates_add_base64 (GPtrArray *certificates, const char *text, GError **error)
{
  gsize length = 0;
  g_autofree guint8 *data = g_base64_decode (text, &length);
  g_autofree char *again = g_base64_encode (data, length);

  /* The library passes over whatever is not Base64. */
  if (strcmp (text, again) == 0)
    return brevet_gate_certificates_add_der (certificates, data, length, error);
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The text is not Base64 in one piece");
  return FALSE;
}
