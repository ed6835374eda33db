/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a certificate authority that has asked for a pause is asked again: not before that, and not by all who wait at once. */

#include "issue-private.h"

#include "brevet-ca-error.h"
#include "brevet-clock.h"

#define DEVICES 2000
#define PARTS   8

typedef struct {
  BrevetServiceContext context;
  BrevetIntent intent;
  BrevetIssue issue;
  GError *error;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  self->issue.context = &self->context;
  self->issue.intent = &self->intent;
  self->issue.deadline = brevet_clock_monotonic () + G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC;
  self->error = g_error_new_literal (BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE, "Come back later");
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_clear_error (&self->error);
}

/* Each device asks for the @retries-th time. */
static guint
choose (Fixture *self, guint retries)
{
  self->issue.retries = retries;
  return brevet_issue_choose_pause (&self->issue, self->error);
}

/* The pauses of many devices begin behind @after, and fill the next @length seconds evenly. */
static void
assert_spread (Fixture *self, guint retries, guint after, guint length)
{
  guint counts[PARTS] = { 0 };

  for (guint i = 0; i < DEVICES; i++)
    {
      guint pause = choose (self, retries);

      g_assert_cmpuint (pause, >, after * 1000);
      g_assert_cmpuint (pause, <=, (after + length) * 1000);
      counts[(pause - after * 1000 - 1) * PARTS / (length * 1000)]++;
    }
  for (guint i = 0; i < PARTS; i++)
    g_assert_cmpuint (counts[i], >, DEVICES / PARTS / 3);
}

static void
test_many_devices (Fixture *self, gconstpointer data)
{
  guint after = GPOINTER_TO_UINT (data);

  brevet_ca_error_set_retry_after (self->error, after > 0 ? (int) after : -1);
  for (guint retries = 0; retries < 8; retries++)
    assert_spread (self, retries, after, 1 << retries);
  assert_spread (self, 9, after, 300);
  assert_spread (self, 1000, after, 300);
}

/* Nobody waits beyond the deadline. */
static void
test_deadline (Fixture *self, gconstpointer data)
{
  brevet_ca_error_set_retry_after (self->error, 3601);
  g_assert_cmpuint (choose (self, 0), ==, 0);
  brevet_ca_error_set_retry_after (self->error, 1800);
  self->issue.deadline = brevet_clock_monotonic () - 1;
  g_assert_cmpuint (choose (self, 0), ==, 0);
}

/* What may have been issued is asked for once more just before somebody else is, whatever the CA says. */
static void
test_patience (Fixture *self, gconstpointer data)
{
  guint pause;

  self->issue.unknown = TRUE;
  self->issue.unknown_from = brevet_clock_monotonic ();
  self->intent.standby = (char *) "other";
  self->context.ambiguity_patience = 600;
  brevet_ca_error_set_retry_after (self->error, 1800);
  pause = choose (self, 0);
  g_assert_cmpuint (pause, >, 540 * 1000);
  g_assert_cmpuint (pause, <=, 600 * 1000 + 1);
}

#define ADD(path, data, test) g_test_add ("/issue-retry/" path, Fixture, data, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("many-devices", NULL, test_many_devices);
  ADD ("many-devices-after-a-pause", GUINT_TO_POINTER (1800), test_many_devices);
  ADD ("deadline", NULL, test_deadline);
  ADD ("patience", NULL, test_patience);
  return g_test_run ();
}
