/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From what went wrong to what the core does about it. */

#include "example-trouble.h"

GError *
example_trouble_new_silence (ExampleVerb verb, gboolean sent, gboolean timed_out, const GError *cause)
{
  int code = timed_out ? BREVET_CA_ERROR_TIMEOUT : BREVET_CA_ERROR_UNAVAILABLE;

  /* Once the CA may have read the question, only the CA knows whether there is a certificate. */
  if (verb == EXAMPLE_VERB_ISSUE && sent)
    code = BREVET_CA_ERROR_AMBIGUOUS;
  else if (cause->domain == G_TLS_ERROR && g_error_matches (cause, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    code = BREVET_CA_ERROR_CONFIG;
  return g_error_new (BREVET_CA_ERROR, code, "The CA did not answer%s: %s", timed_out ? " in time" : "", cause->message);
}

static int
choose_missing (ExampleVerb verb)
{
  switch (verb)
    {
    case EXAMPLE_VERB_POLL:
      return BREVET_CA_ERROR_TICKET_EXPIRED;
    case EXAMPLE_VERB_READ:
    case EXAMPLE_VERB_REVOKE:
      return BREVET_CA_ERROR_NOT_FOUND;
    case EXAMPLE_VERB_ISSUE:
    default:
      return BREVET_CA_ERROR_CONFIG;
    }
}

static int
choose_code (ExampleVerb verb, guint status)
{
  switch (status)
    {
    case 401:
      return BREVET_CA_ERROR_AUTH;
    case 403:
      return BREVET_CA_ERROR_CONFIG;
    case 404:
      return choose_missing (verb);
    case 409:
      return BREVET_CA_ERROR_CONFLICT;
    case 410:
      return BREVET_CA_ERROR_REJECTED;
    case 408: /* waited in vain for the request */
      return BREVET_CA_ERROR_UNAVAILABLE;
    case 429:
      return BREVET_CA_ERROR_RATE_LIMITED;
    case 503:
      return BREVET_CA_ERROR_UNAVAILABLE;
    default:
      break;
    }
  if (status >= 500) /* behind a gateway that gave up waiting, the CA may go on */
    return verb == EXAMPLE_VERB_ISSUE ? BREVET_CA_ERROR_AMBIGUOUS : BREVET_CA_ERROR_UNAVAILABLE;
  if (status >= 400)
    return BREVET_CA_ERROR_INVALID_REQUEST;
  return BREVET_CA_ERROR_PROTOCOL;
}

/* “Not found”, “gone” and “already” are believed of nobody but the CA: a page of some proxy must not end the search for a
 * certificate, a pending request, or a revocation. */
static gboolean
is_hearsay (ExampleVerb verb, ExampleAnswer *answer)
{
  return verb != EXAMPLE_VERB_ISSUE && answer->problem != NULL && answer->status >= 400 && answer->status < 500 &&
         answer->status != 401 && answer->status != 403 && answer->status != 429;
}

GError *
example_trouble_new_refusal (ExampleVerb verb, ExampleAnswer *answer, int retry_after)
{
  int code = is_hearsay (verb, answer) ? BREVET_CA_ERROR_UNAVAILABLE : choose_code (verb, answer->status);
  GError *error = g_error_new (BREVET_CA_ERROR, code, "The CA answered %u", answer->status);

  brevet_ca_error_set_upstream (error, answer->status, NULL, example_answer_get_text (answer, "error"));
  brevet_ca_error_set_retry_after (error, retry_after);
  return error;
}

/* Something did say that it went well: asked once more, the CA would sign once more. */
GError *
example_trouble_new_misread (ExampleVerb verb, ExampleAnswer *answer, const char *problem)
{
  int code = verb == EXAMPLE_VERB_ISSUE ? BREVET_CA_ERROR_AMBIGUOUS : BREVET_CA_ERROR_PROTOCOL;
  GError *error = g_error_new (BREVET_CA_ERROR, code, "The CA answered %u, and that cannot be understood: %s", answer->status,
                               problem);

  brevet_ca_error_set_upstream (error, answer->status, NULL, NULL);
  return error;
}
