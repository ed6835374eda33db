/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the device API says in user names and topics of MQTT (protocol/dps.md §4.1, §4.2). Both directions, for service and
 * device. */

/**
 * BREVET_MQTT_RESPONSE_FILTER:
 *
 * The one filter that a client may subscribe to.
 */
#define BREVET_MQTT_RESPONSE_FILTER "$dps/registrations/res/#"

/**
 * BrevetMqttUser:
 * @id_scope: scope, decoded
 * @registration_id: device, decoded
 * @api_version: value of the parameter api-version, as it is
 *
 * What the user name of a CONNECT says. Plain data.
 */
typedef struct {
  char *id_scope;
  char *registration_id;
  char *api_version;
} BrevetMqttUser;

/**
 * brevet_mqtt_user_parse:
 * @user_name: `{idScope}/registrations/{registrationId}/api-version={V}` and optional further parameters, of which `ClientVersion`
 *   may be percent-encoded or raw, and contain slashes, spaces and parentheses; unknown ones are ignored, the word `registrations`
 *   is compared without case
 *
 * Checks scope and id as brevet_route_parse() does, and the version with brevet_dialect_parse().
 *
 * Returns: (transfer full) (nullable): its parts, or %NULL with %BREVET_ERROR_INVALID
 */
BrevetMqttUser *brevet_mqtt_user_parse (const char *user_name, GError **error);

/**
 * brevet_mqtt_user_print:
 * @client_version: (nullable): name and version of the client, to be percent-encoded
 *
 * Returns: (transfer full): the user name for a client
 */
char *brevet_mqtt_user_print (const char *id_scope, const char *registration_id, const char *api_version,
                              const char *client_version);

void brevet_mqtt_user_free (BrevetMqttUser *self);

/**
 * BrevetMqttQuestion:
 * @is_register: %TRUE to register, %FALSE to look an operation up
 * @rid: what the client calls the question: any text, to be echoed byte for byte
 * @operation_id: (nullable): the operation to look up, decoded
 *
 * What the topic of a request says. Plain data.
 */
typedef struct {
  gboolean is_register;
  char *rid;
  char *operation_id;
} BrevetMqttQuestion;

/**
 * brevet_mqtt_question_parse:
 * @topic: `$dps/registrations/PUT/iotdps-register/?$rid={rid}` or
 *   `$dps/registrations/GET/iotdps-get-operationstatus/?$rid={rid}&operationId={operationId}`; the parameters in any order, unknown
 *   ones are ignored. The rid must be 1 to 128 bytes without `/`, `+`, `#`, `&` and control characters.
 *
 * Returns: (transfer full) (nullable): its parts, or %NULL with %BREVET_ERROR_INVALID
 */
BrevetMqttQuestion *brevet_mqtt_question_parse (const char *topic, GError **error);

/**
 * brevet_mqtt_question_print:
 *
 * Returns: (transfer full): the topic for a client
 */
char *brevet_mqtt_question_print (const BrevetMqttQuestion *self);

void brevet_mqtt_question_free (BrevetMqttQuestion *self);

/**
 * BrevetMqttAnswer:
 * @rid: the question
 * @status: 200 to 599
 * @retry_after: seconds, -1 if it does not say
 *
 * What the topic of a reply says. Plain data.
 */
typedef struct {
  char *rid;
  guint status;
  int retry_after;
} BrevetMqttAnswer;

/**
 * brevet_mqtt_answer_parse:
 * @topic: `$dps/registrations/res/{status}/?$rid={rid}`, optionally with `&retry-after={seconds}`
 *
 * Returns: (transfer full) (nullable): its parts, or %NULL with %BREVET_ERROR_INVALID
 */
BrevetMqttAnswer *brevet_mqtt_answer_parse (const char *topic, GError **error);

/**
 * brevet_mqtt_answer_print:
 *
 * `$rid` comes first, then `retry-after` if it is not negative, and nothing else: clients insist on this order.
 *
 * Returns: (transfer full): the topic for the service
 */
char *brevet_mqtt_answer_print (const BrevetMqttAnswer *self);

void brevet_mqtt_answer_free (BrevetMqttAnswer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetMqttUser, brevet_mqtt_user_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetMqttQuestion, brevet_mqtt_question_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetMqttAnswer, brevet_mqtt_answer_free)

G_END_DECLS
