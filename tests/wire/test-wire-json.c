/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "brevet-wire-json.h"
#include "wire-test.h"

static JsonObject *
parse (const char *text)
{
  g_autoptr(GBytes) body = bytes_of (text);
  g_autoptr(GError) error = NULL;
  JsonObject *object = brevet_wire_parse_object (body, "the test", &error);

  g_assert_no_error (error);
  return object;
}

static void
test_empty (void)
{
  g_autoptr(JsonObject) none = brevet_wire_parse_object (NULL, "the test", NULL);
  g_autoptr(JsonObject) empty = parse ("");
  g_autoptr(JsonObject) blank = parse (" \r\n\t");
  g_autoptr(JsonObject) braces = parse (" {} \n");

  g_assert_cmpuint (json_object_get_size (none) + json_object_get_size (empty) + json_object_get_size (blank) +
                      json_object_get_size (braces), ==, 0);
}

static const char *const malformed[] = {
  "[]",
  "null",
  "1",
  "\"a\"",
  "{",
  "}",
  "{]",
  "[}",
  "{\"a\":1}}",
  "{} {}",
  "{}x",
  "{\"a\":1,}",
  "{\"a\" 1}",
  "{a:1}",
  "{'a':1}",
  "{\"a\":'b'}",
  "{\"a\":01}",
  "{\"a\":+1}",
  "{\"a\":.5}",
  "{\"a\":5.}",
  "{\"a\":1e}",
  "{\"a\":0x10}",
  "{\"a\":NaN}",
  "{\"a\":Infinity}",
  "{\"a\":1e999}",
  "{\"a\":9223372036854775808}",
  "{\"a\":True}",
  "{\"a\":tru}",
  "{\"a\":undefined}",
  "{\"a\":1 /* x */}",
  "// x\n{}",
  "{} // x",
  "var x = {};",
  "{\"a\":\"\n\"}",
  "{\"a\":\"\t\"}",
  "{\"a\":\"\\x\"}",
  "{\"a\":\"\\u12\"}",
  "{\"a\":\"\\u0000\"}",
  "{\"a\":\"\\ud800\"}",
  "{\"a\":\"\\udc00\"}",
  "{\"a\":\"\\ud800\\ud800\"}",
  "{\"a\":\"\\ud800x\"}",
  "{\"a\":\"\\ud800\\n\"}",
  "{\"a\":\"b",
  "{\"a\":\"b\\",
  "{\"a\":\"\\u",
  "{\"a\":\"\\ud83d\\",
  "{\"\xff\":1}",
  "{\"a\":\"\xc3\"}",
  "\xef\xbb\xbf{}",
};

static void
test_refused (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (malformed); i++)
    {
      g_autoptr(GBytes) body = bytes_of (malformed[i]);
      g_autoptr(GError) error = NULL;
      g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the test", &error);

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_assert_null (object);
      assert_refused (&error, BREVET_ERROR_INVALID, "the test");
    }
}

static void
test_zero_byte (void)
{
  g_autoptr(GBytes) body = g_bytes_new_static ("{}\0{}", 5);
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_wire_parse_object (body, "the test", &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
}

static GBytes *
nested (guint depth)
{
  GString *text = g_string_new ("{\"a\":");

  for (guint i = 1; i < depth; i++)
    g_string_append_c (text, '[');
  for (guint i = 1; i < depth; i++)
    g_string_append_c (text, ']');
  g_string_append_c (text, '}');
  return g_string_free_to_bytes (text);
}

static void
test_depth (void)
{
  g_autoptr(GBytes) allowed = nested (32);
  g_autoptr(GBytes) refused = nested (33);
  g_autoptr(GBytes) attack = nested (60000);
  g_autoptr(JsonObject) object = brevet_wire_parse_object (allowed, "the test", NULL);
  g_autoptr(GError) error = NULL;

  g_assert_nonnull (object);
  g_assert_null (brevet_wire_parse_object (refused, "the test", &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "deep");
  g_assert_null (brevet_wire_parse_object (attack, "the test", &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "deep");
}

static void
test_getters (void)
{
  g_autoptr(JsonObject) object
    = parse ("{\"s\":\"x\",\"b\":true,\"o\":{\"n\":null},\"l\":[\"p\",\"q\"],\"i\":5,\"z\":null,\"m\":[\"p\",5]}");
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) strings = NULL;
  const char *text;
  gboolean flag;
  JsonObject *nested_object;

  g_assert_false (json_object_has_member (object, "z"));
  g_assert_true (brevet_wire_get_string (object, "s", &text, &error));
  g_assert_cmpstr (text, ==, "x");
  g_assert_true (brevet_wire_get_string (object, "absent", &text, &error));
  g_assert_null (text);
  g_assert_false (brevet_wire_get_string (object, "i", &text, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "“i”");
  g_assert_false (brevet_wire_get_string (object, "o", &text, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "“o”");

  g_assert_true (brevet_wire_get_boolean (object, "b", FALSE, &flag, &error));
  g_assert_true (flag);
  g_assert_true (brevet_wire_get_boolean (object, "absent", TRUE, &flag, &error));
  g_assert_true (flag);
  g_assert_false (brevet_wire_get_boolean (object, "s", TRUE, &flag, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "“s”");

  g_assert_true (brevet_wire_get_object (object, "o", &nested_object, &error));
  g_assert_true (brevet_wire_get_string (nested_object, "n", &text, &error));
  g_assert_null (text);
  g_assert_false (brevet_wire_get_object (object, "l", &nested_object, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "“l”");

  g_assert_true (brevet_wire_get_strings (object, "l", &strings, &error));
  g_assert_cmpuint (g_strv_length (strings), ==, 2);
  g_clear_pointer (&strings, g_strfreev);
  g_assert_false (brevet_wire_get_strings (object, "m", &strings, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "“m”");
}

static void
assert_round_trip (const char *text, const char *expected)
{
  g_autoptr(JsonObject) object = parse (text);
  g_autoptr(GBytes) printed = brevet_wire_print_object (object);

  assert_bytes (printed, expected);
}

static void
test_print (void)
{
  assert_round_trip ("{ \"b\" : 1 , \"a\" : [ true , null , -2.5 , \"x\" ] }", "{\"b\":1,\"a\":[true,null,-2.5,\"x\"]}");
  assert_round_trip ("{\"a\":\"Gr\xc3\xbc\xc3\x9f"
                     "e \xe2\x82\xac \xf0\x9f\x98\x80\"}",
                     "{\"a\":\"Gr\\u00fc\\u00dfe \\u20ac \\ud83d\\ude00\"}");
  assert_round_trip ("{\"a\":\"\\ud83d\\ude00\\r\\n\\t\\\"\\\\/\"}", "{\"a\":\"\\ud83d\\ude00\\r\\n\\t\\\"\\\\/\"}");
  assert_round_trip ("{\"\xc3\xa4\":1}", "{\"\\u00e4\":1}");
  assert_round_trip ("{\"a\":9223372036854775807,\"b\":-9223372036854775807,\"c\":0.1}",
                     "{\"a\":9223372036854775807,\"b\":-9223372036854775807,\"c\":0.10000000000000001}");
  assert_round_trip ("{\"a\":[1e57,-1E-300,1e5,true],\"1e5.0\":\"\\\\\\\"1e57.0\"}",
                     "{\"a\":[1e+57,-1e-300,100000.0,true],\"1e5.0\":\"\\\\\\\"1e57.0\"}");
}

/* The last of two members of one name counts, everywhere: nothing may read the first. */
static void
test_duplicates (void)
{
  assert_round_trip ("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
}

/* Two threads may each have one: nothing of the original is in the copy. */
static void
test_copy (void)
{
  const char *text = "{\"a\":{\"b\":[1,\"x\",{\"c\":null}],\"d\":-2.5},\"e\":true}";
  g_autoptr(JsonObject) object = parse (text);
  g_autoptr(JsonObject) copy = brevet_wire_copy_object (object);
  JsonObject *inner = json_object_get_object_member (object, "a");
  JsonArray *array = json_object_get_array_member (inner, "b");
  JsonArray *copied = json_object_get_array_member (json_object_get_object_member (copy, "a"), "b");
  g_autoptr(GBytes) printed = NULL;

  g_assert_true (json_object_get_object_member (copy, "a") != inner);
  g_assert_true (copied != array);
  g_assert_true (json_array_get_object_element (copied, 2) != json_array_get_object_element (array, 2));
  json_object_set_int_member (json_array_get_object_element (array, 2), "c", 7);
  json_array_remove_element (array, 0);
  json_object_remove_member (inner, "d");
  printed = brevet_wire_print_object (copy);
  assert_bytes (printed, text);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/json/empty", test_empty);
  g_test_add_func ("/wire/json/refused", test_refused);
  g_test_add_func ("/wire/json/zero-byte", test_zero_byte);
  g_test_add_func ("/wire/json/depth", test_depth);
  g_test_add_func ("/wire/json/getters", test_getters);
  g_test_add_func ("/wire/json/print", test_print);
  g_test_add_func ("/wire/json/duplicates", test_duplicates);
  g_test_add_func ("/wire/json/copy", test_copy);
  return g_test_run ();
}
