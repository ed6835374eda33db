/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The trust bundle by conditional request, as a device sees it. */

#include "brevet-etag.h"
#include "pipeline-fixture.h"

#define WITH_BUNDLE "\"trustBundleId\":\"plant-roots\"," ISSUE

/* As often as it is asked for: the certificate, @times times. */
static void
put_bundle (Pipeline *pipeline, guint times)
{
  g_auto(GStrv) lines = g_strsplit (pipeline->root_pem, "\n", -1);
  g_autofree char *pem = g_strjoinv ("\\n", lines);
  g_autoptr(GString) body = g_string_new ("{\"certificates\":[");
  g_autoptr(Heard) heard = NULL;

  for (guint i = 0; i < times; i++)
    g_string_append_printf (body, "%s{\"certificate\":\"%s\"}", i > 0 ? "," : "", pem);
  g_string_append (body, "]}");
  heard = operate (pipeline, 200, "PUT", "/trustBundles/plant-roots", NULL, body->str);
}

static Heard *
look (Pipeline *pipeline, const char *if_none_match)
{
  return ask (pipeline, "pump-07", .method = "GET", .path = "/trustBundle", .if_none_match = if_none_match);
}

static void
assert_without_body (const Heard *heard, guint status, const char *etag)
{
  g_assert_cmpuint (heard->status, ==, status);
  g_assert_null (brevet_reply_get_body (heard->reply));
  g_assert_cmpstr (brevet_reply_get_header (heard->reply, "etag"), ==, etag);
}

static void
test_as_registered (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) registered = NULL, looked = NULL;
  g_autofree char *expected = NULL;
  g_autofree char *quoted = NULL;

  put_bundle (pipeline, 1);
  enroll (pipeline, "pump-07", "\"trustBundleId\":\"plant-roots\"");
  registered = device_provision (pipeline, "pump-07", NULL);
  looked = look (pipeline, NULL);
  g_assert_cmpuint (looked->status, ==, 200);
  expected = g_strconcat ("\"trustBundle\":", looked->text, NULL);
  g_assert_nonnull (strstr (registered->text, expected));
  quoted = brevet_etag_quote (heard_get (looked, "etag"));
  g_assert_cmpstr (brevet_reply_get_header (looked->reply, "etag"), ==, quoted);
  g_assert_true (g_str_has_prefix (brevet_reply_get_header (looked->reply, "content-type"), "application/json"));
}

/* Asking costs the operator's CA nothing, leaves no trace, and needs no registration. */
static void
test_changes_arrive (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) first = NULL, same = NULL, listed = NULL, changed = NULL;
  g_autofree char *etag = NULL;
  g_autofree char *list = NULL;
  g_autoptr(GPtrArray) registrations = NULL;

  put_bundle (pipeline, 1);
  enroll (pipeline, "pump-07", WITH_BUNDLE);
  first = look (pipeline, "\"another\"");
  g_assert_cmpuint (first->status, ==, 200);
  etag = g_strdup (brevet_reply_get_header (first->reply, "etag"));
  list = g_strdup_printf ("\"another\", W/%s", etag);
  same = look (pipeline, etag);
  assert_without_body (same, 304, etag);
  listed = look (pipeline, list);
  assert_without_body (listed, 304, etag);

  put_bundle (pipeline, 2);
  changed = look (pipeline, list);
  g_assert_cmpuint (changed->status, ==, 200);
  g_assert_cmpstr (brevet_reply_get_header (changed->reply, "etag"), !=, etag);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 0);
  registrations = pipeline_list (pipeline, "registrations");
  g_assert_cmpuint (registrations->len, ==, 0);
}

static void
test_any (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) heard = NULL;

  put_bundle (pipeline, 1);
  enroll (pipeline, "pump-07", WITH_BUNDLE);
  heard = look (pipeline, "*");
  g_assert_cmpuint (heard->status, ==, 304);
}

static void
test_none (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) heard = NULL;

  enroll (pipeline, "pump-07", NULL);
  heard = look (pipeline, "\"another\"");
  assert_without_body (heard, 204, NULL);
}

static void
test_strangers (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) unknown = NULL, wrong_key = NULL, nobody = NULL, elsewhere = NULL, disabled = NULL, old = NULL;

  put_bundle (pipeline, 1);
  unknown = look (pipeline, NULL);
  assert_error (unknown, 401, 401002);
  enroll (pipeline, "pump-07", WITH_BUNDLE);
  wrong_key = ask (pipeline, "pump-07", .method = "GET", .path = "/trustBundle", .key = OTHER_KEY);
  assert_error (wrong_key, 401, 401002);
  nobody = ask (pipeline, "pump-07", .method = "GET", .path = "/trustBundle", .key = "");
  assert_error (nobody, 401, 401002);
  elsewhere = ask (pipeline, "pump-07", .method = "GET", .path = "/trustBundle", .scope = "0ne0FFFFFFF");
  assert_error (elsewhere, 404, 404000);
  old = ask (pipeline, "pump-07", .method = "GET", .path = "/trustBundle", .version = "2021-10-01");
  assert_error (old, 404, 404000);
  enroll (pipeline, "pump-07", WITH_BUNDLE ",\"provisioningStatus\":\"disabled\"");
  disabled = look (pipeline, NULL);
  assert_error (disabled, 401, 401002);
}

static void
test_limit (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) throttled = NULL;

  put_bundle (pipeline, 1);
  enroll (pipeline, "pump-07", WITH_BUNDLE);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(Heard) admitted = look (pipeline, "*");

      g_assert_cmpuint (admitted->status, ==, 304);
    }
  throttled = look (pipeline, "*");
  assert_error (throttled, 429, 429000);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/trust-bundle/as-registered", NULL, test_as_registered);
  PIPELINE_TEST ("/trust-bundle/changes-arrive", NULL, test_changes_arrive);
  PIPELINE_TEST ("/trust-bundle/any", NULL, test_any);
  PIPELINE_TEST ("/trust-bundle/none", NULL, test_none);
  PIPELINE_TEST ("/trust-bundle/strangers", NULL, test_strangers);
  PIPELINE_TEST ("/trust-bundle/limit", "[limits]\nrequests-per-device=3\n", test_limit);
  return g_test_run ();
}
