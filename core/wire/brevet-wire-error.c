/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-wire-error.h"

#include "brevet-wire-json.h"
#include "brevet-wire-private.h"

/* What people are shown of a foreign text. Each failure is logged and told on the bus, so a long one costs more than once. */
#define MESSAGE_MAX_SIZE 1000
#define TRACKING_ID_MAX_SIZE 128

static void
set_number_header (BrevetReply *reply, const char *name, guint value)
{
  g_autofree char *text = g_strdup_printf ("%u", value);

  brevet_reply_set_header (reply, name, text);
}

static JsonObject *
make_error_object (guint number, const char *tracking_id, const char *message, gint64 now)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "errorCode", number);
  brevet_wire_add_string (object, "trackingId", tracking_id);
  json_object_set_string_member (object, "message", message != NULL ? message : "");
  brevet_wire_add_time (object, "timestampUtc", now);
  return object;
}

static BrevetReply *
make_error_reply (guint status, guint number, const char *tracking_id, JsonObject *object)
{
  g_autoptr(GBytes) body = brevet_wire_print_object (object);
  BrevetReply *reply = brevet_reply_new (status, body);

  brevet_reply_set_header (reply, "content-type", "application/json; charset=utf-8");
  set_number_header (reply, "x-ms-error-code", number);
  if (tracking_id != NULL)
    brevet_reply_set_header (reply, "x-ms-request-id", tracking_id);
  return reply;
}

BrevetReply *
brevet_wire_error_reply (guint status, guint code, const char *tracking_id, const char *message, gint64 now, guint retry_after)
{
  guint number = code != 0 ? code : status * 1000;
  g_autoptr(JsonObject) object = make_error_object (number, tracking_id, message, now);
  BrevetReply *reply = make_error_reply (status, number, tracking_id, object);

  if (retry_after > 0)
    set_number_header (reply, "retry-after", retry_after);
  return reply;
}

BrevetReply *
brevet_wire_challenge_reply (const char *tracking_id, JsonObject *parameters, gint64 now)
{
  g_autoptr(JsonObject) object = make_error_object (BREVET_WIRE_CODE_UNAUTHORIZED, tracking_id, "Authorization required.", now);
  g_autoptr(GList) members = json_object_get_members (parameters);

  for (GList *member = members; member != NULL; member = member->next)
    json_object_set_member (object, member->data, json_node_copy (json_object_get_member (parameters, member->data)));
  return make_error_reply (401, BREVET_WIRE_CODE_UNAUTHORIZED, tracking_id, object);
}

/* The first of the two members that holds a text. */
static char *
find_text (JsonObject *object, const char *member, const char *alternative, gsize maximum)
{
  const char *text;

  if ((!brevet_wire_get_string (object, member, &text, NULL) || text == NULL) &&
      (!brevet_wire_get_string (object, alternative, &text, NULL) || text == NULL))
    return NULL;
  return brevet_wire_tidy (text, maximum);
}

static gint64
find_number (JsonObject *object, const char *member, const char *alternative)
{
  JsonNode *node = json_object_get_member (object, member);

  if (node == NULL)
    node = json_object_get_member (object, alternative);
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64)
    return 0;
  return json_node_get_int (node);
}

BrevetWireProblem *
brevet_wire_problem_parse (BrevetReply *reply)
{
  BrevetWireProblem *self = g_new0 (BrevetWireProblem, 1);
  g_autoptr(JsonObject) object = brevet_wire_parse_object (brevet_reply_get_body (reply), "the reply", NULL);
  const char *code = brevet_reply_get_header (reply, "x-ms-error-code");

  if (object != NULL)
    {
      self->code = find_number (object, "errorCode", "code");
      self->message = find_text (object, "message", "errorMessage", MESSAGE_MAX_SIZE);
      self->tracking_id = find_text (object, "trackingId", "trackingID", TRACKING_ID_MAX_SIZE);
    }
  if (self->code == 0 && code != NULL && !g_ascii_string_to_signed (code, 10, 0, G_MAXINT32, &self->code, NULL))
    self->code = 0;
  if (self->tracking_id == NULL)
    self->tracking_id = brevet_wire_tidy (brevet_reply_get_header (reply, "x-ms-request-id"), TRACKING_ID_MAX_SIZE);
  return self;
}

void
brevet_wire_problem_free (BrevetWireProblem *self)
{
  g_free (self->message);
  g_free (self->tracking_id);
  g_free (self);
}
