/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-mqtt-dialog.h"
#include "brevet-route.h"

#include <string.h>

/* What was read leads to a path of the device API, and is read again from what is printed. */
static void
try_user (const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetMqttUser) user = brevet_mqtt_user_parse (text, &error);
  g_autoptr(BrevetMqttUser) again = NULL;
  g_autoptr(BrevetRoute) route = NULL;
  g_autofree char *printed = NULL;
  g_autofree char *path = NULL;
  guint status;

  g_assert_true ((user == NULL) == (error != NULL));
  if (user == NULL)
    return;
  printed = brevet_mqtt_user_print (user->id_scope, user->registration_id, user->api_version, text);
  again = brevet_mqtt_user_parse (printed, NULL);
  g_assert_nonnull (again);
  g_assert_cmpstr (again->id_scope, ==, user->id_scope);
  g_assert_cmpstr (again->registration_id, ==, user->registration_id);
  g_assert_cmpstr (again->api_version, ==, user->api_version);

  path = brevet_route_build_registration_path (user->id_scope, user->registration_id, "register");
  route = brevet_route_parse ("PUT", path, "api-version=2019-03-31", &status, NULL);
  g_assert_nonnull (route);
  g_assert_cmpstr (route->id, ==, user->registration_id);
}

static void
try_question (const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetMqttQuestion) question = brevet_mqtt_question_parse (text, &error);
  g_autoptr(BrevetMqttQuestion) again = NULL;
  g_autofree char *printed = NULL;

  g_assert_true ((question == NULL) == (error != NULL));
  if (question == NULL)
    return;
  printed = brevet_mqtt_question_print (question);
  again = brevet_mqtt_question_parse (printed, NULL);
  g_assert_nonnull (again);
  g_assert_cmpint (again->is_register, ==, question->is_register);
  g_assert_cmpstr (again->rid, ==, question->rid);
  g_assert_cmpstr (again->operation_id, ==, question->operation_id);
}

static void
try_answer (const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetMqttAnswer) answer = brevet_mqtt_answer_parse (text, &error);
  g_autoptr(BrevetMqttAnswer) again = NULL;
  g_autofree char *printed = NULL;

  g_assert_true ((answer == NULL) == (error != NULL));
  if (answer == NULL)
    return;
  /* It goes into the topic of a PUBLISH. */
  g_assert_null (strpbrk (answer->rid, "+#"));
  printed = brevet_mqtt_answer_print (answer);
  again = brevet_mqtt_answer_parse (printed, NULL);
  g_assert_nonnull (again);
  g_assert_cmpstr (again->rid, ==, answer->rid);
  g_assert_cmpuint (again->status, ==, answer->status);
  g_assert_cmpint (again->retry_after, ==, answer->retry_after);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);

  try_user (text);
  try_question (text);
  try_answer (text);
  return 0;
}
