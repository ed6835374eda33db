/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reply.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-log.h"
#include "brevet-wire-error.h"
#include "brevet-wire-json.h"

/* What all clients take (protocol/dps.md §15.3): some raise smaller values, and some give up after a minute of silence. */
#define SHORTEST_RETRY_AFTER 2
#define LONGEST_RETRY_AFTER  59

/* A full queue is empty again long before this. */
#define BUSY_RETRY_AFTER 5

/* A full disk is not: and whoever comes meanwhile shall not come back with all others. */
#define TROUBLE_RETRY_AFTER 20

static BrevetReply *
reply_with_bytes (BrevetRequest *request, guint status, GBytes *body)
{
  BrevetReply *reply = brevet_reply_new (status, body);

  if (body != NULL)
    brevet_reply_set_header (reply, "content-type", "application/json; charset=utf-8");
  brevet_reply_set_header (reply, "x-ms-request-id", brevet_request_get_tracking_id (request));
  return reply;
}

BrevetReply *
brevet_reply_with_json (BrevetRequest *request, guint status, JsonObject *object)
{
  g_autoptr(JsonObject) owned = object;
  g_autoptr(GBytes) body = brevet_wire_print_object (owned);

  return reply_with_bytes (request, status, body);
}

BrevetReply *
brevet_reply_with_array (BrevetRequest *request, guint status, JsonArray *array)
{
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_ARRAY);
  g_autoptr(GBytes) body = NULL;

  json_node_take_array (node, array);
  body = brevet_wire_print (node);
  return reply_with_bytes (request, status, body);
}

BrevetReply *
brevet_reply_without_body (BrevetRequest *request, guint status)
{
  return reply_with_bytes (request, status, NULL);
}

/* Who could not prove who he is, and what went wrong inside, is reported where the reason is known: the reply does not say it. */
static void
report_refusal (BrevetRequest *request, guint status, const char *message)
{
  BrevetClaims *claims = brevet_request_get_claims (request);
  g_autofree char *number = g_strdup_printf ("%u", status);

  if (status == 401 || status == 403 || status >= 500)
    return;
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_REQUEST_REFUSED, message, "BREVET_STATUS", number, "BREVET_METHOD",
                    brevet_request_get_method (request), "BREVET_PATH", brevet_request_get_path (request), "BREVET_ADDRESS",
                    claims != NULL ? brevet_claims_get_remote_address (claims) : NULL, "BREVET_TRACKING_ID",
                    brevet_request_get_tracking_id (request), NULL);
}

static BrevetReply *
make_error (BrevetRequest *request, guint status, guint code, const char *message, guint retry_after)
{
  report_refusal (request, status, message);
  return brevet_wire_error_reply (status, code, brevet_request_get_tracking_id (request), message, brevet_clock_now (),
                                  retry_after);
}

BrevetReply *
brevet_reply_with_error (BrevetRequest *request, guint status, guint code, const char *message)
{
  return make_error (request, status, code, message, 0);
}

BrevetReply *
brevet_reply_throttled (BrevetRequest *request, const char *message, guint retry_after)
{
  return make_error (request, 429, 0, message, CLAMP (retry_after, SHORTEST_RETRY_AFTER, LONGEST_RETRY_AFTER));
}

/* What went wrong inside is nobody's business outside, and often names files. */
static BrevetReply *
make_internal_error (BrevetRequest *request, const GError *error, guint status, guint retry_after)
{
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_warning ("%s %s failed (tracking id %s): %s", brevet_request_get_method (request), brevet_request_get_path (request),
               brevet_request_get_tracking_id (request), error->message);
  return make_error (request, status, 0, "The service could not do this; its log says more under the tracking id", retry_after);
}

/* The disk is full or fails: the request was all right, and will be answered once somebody has seen to that. */
static BrevetReply *
make_unavailable (BrevetRequest *request, const GError *error)
{
  guint retry_after = (guint) g_random_int_range (TROUBLE_RETRY_AFTER, LONGEST_RETRY_AFTER + 1);

  return make_internal_error (request, error, 503, retry_after);
}

BrevetReply *
brevet_reply_from_error (BrevetRequest *request, const GError *error)
{
  if (error->domain != BREVET_ERROR)
    return make_internal_error (request, error, 500, 0);

  switch ((BrevetError) error->code)
    {
    case BREVET_ERROR_INVALID:
    case BREVET_ERROR_UNSUPPORTED:
      return make_error (request, 400, 0, error->message, 0);
    case BREVET_ERROR_REJECTED:
      /* The reason is for the operator: whoever proves nothing is told nothing. */
      return make_error (request, 401, BREVET_WIRE_CODE_UNAUTHORIZED, "Unauthorized", 0);
    case BREVET_ERROR_NOT_FOUND:
      return make_error (request, 404, 0, error->message, 0);
    case BREVET_ERROR_CONFLICT:
      return make_error (request, 409, 0, error->message, 0);
    case BREVET_ERROR_BUSY:
      return make_error (request, 429, 0, "Too many requests; try again later", BUSY_RETRY_AFTER);
    case BREVET_ERROR_FAILED:
    case BREVET_ERROR_UNREACHABLE:
      return make_unavailable (request, error);
    case BREVET_ERROR_NOT_CONFIGURED:
    case BREVET_ERROR_CORRUPT:
    default:
      return make_internal_error (request, error, 500, 0);
    }
}
