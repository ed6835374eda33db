/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "brevet.h"
#include "brevet-certificate-text.h"
#include "brevet-wire-json.h"
#include "x509-certificate.h"
#include "x509-enrollment.h"
#include "x509-subject.h"

#include <string.h>

/* What was stored can be read again, and says of whom it is. */
static void
read_back (JsonObject *stored)
{
  for (guint i = 0; i < X509_N_SLOTS; i++)
    {
      g_autoptr(BrevetCertificate) certificate = NULL;
      g_autofree char *registration_id = NULL;
      const char *form = x509_enrollment_get_form (stored);

      g_assert_true (x509_enrollment_get_certificate (stored, form, x509_slots[i], &certificate, NULL) ||
                     g_str_equal (form, X509_CA_REFERENCES));
      if (certificate == NULL)
        continue;
      registration_id = x509_subject_dup_registration_id (certificate, NULL);
      if (registration_id != NULL)
        g_assert_cmpstr (registration_id, ==, brevet_certificate_get_common_name (certificate));
      x509_certificate_check_critical (certificate, "certificate", NULL);
      x509_certificate_check_signature (certificate, "certificate", NULL);
      x509_certificate_get_path_length (certificate);
    }
}

static void
prepare (gboolean is_group, JsonObject *wanted)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) stored = x509_enrollment_prepare (is_group, wanted, NULL, &error);
  g_autoptr(JsonObject) shown = NULL, again = NULL;
  g_autoptr(GBytes) text = NULL;

  if (stored == NULL)
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      return;
    }
  read_back (stored);
  shown = x509_enrollment_describe (stored);
  text = brevet_wire_print_object (shown);
  g_assert_null (g_strstr_len (g_bytes_get_data (text, NULL), g_bytes_get_size (text), "BEGIN CERTIFICATE"));
  /* what is shown may be written back */
  again = x509_enrollment_prepare (is_group, shown, stored, &error);
  g_assert_no_error (error);
  g_assert_true (json_object_equal (stored, again));
}

/* The member x509 of an enrollment that an operator writes. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr(GBytes) body = g_bytes_new (data, size);
  g_autoptr(JsonObject) wanted = brevet_wire_parse_object (body, "the attestation", NULL);
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr(BrevetCertificate) certificate = brevet_certificate_new_from_text (text, NULL);

  if (wanted == NULL)
    return 0;
  prepare (FALSE, wanted);
  prepare (TRUE, wanted);
  return 0;
}
