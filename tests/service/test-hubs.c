/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which hub a device gets: shares by weight, as few moves as possible, nearness by address, and plain words where it cannot be. */

#include "brevet-error.h"
#include "hubs.h"

#include <string.h>

#define DEVICES 10000

#define THREE_HUBS                                                                                                                \
  "[hub one]\nhost-name=hub1.example.net\n"                                                                                       \
  "[hub two]\nhost-name=hub2.example.net\n"                                                                                       \
  "[hub three]\nhost-name=hub3.example.net\n"

static BrevetHubs *
load (const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (text, "dps.conf", NULL, &error);
  BrevetHubs *hubs;

  g_assert_no_error (error);
  hubs = brevet_hubs_new (config, &error);
  g_assert_no_error (error);
  return hubs;
}

static const char *
choose (BrevetHubs *hubs, BrevetAllocationPolicy policy, const char *const *wanted, guint device, const char *address)
{
  g_autofree char *registration_id = g_strdup_printf ("device-%u", device);
  g_autoptr(GError) error = NULL;
  const char *hub = brevet_hubs_choose (hubs, policy, wanted, registration_id, address, &error);

  g_assert_no_error (error);
  g_assert_nonnull (hub);
  return hub;
}

static guint
count (BrevetHubs *hubs, const char *host_name)
{
  guint number = 0;

  for (guint i = 0; i < DEVICES; i++)
    if (g_str_equal (choose (hubs, BREVET_ALLOCATION_HASHED, NULL, i, NULL), host_name))
      number++;
  return number;
}

static void
assert_share (BrevetHubs *hubs, const char *host_name, double share)
{
  guint number = count (hubs, host_name);

  /* Five standard deviations at most are 0.025; the hash is fixed, so this never flickers. */
  g_assert_cmpfloat_with_epsilon ((double) number / DEVICES, share, 0.025);
}

static void
test_even (void)
{
  g_autoptr(BrevetHubs) hubs = load (THREE_HUBS);

  assert_share (hubs, "hub1.example.net", 1.0 / 3);
  assert_share (hubs, "hub2.example.net", 1.0 / 3);
  assert_share (hubs, "hub3.example.net", 1.0 / 3);
}

static void
test_weights (void)
{
  g_autoptr(BrevetHubs) hubs = load ("[hub one]\nhost-name=hub1.example.net\nweight=6\n"
                                     "[hub two]\nhost-name=hub2.example.net\nweight=3\n"
                                     "[hub three]\nhost-name=hub3.example.net\n");

  assert_share (hubs, "hub1.example.net", 0.6);
  assert_share (hubs, "hub2.example.net", 0.3);
  assert_share (hubs, "hub3.example.net", 0.1);
}

/* Adding a hub, or giving one more weight, only moves devices to it. */
static void
test_few_moves (void)
{
  g_autoptr(BrevetHubs) before = load (THREE_HUBS);
  g_autoptr(BrevetHubs) added = load ("[hub four]\nhost-name=hub4.example.net\n" THREE_HUBS);
  g_autoptr(BrevetHubs) heavier = load ("[hub four]\nhost-name=hub4.example.net\nweight=2\n" THREE_HUBS);
  guint moved = 0;

  for (guint i = 0; i < DEVICES; i++)
    {
      const char *old = choose (before, BREVET_ALLOCATION_HASHED, NULL, i, NULL);
      const char *new = choose (added, BREVET_ALLOCATION_HASHED, NULL, i, NULL);
      const char *newest = choose (heavier, BREVET_ALLOCATION_HASHED, NULL, i, NULL);

      if (!g_str_equal (old, new))
        {
          g_assert_cmpstr (new, ==, "hub4.example.net");
          moved++;
        }
      if (!g_str_equal (new, newest))
        g_assert_cmpstr (newest, ==, "hub4.example.net");
    }
  g_assert_cmpfloat_with_epsilon ((double) moved / DEVICES, 0.25, 0.025);
  assert_share (heavier, "hub4.example.net", 0.4);
}

static void
test_spelling (void)
{
  g_autoptr(BrevetHubs) hubs = load (THREE_HUBS);
  g_autoptr(BrevetHubs) shouted = load ("[hub three]\nhost-name=HUB3.example.net\n"
                                        "[hub two]\nhost-name=Hub2.example.net\n"
                                        "[hub one]\nhost-name=hub1.EXAMPLE.net\n");

  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *lower = g_strdup_printf ("pump-%u-a", i);
      g_autofree char *upper = g_ascii_strup (lower, -1);
      const char *hub = brevet_hubs_choose (hubs, BREVET_ALLOCATION_HASHED, NULL, lower, NULL, NULL);
      const char *hub_too;

      g_assert_cmpstr (hub, ==, brevet_hubs_choose (hubs, BREVET_ALLOCATION_HASHED, NULL, upper, NULL, NULL));
      hub_too = brevet_hubs_choose (shouted, BREVET_ALLOCATION_HASHED, NULL, lower, NULL, NULL);
      g_assert_cmpint (g_ascii_strcasecmp (hub, hub_too), ==, 0);
    }
}

static void
test_wanted (void)
{
  static const char *const two[] = { "HUB3.example.net", "hub2.example.net", "gone.example.net", NULL };
  static const char *const gone[] = { "gone.example.net", NULL };
  g_autoptr(BrevetHubs) hubs = load (THREE_HUBS);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 200; i++)
    g_assert_cmpstr (choose (hubs, BREVET_ALLOCATION_HASHED, two, i, NULL), !=, "hub1.example.net");
  g_assert_null (brevet_hubs_choose (hubs, BREVET_ALLOCATION_HASHED, gone, "d", NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
}

static void
test_static (void)
{
  static const char *const wanted[] = { "Hub2.example.net", "hub1.example.net", NULL };
  static const char *const gone[] = { "gone.example.net", "hub1.example.net", NULL };
  g_autoptr(BrevetHubs) hubs = load (THREE_HUBS);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 20; i++)
    {
      g_assert_cmpstr (choose (hubs, BREVET_ALLOCATION_STATIC, wanted, i, NULL), ==, "hub2.example.net");
      g_assert_cmpstr (choose (hubs, BREVET_ALLOCATION_STATIC, NULL, i, NULL), ==, "hub1.example.net");
    }
  g_assert_null (brevet_hubs_choose (hubs, BREVET_ALLOCATION_STATIC, gone, "d", NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "gone.example.net"));
}

static void
test_nearest (void)
{
  static const struct {
    const char *address;
    const char *hub; /* NULL for hashed over all */
  } devices[] = {
    { "10.1.2.3", "hub1.example.net" },
    { "10.2.2.3", "hub2.example.net" },
    { "::ffff:10.2.2.3", "hub2.example.net" },
    { "10.2.9.7", "hub3.example.net" },
    { "2001:db8:7::1", "hub3.example.net" },
    { "192.0.2.1", NULL },
    { "2001:db9::1", NULL },
    { "not an address", NULL },
    { NULL, NULL },
  };
  g_autoptr(BrevetHubs) hubs = load ("[hub one]\nhost-name=hub1.example.net\nnetworks=10.0.0.0/8\n"
                                     "[hub two]\nhost-name=hub2.example.net\nnetworks=198.51.100.0/24; 10.2.0.0/16\n"
                                     "[hub three]\nhost-name=hub3.example.net\nnetworks=2001:db8::/32; 10.2.9.7\n");

  for (gsize i = 0; i < G_N_ELEMENTS (devices); i++)
    for (guint device = 0; device < 50; device++)
      {
        const char *hub = choose (hubs, BREVET_ALLOCATION_GEO_LATENCY, NULL, device, devices[i].address);

        if (devices[i].hub != NULL)
          g_assert_cmpstr (hub, ==, devices[i].hub);
        else
          g_assert_cmpstr (hub, ==, choose (hubs, BREVET_ALLOCATION_HASHED, NULL, device, NULL));
      }
}

/* Two hubs at the same place share its devices; the one far away gets none of them. A range of all addresses is a match too. */
static void
test_equally_near (void)
{
  g_autoptr(BrevetHubs) hubs = load ("[hub one]\nhost-name=hub1.example.net\nnetworks=10.0.0.0/8\n"
                                     "[hub two]\nhost-name=hub2.example.net\nnetworks=10.0.0.0/8\n"
                                     "[hub three]\nhost-name=hub3.example.net\nnetworks=0.0.0.0/0\n");
  guint first = 0;

  for (guint i = 0; i < 1000; i++)
    {
      const char *hub = choose (hubs, BREVET_ALLOCATION_GEO_LATENCY, NULL, i, "10.9.9.9");

      g_assert_cmpstr (hub, !=, "hub3.example.net");
      if (g_str_equal (hub, "hub1.example.net"))
        first++;
      g_assert_cmpstr (choose (hubs, BREVET_ALLOCATION_GEO_LATENCY, NULL, i, "192.0.2.1"), ==, "hub3.example.net");
    }
  g_assert_cmpuint (first, >, 400);
  g_assert_cmpuint (first, <, 600);
}

static void
test_nearest_of_wanted (void)
{
  static const char *const wanted[] = { "hub1.example.net", NULL };
  g_autoptr(BrevetHubs) hubs = load ("[hub one]\nhost-name=hub1.example.net\n"
                                     "[hub two]\nhost-name=hub2.example.net\nnetworks=10.0.0.0/8\n");

  g_assert_cmpstr (choose (hubs, BREVET_ALLOCATION_GEO_LATENCY, wanted, 1, "10.0.0.1"), ==, "hub1.example.net");
}

static void
test_refused (void)
{
  g_autoptr(BrevetHubs) hubs = load (THREE_HUBS);
  g_autoptr(BrevetHubs) none = load ("");
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_hubs_choose (hubs, BREVET_ALLOCATION_CUSTOM, NULL, "d", NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "custom"));
  g_clear_error (&error);
  g_assert_null (brevet_hubs_choose (none, BREVET_ALLOCATION_HASHED, NULL, "d", NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_null (brevet_hubs_list (none)[0]);
}

static void
test_list (void)
{
  g_autoptr(BrevetHubs) hubs = load (THREE_HUBS);
  g_autofree char *names = g_strjoinv (" ", (char **) brevet_hubs_list (hubs));

  g_assert_cmpstr (names, ==, "hub1.example.net hub2.example.net hub3.example.net");
  g_assert_true (brevet_hubs_is_linked (hubs, "HUB2.Example.NET"));
  g_assert_false (brevet_hubs_is_linked (hubs, "hub2.example"));
}

static void
test_bad_configuration (void)
{
  static const struct {
    const char *text;
    const char *message;
  } mistakes[] = {
    { "[hub one]\nweight=2\n", "host-name" },
    { "[hub one]\nhost-name=https://hub1.example.net\n", "https://hub1.example.net" },
    { "[hub one]\nhost-name=hub1.example.net\nweight=0\n", "weight" },
    { "[hub one]\nhost-name=hub1.example.net\nweight=101\n", "weight" },
    { "[hub one]\nhost-name=hub1.example.net\nnetworks=10.0.0.0/40\n", "10.0.0.0/40" },
    { "[hub one]\nhost-name=hub1.example.net\nnetworks=10.0.0.1/8\n", "10.0.0.1/8" },
    { "[hub one]\nhost-name=hub1.example.net\n[hub two]\nhost-name=HUB1.example.net\n", "twice" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetConfig) config = brevet_config_new_from_text (mistakes[i].text, "dps.conf", NULL, &error);

      g_assert_no_error (error);
      g_assert_null (brevet_hubs_new (config, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_nonnull (strstr (error->message, mistakes[i].message));
      g_assert_nonnull (strstr (error->message, "dps.conf"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hubs/even", test_even);
  g_test_add_func ("/hubs/weights", test_weights);
  g_test_add_func ("/hubs/few-moves", test_few_moves);
  g_test_add_func ("/hubs/spelling", test_spelling);
  g_test_add_func ("/hubs/wanted", test_wanted);
  g_test_add_func ("/hubs/static", test_static);
  g_test_add_func ("/hubs/nearest", test_nearest);
  g_test_add_func ("/hubs/equally-near", test_equally_near);
  g_test_add_func ("/hubs/nearest-of-wanted", test_nearest_of_wanted);
  g_test_add_func ("/hubs/refused", test_refused);
  g_test_add_func ("/hubs/list", test_list);
  g_test_add_func ("/hubs/bad-configuration", test_bad_configuration);
  return g_test_run ();
}
