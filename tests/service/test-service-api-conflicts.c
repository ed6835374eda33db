/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two operators at the same record: none of them overwrites what he has not seen. The store lets a second operator act exactly
 * between the reading and the writing of the first. */

#include "service-fixture.h"

#include <string.h>

#define PATH       "/enrollments/pump-07"
#define COLLECTION "enrollments"
#define NEW_KEY    "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="

#define BODY(members) "{\"registrationId\":\"pump-07\",\"attestation\":{\"type\":\"symmetricKey\"}" members "}"

#define PRIMARY "attestation.symmetricKey.primaryKey"

static void
commit_text (BrevetStore *real, const char *text)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new (text, strlen (text));
  g_autoptr(GError) error = NULL;

  brevet_batch_put (batch, COLLECTION, "pump-07", NULL, body, NULL);
  brevet_store_commit (real, batch, &error);
  g_assert_no_error (error);
}

static void
create_behind (BrevetStore *real, gpointer user_data)
{
  commit_text (real, "{\"registrationId\":\"pump-07\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":"
                     "{\"primaryKey\":\"" NEW_KEY "\",\"secondaryKey\":\"" NEW_KEY "\"}}}");
}

static void
delete_behind (BrevetStore *real, gpointer user_data)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GError) error = NULL;

  brevet_batch_delete (batch, COLLECTION, "pump-07", NULL);
  brevet_store_commit (real, batch, &error);
  g_assert_no_error (error);
}

/* Who creates what another has just created is told so, in place of replacing it. */
static void
test_both_create (Service *service, gconstpointer data)
{
  g_autoptr(Answer) refused = NULL, lookup = NULL;

  interposed_store_before_commit (service->store, 1, create_behind, NULL);
  refused = expect (service, 409, "PUT", PATH, NULL, BODY (""));
  assert_error_says (refused, "pump-07");
  lookup = expect (service, 200, "POST", PATH "/attestationmechanism", NULL, NULL);
  g_assert_cmpstr (answer_get (lookup, "symmetricKey.primaryKey"), ==, NEW_KEY);
}

/* Without If-Match, or with any version, the change is merged again with what the other has written: his new keys stay. */
static void
test_merged_again (Service *service, gconstpointer data)
{
  const char *const if_match[] = { NULL, "*" };

  for (gsize i = 0; i < G_N_ELEMENTS (if_match); i++)
    {
      g_autoptr(Answer) created = expect (service, 200, "PUT", PATH, NULL, BODY (""));
      g_autoptr(Answer) changed = NULL, gone = NULL;

      interposed_store_before_commit (service->store, 2, create_behind, NULL);
      changed = expect (service, 200, "PUT", PATH, if_match[i], BODY (",\"provisioningStatus\":\"disabled\""));
      g_assert_cmpstr (answer_get (changed, PRIMARY), ==, NEW_KEY);
      g_assert_cmpstr (answer_get (changed, "provisioningStatus"), ==, "disabled");
      g_assert_cmpstr (changed->etag, !=, created->etag);
      gone = expect (service, 204, "DELETE", PATH, changed->etag, NULL);
    }
}

static void
test_gives_up (Service *service, gconstpointer data)
{
  g_autoptr(Answer) created = expect (service, 200, "PUT", PATH, NULL, BODY (""));
  g_autoptr(Answer) refused = NULL, kept = NULL, changed = NULL;

  interposed_store_before_commit (service->store, 3, create_behind, NULL);
  refused = expect (service, 409, "PUT", PATH, NULL, BODY (""));
  interposed_store_before_commit (service->store, 3, create_behind, NULL);
  kept = expect (service, 409, "DELETE", PATH, NULL, NULL);
  changed = expect (service, 200, "PUT", PATH, NULL, BODY (""));
  g_assert_cmpstr (answer_get (changed, PRIMARY), ==, NEW_KEY);
}

/* Who named a version is told that it is no longer the one. */
static void
test_named_version (Service *service, gconstpointer data)
{
  g_autoptr(Answer) created = expect (service, 200, "PUT", PATH, NULL, BODY (""));
  g_autoptr(Answer) put = NULL, next = NULL, deleted = NULL, lookup = NULL;

  interposed_store_before_commit (service->store, 1, create_behind, NULL);
  put = expect (service, 412, "PUT", PATH, created->etag, BODY (""));
  next = expect (service, 200, "PUT", PATH, NULL, BODY (""));
  interposed_store_before_commit (service->store, 1, create_behind, NULL);
  deleted = expect (service, 412, "DELETE", PATH, next->etag, NULL);
  lookup = expect (service, 200, "POST", PATH "/attestationmechanism", NULL, NULL);
  g_assert_cmpstr (answer_get (lookup, "symmetricKey.primaryKey"), ==, NEW_KEY);
}

static void
test_deleted_meanwhile (Service *service, gconstpointer data)
{
  g_autoptr(Answer) created = expect (service, 200, "PUT", PATH, NULL, BODY (""));
  g_autoptr(Answer) named = NULL, again = NULL, deleted = NULL;

  interposed_store_before_commit (service->store, 1, delete_behind, NULL);
  named = expect (service, 412, "PUT", PATH, created->etag, BODY (""));
  again = expect (service, 200, "PUT", PATH, "*", BODY (""));
  interposed_store_before_commit (service->store, 1, delete_behind, NULL);
  deleted = expect (service, 404, "DELETE", PATH, "*", NULL);
}

/* Twenty operators at once, as a real store orders them: the last state is that of one who was told 200. */
static void
test_crowd (Service *service, gconstpointer data)
{
  Question *questions[20];
  g_autoptr(Answer) shown = NULL;
  guint good = 0, matching = 0;
  Answer *answers[20];

  for (guint i = 0; i < G_N_ELEMENTS (questions); i++)
    questions[i] = ask_begin (service, OWNER, "PUT", PATH, NULL, BODY (""));
  for (guint i = 0; i < G_N_ELEMENTS (questions); i++)
    {
      answers[i] = ask_end (questions[i]);
      g_assert_true (answers[i]->status == 200 || answers[i]->status == 409);
    }
  shown = expect (service, 200, "GET", PATH, NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (questions); i++)
    {
      good += answers[i]->status == 200;
      matching += g_strcmp0 (answers[i]->etag, shown->etag) == 0;
      answer_free (answers[i]);
    }
  g_assert_cmpuint (good, >=, 1);
  g_assert_cmpuint (matching, ==, 1);
}

static void
add (const char *path, void (*test) (Service *service, gconstpointer data))
{
  g_test_add (path, Service, NULL, service_set_up, test, service_tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/service-api-conflicts/both-create", test_both_create);
  add ("/service-api-conflicts/merged-again", test_merged_again);
  add ("/service-api-conflicts/gives-up", test_gives_up);
  add ("/service-api-conflicts/named-version", test_named_version);
  add ("/service-api-conflicts/deleted-meanwhile", test_deleted_meanwhile);
  add ("/service-api-conflicts/crowd", test_crowd);
  return g_test_run ();
}
