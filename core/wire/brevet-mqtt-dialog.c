/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-mqtt-dialog.h"

#include "brevet-dialect.h"
#include "brevet-identifier.h"
#include "brevet-wire-private.h"

#include <string.h>

#define REGISTER_TOPIC "$dps/registrations/PUT/iotdps-register/?"
#define OPERATION_TOPIC "$dps/registrations/GET/iotdps-get-operationstatus/?"
#define ANSWER_TOPIC "$dps/registrations/res/"

#define RID_MAX_LENGTH 128

static void
fail (GError **error, const char *problem)
{
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, problem);
}

/* Decodes a segment of a user name. */
static gboolean
take_segment (const char *encoded, char **decoded, GError **error)
{
  *decoded = brevet_wire_percent_decode (encoded);
  if (*decoded != NULL)
    return TRUE;
  fail (error, "The percent-encoding of the user name is malformed");
  return FALSE;
}

static gboolean
take_version (BrevetMqttUser *self, const char *parameters, GError **error)
{
  g_autofree char *version = NULL;
  BrevetDialect dialect;

  if (!brevet_wire_query_find (parameters, "api-version", &version, error))
    return FALSE;
  if (version != NULL && !take_segment (version, &self->api_version, error))
    return FALSE;
  return brevet_dialect_parse (self->api_version, &dialect, error);
}

BrevetMqttUser *
brevet_mqtt_user_parse (const char *user_name, GError **error)
{
  g_autoptr(BrevetMqttUser) self = g_new0 (BrevetMqttUser, 1);
  /* What follows the third slash may hold more of them. */
  g_auto(GStrv) parts = g_strsplit (user_name, "/", 4);

  if (g_strv_length (parts) < 4 || g_ascii_strcasecmp (parts[1], "registrations") != 0)
    {
      fail (error, "The user name does not have the form {idScope}/registrations/{registrationId}/api-version={version}");
      return NULL;
    }
  if (!take_segment (parts[0], &self->id_scope, error) || !take_segment (parts[2], &self->registration_id, error) ||
      !brevet_wire_check_id_scope (self->id_scope, error) ||
      !brevet_identifier_check (BREVET_IDENTIFIER_REGISTRATION_ID, self->registration_id, error) ||
      !take_version (self, parts[3], error))
    return NULL;
  return g_steal_pointer (&self);
}

/* Services need not decode what they get here: a colon, which ids may have, stays what it is. */
static char *
escape (const char *text)
{
  return g_uri_escape_string (text, ":", FALSE);
}

char *
brevet_mqtt_user_print (const char *id_scope, const char *registration_id, const char *api_version, const char *client_version)
{
  g_autofree char *scope = escape (id_scope);
  g_autofree char *id = escape (registration_id);
  g_autofree char *version = escape (api_version);
  g_autofree char *client = client_version != NULL ? g_uri_escape_string (client_version, NULL, FALSE) : NULL;

  return g_strconcat (scope, "/registrations/", id, "/api-version=", version, client != NULL ? "&ClientVersion=" : NULL, client,
                      NULL);
}

void
brevet_mqtt_user_free (BrevetMqttUser *self)
{
  g_free (self->id_scope);
  g_free (self->registration_id);
  g_free (self->api_version);
  g_free (self);
}

static gboolean
is_rid (const char *rid)
{
  gsize length = strlen (rid);

  if (length == 0 || length > RID_MAX_LENGTH || strpbrk (rid, "/+#&") != NULL || !g_utf8_validate (rid, -1, NULL))
    return FALSE;
  for (const char *p = rid; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      return FALSE;
  return TRUE;
}

/* The rid is not decoded: it goes back as it came. */
static gboolean
take_rid (const char *parameters, char **rid, GError **error)
{
  if (!brevet_wire_query_find (parameters, "$rid", rid, error))
    return FALSE;
  if (*rid != NULL && is_rid (*rid))
    return TRUE;
  fail (error, *rid == NULL ? "The topic has no parameter $rid"
                            : "The parameter $rid of the topic is malformed; it has 1 to 128 bytes without / + # & and control "
                              "characters");
  return FALSE;
}

static gboolean
take_operation_id (BrevetMqttQuestion *self, const char *parameters, GError **error)
{
  g_autofree char *encoded = NULL;

  if (!brevet_wire_query_find (parameters, "operationId", &encoded, error))
    return FALSE;
  if (encoded == NULL)
    {
      fail (error, "The topic has no parameter operationId");
      return FALSE;
    }
  self->operation_id = brevet_wire_percent_decode (encoded);
  return brevet_wire_check_operation_id (self->operation_id != NULL ? self->operation_id : "", error);
}

BrevetMqttQuestion *
brevet_mqtt_question_parse (const char *topic, GError **error)
{
  g_autoptr(BrevetMqttQuestion) self = g_new0 (BrevetMqttQuestion, 1);
  const char *parameters;

  self->is_register = g_str_has_prefix (topic, REGISTER_TOPIC);
  if (!self->is_register && !g_str_has_prefix (topic, OPERATION_TOPIC))
    {
      g_autofree char *excerpt = brevet_wire_excerpt (topic);

      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The topic “%s” is none of those that a device may publish to",
                   excerpt);
      return NULL;
    }
  parameters = strchr (topic, '?') + 1;
  if (!take_rid (parameters, &self->rid, error) || (!self->is_register && !take_operation_id (self, parameters, error)))
    return NULL;
  return g_steal_pointer (&self);
}

char *
brevet_mqtt_question_print (const BrevetMqttQuestion *self)
{
  g_autofree char *operation_id = NULL;

  if (self->is_register)
    return g_strconcat (REGISTER_TOPIC "$rid=", self->rid, NULL);
  operation_id = escape (self->operation_id);
  return g_strconcat (OPERATION_TOPIC "$rid=", self->rid, "&operationId=", operation_id, NULL);
}

void
brevet_mqtt_question_free (BrevetMqttQuestion *self)
{
  g_free (self->rid);
  g_free (self->operation_id);
  g_free (self);
}

/* Returns: what follows `{status}/?`, or NULL */
static const char *
take_status (BrevetMqttAnswer *self, const char *text)
{
  if (!g_ascii_isdigit (text[0]) || !g_ascii_isdigit (text[1]) || !g_ascii_isdigit (text[2]) || !g_str_has_prefix (text + 3, "/?"))
    return NULL;
  self->status = (guint) (g_ascii_digit_value (text[0]) * 100 + g_ascii_digit_value (text[1]) * 10 + g_ascii_digit_value (text[2]));
  return self->status >= 200 && self->status < 600 ? text + 5 : NULL;
}

/* A hint: one that cannot be read is none. */
static gboolean
take_retry_after (BrevetMqttAnswer *self, const char *parameters, GError **error)
{
  g_autofree char *text = NULL;
  guint64 seconds;

  self->retry_after = -1;
  if (!brevet_wire_query_find (parameters, "retry-after", &text, error))
    return FALSE;
  if (text != NULL && g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT, &seconds, NULL))
    self->retry_after = (int) seconds;
  return TRUE;
}

BrevetMqttAnswer *
brevet_mqtt_answer_parse (const char *topic, GError **error)
{
  g_autoptr(BrevetMqttAnswer) self = g_new0 (BrevetMqttAnswer, 1);
  const char *parameters = g_str_has_prefix (topic, ANSWER_TOPIC) ? take_status (self, topic + strlen (ANSWER_TOPIC)) : NULL;

  if (parameters == NULL)
    {
      g_autofree char *excerpt = brevet_wire_excerpt (topic);

      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The topic “%s” is not that of a reply", excerpt);
      return NULL;
    }
  if (!take_rid (parameters, &self->rid, error) || !take_retry_after (self, parameters, error))
    return NULL;
  return g_steal_pointer (&self);
}

char *
brevet_mqtt_answer_print (const BrevetMqttAnswer *self)
{
  if (self->retry_after < 0)
    return g_strdup_printf (ANSWER_TOPIC "%u/?$rid=%s", self->status, self->rid);
  return g_strdup_printf (ANSWER_TOPIC "%u/?$rid=%s&retry-after=%d", self->status, self->rid, self->retry_after);
}

void
brevet_mqtt_answer_free (BrevetMqttAnswer *self)
{
  g_free (self->rid);
  g_free (self);
}
