/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "brevet-registration-request.h"
#include "wire-fixtures.h"
#include "wire-test.h"

/* @text with every @from replaced by @to. */
static char *
replace (const char *text, const char *from, const char *to)
{
  g_auto(GStrv) parts = g_strsplit (text, from, -1);

  return g_strjoinv (to, parts);
}

static void
assert_decodes (const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) der = brevet_csr_text_decode (text, &error);
  g_autofree char *base64 = NULL;

  g_assert_no_error (error);
  base64 = g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));
  g_assert_cmpstr (base64, ==, CSR_BASE64);
}

static void
assert_garbage (const char *text)
{
  g_autoptr(GError) error = NULL;

  g_test_message ("%.60s", text);
  g_assert_null (brevet_csr_text_decode (text, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "CSR");
}

static void
test_spellings (void)
{
  g_autofree char *crlf = replace (CSR_PEM, "\n", "\r\n");
  g_autofree char *backslash = replace (CSR_PEM, "\n", "\\n");
  g_autofree char *backslash_crlf = replace (CSR_PEM, "\n", "\\r\\n");
  g_autofree char *one_line = replace (CSR_PEM, "\n", "");
  g_autofree char *spaces = replace (CSR_PEM, "\n", " ");
  g_autofree char *new_label = replace (CSR_PEM, " CERTIFICATE", " NEW CERTIFICATE");
  g_autofree char *introduced
    = g_strconcat ("Certificate Request:\n    Data:\n        Version: 1 (0x0)\n", CSR_PEM, "trailing\n", NULL);
  g_autofree char *spread = g_strconcat (" \r\n", CSR_BASE64, "\\n\n", NULL);

  assert_decodes (CSR_PEM);
  assert_decodes (crlf);
  assert_decodes (backslash);
  assert_decodes (backslash_crlf);
  assert_decodes (one_line);
  assert_decodes (spaces);
  assert_decodes (new_label);
  assert_decodes (introduced);
  assert_decodes (CSR_BASE64);
  assert_decodes (spread);
}

static void
test_garbage (void)
{
  g_autofree char *url_safe = replace (CSR_BASE64, "+", "-");

  assert_garbage ("");
  assert_garbage ("hello");
  assert_garbage ("aGVsbG8=");
  assert_garbage ("MIH");
  assert_garbage ("MIHX====");
  assert_garbage ("MI=X");
  assert_garbage ("-----BEGIN CERTIFICATE REQUEST-----\nMIHX\n");
  assert_garbage ("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n");
  assert_garbage ("-----BEGIN CERTIFICATE REQUEST-----\nMIHX\n-----END NEW CERTIFICATE REQUEST-----\n");
  assert_garbage (LEAF_PEM);
  if (strcmp (url_safe, CSR_BASE64) != 0)
    assert_garbage (url_safe);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/csr-text/spellings", test_spellings);
  g_test_add_func ("/wire/csr-text/garbage", test_garbage);
  return g_test_run ();
}
