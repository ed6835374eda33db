/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-mqtt-dialog.h"

#include "wire-test.h"

#define PYTHON "py-azure-iot-device/2.13.0 (3.11.2;Linux;x86_64)"
#define REGISTER "$dps/registrations/PUT/iotdps-register/?"
#define STATUS "$dps/registrations/GET/iotdps-get-operationstatus/?"
#define ANSWER "$dps/registrations/res/"

static void
test_users (void)
{
  static const struct {
    const char *text;
    const char *scope;
    const char *id;
    const char *version;
  } users[] = {
    { "0ne000A1B2C/registrations/pump-07/api-version=2019-03-31", "0ne000A1B2C", "pump-07", "2019-03-31" },
    /* percent-encoded, as Python and Node do it */
    { "0ne000A1B2C/registrations/pump-07/api-version=2019-03-31&ClientVersion=py-azure-iot-device%2F2.13.0%20%283.11%29",
      "0ne000A1B2C", "pump-07", "2019-03-31" },
    /* raw, as C does it */
    { "0ne000A1B2C/registrations/pump-07/api-version=2021-06-01&ClientVersion=prov_device_client/1.14.0 (native; Linux; x86_64)",
      "0ne000A1B2C", "pump-07", "2021-06-01" },
    { "0ne000A1B2C/registrations/pump-07/ClientVersion=a/b/c&api-version=2021-11-01-preview", "0ne000A1B2C", "pump-07",
      "2021-11-01-preview" },
    /* nobody asks what is behind the percent sign of a name that means nothing */
    { "a/registrations/b/ClientVersion=100% safe&api-version=2019-03-31&x", "a", "b", "2019-03-31" },
    { "a/REGISTRATIONS/b/API-Version=2025%2d07-01-PREVIEW", "a", "b", "2025-07-01-PREVIEW" },
    { "a/registrations/a%3Ab._-/api-version=2019-03-31", "a", "a:b._-", "2019-03-31" },
    { "a/registrations/a:b/&&api-version=2019-03-31&", "a", "a:b", "2019-03-31" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (users); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetMqttUser) user = brevet_mqtt_user_parse (users[i].text, &error);

      g_test_message ("%s", users[i].text);
      g_assert_no_error (error);
      g_assert_cmpstr (user->id_scope, ==, users[i].scope);
      g_assert_cmpstr (user->registration_id, ==, users[i].id);
      g_assert_cmpstr (user->api_version, ==, users[i].version);
    }
}

typedef struct {
  const char *text;
  const char *problem;
} Refused;

static const Refused refused_users[] = {
  { "", "does not have the form" },
  { "a", "does not have the form" },
  { "a/registrations/b", "does not have the form" },
  { "a/registration/b/api-version=2019-03-31", "does not have the form" },
  { "/a/registrations/b/api-version=2019-03-31", "does not have the form" },
  { "a%2fregistrations/b/api-version=2019-03-31", "does not have the form" },
  { "/registrations/b/api-version=2019-03-31", "id scope" },
  { "a b/registrations/b/api-version=2019-03-31", "id scope" },
  { "enrollments/registrations/b/api-version=2019-03-31", "id scope" },
  { "EnrollmentGroups/registrations/b/api-version=2019-03-31", "id scope" },
  { "a/registrations//api-version=2019-03-31", "registration id" },
  { "a/registrations/b./api-version=2019-03-31", "registration id" },
  { "a/registrations/b%2fc/api-version=2019-03-31", "registration id" },
  { "a/registrations/b%00c/api-version=2019-03-31", "percent-encoding" },
  { "a/registrations/b%/api-version=2019-03-31", "percent-encoding" },
  { "a%ff/registrations/b/api-version=2019-03-31", "percent-encoding" },
  { "a/registrations/b/", "api-version is missing" },
  { "a/registrations/b/ClientVersion=1", "api-version is missing" },
  { "a/registrations/b/api-version", "api-version is missing" },
  { "a/registrations/b/api-version=", "api-version is missing" },
  { "a/registrations/b/api-version=latest", "is malformed" },
  { "a/registrations/b/api-version=2019-03-31/", "is malformed" },
  { "a/registrations/b/api-version=%zz", "percent-encoding" },
  { "a/registrations/b/api-version=2019-03-31&api-version=2019-03-31", "occurs twice" },
};

static void
test_refused_users (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (refused_users); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetMqttUser) user = brevet_mqtt_user_parse (refused_users[i].text, &error);

      g_test_message ("%s", refused_users[i].text);
      g_assert_null (user);
      assert_refused (&error, BREVET_ERROR_INVALID, refused_users[i].problem);
    }
}

static void
test_print_user (void)
{
  g_autofree char *plain = brevet_mqtt_user_print ("0ne000A1B2C", "a:b._-", "2019-03-31", NULL);
  g_autofree char *named = brevet_mqtt_user_print ("0ne000A1B2C", "pump-07", "2025-07-01-preview", PYTHON "&x=1");
  g_autoptr(BrevetMqttUser) user = brevet_mqtt_user_parse (named, NULL);

  g_assert_cmpstr (plain, ==, "0ne000A1B2C/registrations/a:b._-/api-version=2019-03-31");
  g_assert_cmpstr (named, ==, "0ne000A1B2C/registrations/pump-07/api-version=2025-07-01-preview"
                              "&ClientVersion=py-azure-iot-device%2F2.13.0%20%283.11.2%3BLinux%3Bx86_64%29%26x%3D1");
  g_assert_cmpstr (user->registration_id, ==, "pump-07");
}

static void
test_questions (void)
{
  static const struct {
    const char *topic;
    gboolean is_register;
    const char *rid;
    const char *operation_id;
    gboolean same;  /* it is printed like that */
  } questions[] = {
    { REGISTER "$rid=1", TRUE, "1", NULL, TRUE },
    { REGISTER "$rid=08c8c4a6-5a3c-4c1f-a4bd-4a2a4d1d55a8", TRUE, "08c8c4a6-5a3c-4c1f-a4bd-4a2a4d1d55a8", NULL, TRUE },
    { REGISTER "x=1&$rid=a%20b=c$?&operationId=%", TRUE, "a%20b=c$?", NULL, FALSE },
    { REGISTER "$rid=\303\244 \360\237\230\200", TRUE, "\303\244 \360\237\230\200", NULL, TRUE },
    { STATUS "$rid=2&operationId=5.00112233aabbccdd.0d8c3f1e-6f0e", FALSE, "2", "5.00112233aabbccdd.0d8c3f1e-6f0e", TRUE },
    { STATUS "operationId=5%2Eaa%3Abb&$rid=2", FALSE, "2", "5.aa:bb", FALSE },
    { STATUS "$rid=2&x&operationId=5.aa&", FALSE, "2", "5.aa", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (questions); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetMqttQuestion) question = brevet_mqtt_question_parse (questions[i].topic, &error);
      g_autofree char *printed = NULL;

      g_test_message ("%s", questions[i].topic);
      g_assert_no_error (error);
      g_assert_cmpint (question->is_register, ==, questions[i].is_register);
      g_assert_cmpstr (question->rid, ==, questions[i].rid);
      g_assert_cmpstr (question->operation_id, ==, questions[i].operation_id);
      printed = brevet_mqtt_question_print (question);
      if (questions[i].same)
        g_assert_cmpstr (printed, ==, questions[i].topic);
    }
}

static const Refused refused_questions[] = {
  { "", "none of those" },
  { "devices/pump-07/messages/events/", "none of those" },
  { "$dps/registrations/PUT/iotdps-register/", "none of those" },
  { "$dps/registrations/PUT/iotdps-register?$rid=1", "none of those" },
  { "$dps/registrations/GET/iotdps-register/?$rid=1", "none of those" },
  { "$DPS/registrations/PUT/iotdps-register/?$rid=1", "none of those" },
  { "/$dps/registrations/PUT/iotdps-register/?$rid=1", "none of those" },
  { ANSWER "200/?$rid=1", "none of those" },
  { REGISTER, "no parameter $rid" },
  { REGISTER "rid=1", "no parameter $rid" },
  { REGISTER "$rid=", "$rid of the topic is malformed" },
  { REGISTER "$rid", "$rid of the topic is malformed" },
  { REGISTER "$rid=a/b", "$rid of the topic is malformed" },
  { REGISTER "$rid=a+b", "$rid of the topic is malformed" },
  { REGISTER "$rid=a#b", "$rid of the topic is malformed" },
  { REGISTER "$rid=a\nb", "$rid of the topic is malformed" },
  { REGISTER "$rid=a\177b", "$rid of the topic is malformed" },
  { REGISTER "$rid=a\302\205b", "$rid of the topic is malformed" },
  { REGISTER "$rid=a\377b", "$rid of the topic is malformed" },
  { REGISTER "$rid=1&$rid=2", "occurs twice" },
  { STATUS "$rid=1", "no parameter operationId" },
  { STATUS "$rid=1&operationId=", "operation id is malformed" },
  { STATUS "$rid=1&operationId=a%2fb", "operation id is malformed" },
  { STATUS "$rid=1&operationId=a%zzb", "operation id is malformed" },
  { STATUS "$rid=1&operationId=a b", "operation id is malformed" },
  { STATUS "$rid=1&operationId=a&operationId=b", "occurs twice" },
};

static void
test_refused_questions (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (refused_questions); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetMqttQuestion) question = brevet_mqtt_question_parse (refused_questions[i].text, &error);
      g_autofree char *shown = g_strescape (refused_questions[i].text, NULL);

      g_test_message ("%s", shown);
      g_assert_null (question);
      assert_refused (&error, BREVET_ERROR_INVALID, refused_questions[i].problem);
    }
}

static void
test_rid_length (void)
{
  g_autofree char *longest = g_strnfill (128, 'r');
  g_autofree char *good = g_strconcat (REGISTER "$rid=", longest, NULL);
  g_autofree char *bad = g_strconcat (good, "r", NULL);
  g_autoptr(BrevetMqttQuestion) question = brevet_mqtt_question_parse (good, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_cmpstr (question->rid, ==, longest);
  g_assert_null (brevet_mqtt_question_parse (bad, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "1 to 128 bytes");
}

/* Clients insist on the order. */
static void
test_print_answers (void)
{
  BrevetMqttAnswer waiting = { .rid = (char *) "08c8$=?", .status = 202, .retry_after = 3 };
  BrevetMqttAnswer final = { .rid = (char *) "1", .status = 200, .retry_after = -1 };
  BrevetMqttAnswer at_once = { .rid = (char *) "1", .status = 429, .retry_after = 0 };
  g_autofree char *first = brevet_mqtt_answer_print (&waiting);
  g_autofree char *second = brevet_mqtt_answer_print (&final);
  g_autofree char *third = brevet_mqtt_answer_print (&at_once);

  g_assert_cmpstr (first, ==, "$dps/registrations/res/202/?$rid=08c8$=?&retry-after=3");
  g_assert_cmpstr (second, ==, "$dps/registrations/res/200/?$rid=1");
  g_assert_cmpstr (third, ==, "$dps/registrations/res/429/?$rid=1&retry-after=0");
}

static void
test_answers (void)
{
  static const struct {
    const char *topic;
    const char *rid;
    guint status;
    int retry_after;
  } answers[] = {
    { ANSWER "200/?$rid=1", "1", 200, -1 },
    { ANSWER "202/?$rid=08c8&retry-after=3", "08c8", 202, 3 },
    { ANSWER "429/?retry-after=17&x=1&$rid=1", "1", 429, 17 },
    { ANSWER "599/?$rid=1&retry-after=0", "1", 599, 0 },
    { ANSWER "202/?$rid=1&Retry-After=2147483647", "1", 202, G_MAXINT },
    /* a hint that cannot be read is none */
    { ANSWER "202/?$rid=1&retry-after=2147483648", "1", 202, -1 },
    { ANSWER "202/?$rid=1&retry-after=-3", "1", 202, -1 },
    { ANSWER "202/?$rid=1&retry-after=", "1", 202, -1 },
    { ANSWER "202/?$rid=1&retry-after=soon", "1", 202, -1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetMqttAnswer) answer = brevet_mqtt_answer_parse (answers[i].topic, &error);

      g_test_message ("%s", answers[i].topic);
      g_assert_no_error (error);
      g_assert_cmpstr (answer->rid, ==, answers[i].rid);
      g_assert_cmpuint (answer->status, ==, answers[i].status);
      g_assert_cmpint (answer->retry_after, ==, answers[i].retry_after);
    }
}

static const Refused refused_answers[] = {
  { "", "not that of a reply" },
  { ANSWER, "not that of a reply" },
  { ANSWER "200", "not that of a reply" },
  { ANSWER "200/", "not that of a reply" },
  { ANSWER "200?$rid=1", "not that of a reply" },
  { ANSWER "20/?$rid=1", "not that of a reply" },
  { ANSWER "2000/?$rid=1", "not that of a reply" },
  { ANSWER "199/?$rid=1", "not that of a reply" },
  { ANSWER "600/?$rid=1", "not that of a reply" },
  { ANSWER "-20/?$rid=1", "not that of a reply" },
  { REGISTER "$rid=1", "not that of a reply" },
  { ANSWER "200/?", "no parameter $rid" },
  { ANSWER "200/?$rid=", "$rid of the topic is malformed" },
  { ANSWER "200/?$rid=1&$rid=1", "occurs twice" },
  { ANSWER "202/?$rid=1&retry-after=1&retry-after=2", "occurs twice" },
};

static void
test_refused_answers (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (refused_answers); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetMqttAnswer) answer = brevet_mqtt_answer_parse (refused_answers[i].text, &error);

      g_test_message ("%s", refused_answers[i].text);
      g_assert_null (answer);
      assert_refused (&error, BREVET_ERROR_INVALID, refused_answers[i].problem);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/mqtt-dialog/users", test_users);
  g_test_add_func ("/wire/mqtt-dialog/refused-users", test_refused_users);
  g_test_add_func ("/wire/mqtt-dialog/print-user", test_print_user);
  g_test_add_func ("/wire/mqtt-dialog/questions", test_questions);
  g_test_add_func ("/wire/mqtt-dialog/refused-questions", test_refused_questions);
  g_test_add_func ("/wire/mqtt-dialog/rid-length", test_rid_length);
  g_test_add_func ("/wire/mqtt-dialog/print-answers", test_print_answers);
  g_test_add_func ("/wire/mqtt-dialog/answers", test_answers);
  g_test_add_func ("/wire/mqtt-dialog/refused-answers", test_refused_answers);
  return g_test_run ();
}
