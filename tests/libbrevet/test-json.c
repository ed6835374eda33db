/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet.h"

#include <string.h>

static JsonObject *
read_text (const char *text, gssize length, GError **error)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static (text, length < 0 ? strlen (text) : (gsize) length);

  return brevet_json_read_object (bytes, error);
}

static void
test_good (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) object = read_text (" {\"a\":[1,{\"b\":\"\\ud83d\\ude00\"}],\"c\":null} \n", -1, &error);
  JsonArray *array;

  g_assert_no_error (error);
  array = json_object_get_array_member (object, "a");
  g_assert_cmpint (json_array_get_int_element (array, 0), ==, 1);
  g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (array, 1), "b"), ==, "😀");
  g_assert_true (json_object_get_null_member (object, "c"));
}

typedef struct
{
  const char *name;
  const char *text;
  gssize      length;
  const char *says;
} Refused;

static const Refused refused[] = {
  { "empty", "", -1, "does not begin with an object" },
  { "blank", " \n", -1, "does not begin with an object" },
  { "array", "[]", -1, "does not begin with an object" },
  { "cut", "{\"a\":", -1, "ends too early" },
  { "two", "{} {}", -1, "Something follows" },
  { "comment", "{/* a */}", -1, "no valid JSON value" },
  { "word", "{\"a\":undefined}", -1, "no valid JSON value" },
  { "half-a-pair", "{\"a\":\"\\ud800\"}", -1, "no valid JSON value" },
  { "escaped-zero", "{\"a\":\"\\u0000\"}", -1, "no valid JSON value" },
  { "zero", "{\"a\":1}\0", 8, "not UTF-8" },
  { "not-utf-8", "{\"a\":\"\xff\"}", -1, "not UTF-8" },
  { "huge-number", "{\"a\":1e999}", -1, "no valid JSON value" },
};

static void
test_refused (gconstpointer data)
{
  const Refused *what = data;
  g_autoptr(GError) error = NULL;

  g_assert_null (read_text (what->text, what->length, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, what->says));
}

/* json-glib would run out of stack. */
static void
test_deep (void)
{
  g_autoptr(GString) text = g_string_new ("{\"a\":");
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 1000000; i++)
    g_string_append_c (text, '[');
  g_assert_null (read_text (text->str, -1, &error));
  g_assert_nonnull (strstr (error->message, "nested too deeply"));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/good", test_good);
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autofree char *path = g_strconcat ("/json/refused/", refused[i].name, NULL);

      g_test_add_data_func (path, &refused[i], test_refused);
    }
  g_test_add_func ("/json/deep", test_deep);
  return g_test_run ();
}
