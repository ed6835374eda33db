/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From DigiCert's refusals to what the core does about them (protocol/ca-backends.md §1.7, §8.5). */

#include "digicert-trouble.h"

#include "digicert-answer.h"

#include "brevet-ca-error.h"

#include <string.h>

/* DigiCert names no pause, but counts requests in windows of this many seconds. */
#define SHORTEST_PAUSE 5

#define NO_JSON "that is no JSON and so not from DigiCert's API; look for a proxy or a login page in between"

void
digicert_reply_free (DigicertReply *self)
{
  g_free (self->transaction);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self);
}

typedef struct {
  int         code;
  const char *advice;
} Meaning;

/* There is no code for it, and the words are not promised. */
static gboolean
is_about_seats (const char *message)
{
  g_autofree char *lower_case = message != NULL ? g_utf8_strdown (message, -1) : NULL;

  return lower_case != NULL && (strstr (lower_case, "licen") != NULL || strstr (lower_case, "seat limit") != NULL ||
                                strstr (lower_case, "no seat") != NULL || strstr (lower_case, "seats") != NULL);
}

static Meaning
explain_missing (DigicertVerb verb)
{
  switch (verb)
    {
    case DIGICERT_VERB_PICK_UP:
      return (Meaning){ BREVET_CA_ERROR_TICKET_EXPIRED, "DigiCert no longer knows the pending request; register again" };
    case DIGICERT_VERB_REVOKE:
      return (Meaning){ BREVET_CA_ERROR_NOT_FOUND, "DigiCert does not know the certificate" };
    case DIGICERT_VERB_ISSUE:
    case DIGICERT_VERB_READ:
    default:
      return (Meaning){ BREVET_CA_ERROR_CONFIG, "check the profile's id and the endpoint" };
    }
}

/* Behind a gateway that gave up waiting, the request may go on. */
static Meaning
explain_server (DigicertVerb verb, guint status)
{
  if (verb == DIGICERT_VERB_ISSUE && status != 503)
    return (Meaning){ BREVET_CA_ERROR_AMBIGUOUS, "it may have issued all the same" };
  return (Meaning){ BREVET_CA_ERROR_UNAVAILABLE, "it has to be asked again later" };
}

static Meaning
explain_request (const DigicertFault *fault)
{
  if (is_about_seats (fault->message))
    return (Meaning){ BREVET_CA_ERROR_QUOTA, "buy or free seats in DigiCert's Account Manager" };
  if (fault->is_about_csr)
    return (Meaning){ BREVET_CA_ERROR_INVALID_CSR, "compare the device's key with what the profile allows" };
  return (Meaning){ BREVET_CA_ERROR_INVALID_REQUEST, "compare the profile's fields with what ca-digicert sends (README.md)" };
}

static Meaning
explain (DigicertVerb verb, guint status, const DigicertFault *fault)
{
  switch (status)
    {
    case 401:
      return (Meaning){ BREVET_CA_ERROR_AUTH, "check the API key; it is good for one endpoint only" };
    case 403:
      if (is_about_seats (fault->message))
        return explain_request (fault);
      return (Meaning){ BREVET_CA_ERROR_CONFIG, "check the profile's id, and that the service user may use it" };
    case 404:
      return explain_missing (verb);
    case 409:
      return (Meaning){ BREVET_CA_ERROR_CONFLICT, "the profile's duplicate certificate policy must allow another one" };
    case 429:
      return (Meaning){ BREVET_CA_ERROR_RATE_LIMITED, "it has to be asked again later" };
    case 407:
    case 408:
      return (Meaning){ BREVET_CA_ERROR_UNAVAILABLE, "it has to be asked again later" };
    default:
      break;
    }
  if (status >= 500)
    return explain_server (verb, status);
  if (status < 400)
    return (Meaning){ BREVET_CA_ERROR_PROTOCOL, "a redirection is not followed, since the API key would travel with it; check the "
                      "endpoint" };
  return explain_request (fault);
}

/* A revocation and what is pending are given up for DigiCert's word alone, not for a page of some proxy. */
static gboolean
is_hearsay (DigicertVerb verb, const DigicertReply *reply, int code)
{
  g_autoptr(GError) error = g_error_new_literal (BREVET_CA_ERROR, code, "");
  BrevetCaErrorClass class = brevet_ca_error_classify (error);

  return verb != DIGICERT_VERB_ISSUE && !reply->is_json &&
         (class == BREVET_CA_ERROR_CLASS_PERMANENT || class == BREVET_CA_ERROR_CLASS_AMBIGUOUS);
}

/* The message is DigiCert's own text, so it is made presentable first: the error knows how. */
static GError *
make_error (int code, const DigicertReply *reply, const DigicertFault *fault, const char *advice)
{
  GError *error = g_error_new_literal (BREVET_CA_ERROR, code, "");
  GString *text = g_string_new (NULL);
  const char *said;

  brevet_ca_error_set_upstream (error, reply->status, fault->code, fault->message);
  brevet_ca_error_set_transaction_id (error, reply->transaction);
  said = brevet_ca_error_get_upstream_message (error);
  g_string_append_printf (text, "DigiCert answered %u", reply->status);
  if (fault->code != NULL)
    g_string_append_printf (text, " %s", fault->code);
  if (said != NULL)
    g_string_append_printf (text, ", “%s”", said);
  g_string_append_printf (text, "; %s (transaction %s)", advice, reply->transaction);
  g_free (error->message);
  error->message = g_string_free (text, FALSE);
  return error;
}

static int
choose_pause (const DigicertReply *reply)
{
  return reply->status == 429 ? MAX (reply->retry_after, SHORTEST_PAUSE) : reply->retry_after;
}

GError *
digicert_trouble_new (DigicertVerb verb, const DigicertReply *reply)
{
  g_auto(DigicertFault) fault = { NULL };
  Meaning meaning;
  GError *error;

  if (reply->is_json)
    digicert_answer_read_fault (reply->body, &fault);
  meaning = explain (verb, reply->status, &fault);
  if (is_hearsay (verb, reply, meaning.code))
    meaning = (Meaning){ BREVET_CA_ERROR_UNAVAILABLE, NO_JSON };
  error = make_error (meaning.code, reply, &fault, meaning.advice);
  brevet_ca_error_set_retry_after (error, choose_pause (reply));
  return error;
}

/* Something did say that it went well. Asked once more, DigiCert would sign once more. */
GError *
digicert_trouble_new_misread (DigicertVerb verb, const DigicertReply *reply, const char *reason)
{
  g_auto(DigicertFault) fault = { NULL };
  g_autofree char *advice = NULL;
  int code = reply->is_json ? BREVET_CA_ERROR_PROTOCOL : BREVET_CA_ERROR_UNAVAILABLE;
  GError *error;

  if (verb == DIGICERT_VERB_ISSUE)
    code = BREVET_CA_ERROR_AMBIGUOUS;
  if (reply->is_json)
    advice = g_strdup_printf ("that cannot be understood: %s", reason);
  else
    advice = g_strdup (NO_JSON);
  error = make_error (code, reply, &fault, advice);
  brevet_ca_error_set_retry_after (error, reply->retry_after);
  return error;
}
