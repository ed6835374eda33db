/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A device asks two questions with one key while its certificate authority loses answers. A search goes by public key, so either
 * operation may come across what the other one has asked for: each must end with a certificate that works, and whatever the CA has
 * signed must be in use or revoked. */

#include "pipeline-fixture.h"

#define FIND "capabilities=find;revoke\n"

/* One question at a time. */
#define CROWDED(finds) \
  "script=ambiguous-issued;hold;hold;hold;issue\nfinds=" finds "\nmaximum-in-flight=1\ncheck-interval=0\n" FIND

typedef struct {
  char *csr;
  char *operations[2];
  char *sha256[2]; /* of what they got */
  char *others[2]; /* operations of other devices */
} Twins;

static void
twins_clear (Twins *self)
{
  g_free (self->csr);
  for (guint i = 0; i < G_N_ELEMENTS (self->operations); i++)
    {
      g_free (self->operations[i]);
      g_free (self->sha256[i]);
      g_free (self->others[i]);
    }
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Twins, twins_clear)

static void
begin (Pipeline *pipeline, Twins *twins, guint index, const char *payload)
{
  g_autofree char *body = g_strdup_printf ("{\"registrationId\":\"pump-07\",\"clientCertificateCsr\":\"%s\",\"payload\":{\"is\":"
                                           "\"%s\"}}", twins->csr, payload);
  g_autoptr(Heard) begun = ask (pipeline, "pump-07", .body = body);

  g_assert_cmpuint (begun->status, ==, 202);
  twins->operations[index] = g_strdup (heard_get (begun, "operationId"));
}

/* The first operation has lost the answer and is to look for it later; the second one has just asked. */
static void
begin_both (Pipeline *pipeline, Twins *twins)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);

  twins->csr = make_csr (key, "pump-07");
  enroll (pipeline, "pump-07", ISSUE);
  begin (pipeline, twins, 0, "first");
  pipeline_wait_for_calls (pipeline, "find", 1);
  begin (pipeline, twins, 1, "second");
  pipeline_wait_for_calls (pipeline, "issue", 2);
}

/* Both get one that works. */
static void
end_both (Pipeline *pipeline, Twins *twins)
{
  pipeline_hurry (pipeline, 1);
  for (guint i = 0; i < G_N_ELEMENTS (twins->operations); i++)
    {
      g_autoptr(Heard) final = device_await (pipeline, "pump-07", twins->operations[i]);
      g_autoptr(BrevetCertificate) leaf = heard_get_certificate (final);

      assert_assigned (final, NULL);
      twins->sha256[i] = g_strdup (brevet_certificate_get_sha256 (leaf));
    }
}

static gboolean
is_in_use (const Twins *twins, const char *sha256)
{
  return g_str_equal (twins->sha256[0], sha256) || g_str_equal (twins->sha256[1], sha256);
}

static gboolean
is_revoked (Pipeline *pipeline, const char *sha256)
{
  for (guint i = 0; i < pipeline_count_calls (pipeline, "revoke"); i++)
    {
      g_autofree char *revoked = pipeline_get_call (pipeline, "revoke", i, 2);

      if (g_str_equal (revoked, sha256))
        return TRUE;
    }
  return FALSE;
}

/* What nobody uses is looked for in the background, and revoked. The CA was asked for no more than there were questions. */
static void
assert_settled (Pipeline *pipeline, Twins *twins, guint signatures)
{
  guint unused = 0;

  for (guint i = 0; i < pipeline_count_calls (pipeline, "signed"); i++)
    {
      g_autofree char *sha256 = pipeline_get_call (pipeline, "signed", i, 3);

      unused += !is_in_use (twins, sha256);
    }
  pipeline_wait_for_calls (pipeline, "revoke", unused);
  pipeline_hurry (pipeline, 0);
  g_assert_false (pipeline_logged ("MESSAGE=The certificate authority used a serial number for the second time"));
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, signatures);
  for (guint i = 0; i < signatures; i++)
    {
      g_autofree char *sha256 = pipeline_get_call (pipeline, "signed", i, 3);

      g_assert_true (is_in_use (twins, sha256) != is_revoked (pipeline, sha256));
    }
  assert_records (pipeline, "journal", 0);
  assert_records (pipeline, "certificates", signatures);
}

/* What the second operation got is newer, and is not what the first one has lost. */
static void
test_newer_one (Pipeline *pipeline, gconstpointer data)
{
  g_auto(Twins) twins = { NULL };

  begin_both (pipeline, &twins);
  end_both (pipeline, &twins);
  assert_settled (pipeline, &twins, 2);
}

/* The first operation finds what the second one has in hand and not in the inventory yet. */
static void
test_taken_away (Pipeline *pipeline, gconstpointer data)
{
  g_auto(Twins) twins = { NULL };

  begin_both (pipeline, &twins);
  end_both (pipeline, &twins);
  assert_settled (pipeline, &twins, 2);
}

/* The same, and nothing was lost but the answer that there is nothing. */
static void
test_taken_away_from_one (Pipeline *pipeline, gconstpointer data)
{
  g_auto(Twins) twins = { NULL };

  begin_both (pipeline, &twins);
  end_both (pipeline, &twins);
  pipeline_wait_for_calls (pipeline, "find", 4);
  assert_settled (pipeline, &twins, 1);
}

static void
test_both_lost (Pipeline *pipeline, gconstpointer data)
{
  g_auto(Twins) twins = { NULL };

  begin_both (pipeline, &twins);
  end_both (pipeline, &twins);
  assert_settled (pipeline, &twins, 2);
}

/* The same question again, after an operator has changed the enrollment. */
static void
test_enrolled_anew (Pipeline *pipeline, gconstpointer data)
{
  g_auto(Twins) twins = { NULL };
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);

  twins.csr = make_csr (key, "pump-07");
  enroll (pipeline, "pump-07", ISSUE);
  begin (pipeline, &twins, 0, "same");
  pipeline_wait_for_calls (pipeline, "find", 1);
  enroll (pipeline, "pump-07", ISSUE ",\"deviceId\":\"hall-3\"");
  begin (pipeline, &twins, 1, "same");
  pipeline_wait_for_calls (pipeline, "issue", 2);
  g_assert_cmpstr (twins.operations[0], !=, twins.operations[1]);
  end_both (pipeline, &twins);
  assert_settled (pipeline, &twins, 2);
}

/* --- a search that has to wait for its turn, and what the device gets meanwhile ----------------------------------------------- */

static gint64
count_queued (Pipeline *pipeline)
{
  g_autoptr(Heard) heard = operate (pipeline, 200, "GET", "/certificateAuthorityStatus/scripted", NULL, NULL);

  return heard_get_int (heard, "queue.queued");
}

static void
wait_for_queue (Pipeline *pipeline, gint64 length)
{
  while (count_queued (pipeline) != length)
    g_main_context_iteration (NULL, FALSE);
}

static const char *const others[] = { "pump-08", "pump-09" };

/* The first operation has lost its answer. Of the second one, the certificate is signed and waits to be checked; others' questions
 * are before and behind that one, in place of the search. */
static void
crowd (Pipeline *pipeline, Twins *twins)
{
  begin (pipeline, twins, 1, "second");
  pipeline_wait_for_calls (pipeline, "issue", 2);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
      g_autofree char *csr = make_csr (key, others[i]);
      g_autoptr(Heard) begun = NULL;

      enroll (pipeline, others[i], ISSUE);
      begun = device_register (pipeline, others[i], csr);
      twins->others[i] = g_strdup (heard_get (begun, "operationId"));
      wait_for_queue (pipeline, i + 1);
      if (i > 0)
        continue;
      pipeline_open_gate (pipeline);
      pipeline_wait_for_calls (pipeline, "issue", 3);
      wait_for_queue (pipeline, 1);
    }
}

/* The search stands in the queue, and knows what there was then. The second operation is over before its turn comes. */
static void
overtake (Pipeline *pipeline, Twins *twins)
{
  g_autoptr(Heard) second = NULL;

  wait_for_queue (pipeline, 3);
  pipeline_open_gate (pipeline);
  second = device_await (pipeline, "pump-07", twins->operations[1]);
  assert_assigned (second, NULL);
  pipeline_wait_for_calls (pipeline, "issue", 4);
  pipeline_open_gate (pipeline);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    heard_free (device_await (pipeline, others[i], twins->others[i]));
  pipeline_hurry (pipeline, 1);
}

static void
begin_first (Pipeline *pipeline, Twins *twins)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);

  twins->csr = make_csr (key, "pump-07");
  enroll (pipeline, "pump-07", ISSUE);
  begin (pipeline, twins, 0, "first");
}

/* What is found is newer than what was known when the search began to wait: nothing follows from that. */
static void
test_overtaken (Pipeline *pipeline, gconstpointer data)
{
  g_auto(Twins) twins = { NULL };
  g_autoptr(Heard) first = NULL;

  begin_first (pipeline, &twins);
  pipeline_hurry (pipeline, 1);
  pipeline_wait_for_calls (pipeline, "find", 2);
  pipeline_hurry (pipeline, 0);
  crowd (pipeline, &twins);
  pipeline_leap (605);
  overtake (pipeline, &twins);
  first = device_await (pipeline, "pump-07", twins.operations[0]);
  assert_assigned (first, NULL);
  g_clear_pointer (&first, heard_free);
  assert_records (pipeline, "journal", 0);
  assert_records (pipeline, "certificates", 4);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, 4);
}

/* The same in the background, after the first operation was given up. */
static void
test_overtaken_in_background (Pipeline *pipeline, gconstpointer data)
{
  g_auto(Twins) twins = { NULL };
  g_autoptr(Heard) first = NULL;
  g_autofree char *lost = NULL;
  g_autofree char *revoked = NULL;

  begin_first (pipeline, &twins);
  first = device_await (pipeline, "pump-07", twins.operations[0]);
  assert_failed (first, 400000, NULL);
  g_clear_pointer (&first, heard_free);
  pipeline_wait_for_calls (pipeline, "find", 2);
  crowd (pipeline, &twins);
  pipeline_leap (121);
  overtake (pipeline, &twins);
  pipeline_wait_for_calls (pipeline, "revoke", 1);
  lost = pipeline_get_call (pipeline, "signed", 0, 3);
  revoked = pipeline_get_call (pipeline, "revoke", 0, 2);
  g_assert_cmpstr (revoked, ==, lost);
  assert_records (pipeline, "orphans", 0);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/ca-same-key/newer-one", "script=ambiguous-issued;issue\nfinds=unavailable:60;look\n" FIND, test_newer_one);
  PIPELINE_TEST ("/ca-same-key/taken-away",
                 "script=ambiguous-issued;issue\nfinds=unavailable:30;look\ntrusts=unavailable:600;issue\n" FIND, test_taken_away);
  PIPELINE_TEST ("/ca-same-key/taken-away-from-one",
                 "script=ambiguous-lost;issue\nfinds=unavailable:30;look\ntrusts=unavailable:600;issue\n" FIND,
                 test_taken_away_from_one);
  PIPELINE_TEST ("/ca-same-key/both-lost", "script=ambiguous-issued\nfinds=unavailable:30;unavailable:30;look\n" FIND,
                 test_both_lost);
  PIPELINE_TEST ("/ca-same-key/enrolled-anew",
                 "script=ambiguous-issued;issue\nfinds=unavailable:30;look\ntrusts=unavailable:600;issue\n" FIND,
                 test_enrolled_anew);
  PIPELINE_TEST ("/ca-same-key/overtaken", CROWDED ("nothing;unavailable:600;look"), test_overtaken);
  PIPELINE_TEST ("/ca-same-key/overtaken-in-background", CROWDED ("unsupported;nothing;look"), test_overtaken_in_background);
  return g_test_run ();
}
