/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "http-client-certificate.h"

#include <string.h>

/* The first line is the header field, the second the one with the issuers. */
static void
read_as (HttpCertificateFormat format, const char *value, const char *issuers)
{
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;
  gboolean is_good = http_client_certificate_read (format, value, issuers, &chain, &error);

  g_assert_true (is_good == (error == NULL));
  g_assert_true (is_good || chain == NULL);
  g_assert_true (chain == NULL || brevet_chain_get_length (chain) <= BREVET_CHAIN_MAX_LENGTH);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *value = g_strndup ((const char *) data, size);
  char *issuers = strchr (value, '\n');

  if (issuers != NULL)
    *issuers++ = '\0';
  read_as (HTTP_CERTIFICATE_RFC9440, value, issuers);
  read_as (HTTP_CERTIFICATE_PEM, value, issuers);
  read_as (HTTP_CERTIFICATE_ENVOY, value, NULL);
  return 0;
}
