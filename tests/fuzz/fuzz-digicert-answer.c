/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The first byte says what the rest is taken for: any of DigiCert's answers. */

#include "digicert-answer.h"
#include "digicert-trouble.h"
#include "fuzz.h"

#include <string.h>

static void
drop_outcome (BrevetCaOutcome *outcome)
{
  if (outcome == NULL)
    return;
  g_assert_true (brevet_ca_outcome_is_issued (outcome) || digicert_answer_is_ticket (brevet_ca_outcome_get_ticket (outcome)));
  brevet_ca_outcome_unref (outcome);
}

static void
read_refusal (GBytes *body, guint status)
{
  DigicertReply reply = { status, TRUE, -1, (char *) "1", body };

  for (int verb = DIGICERT_VERB_ISSUE; verb <= DIGICERT_VERB_REVOKE; verb++)
    {
      g_autoptr(GError) error = digicert_trouble_new ((DigicertVerb) verb, &reply);

      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      g_assert_cmpuint (strlen (error->message), <, 2048);
    }
}

static void
read_page (GBytes *body)
{
  g_autoptr(BrevetCertificate) newest = NULL;

  digicert_answer_read_page (body, "0123", NULL, &newest, NULL);
  g_assert_null (newest);
}

static void
read_profile (GBytes *body)
{
  g_autoptr(DigicertProfile) profile = digicert_answer_read_profile (body, NULL);

  g_assert_true (profile == NULL || profile->issuers != NULL);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autoptr(GBytes) body = size > 0 ? g_bytes_new (data + 1, size - 1) : NULL;

  if (body == NULL)
    return 0;
  switch (data[0])
    {
    case 'i':
      drop_outcome (digicert_answer_read_issued (DIGICERT_API_LIFECYCLE, body, NULL));
      break;
    case 'd':
      drop_outcome (digicert_answer_read_issued (DIGICERT_API_IOT, body, NULL));
      break;
    case 'u':
      drop_outcome (digicert_answer_read_picked_up (body, "tlm/0123", NULL));
      break;
    case 's':
      read_page (body);
      break;
    case 'p':
      read_profile (body);
      break;
    default:
      read_refusal (body, 300 + data[0]);
      break;
    }
  return 0;
}
