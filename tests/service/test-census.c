/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who has what: the census, what it is made of, and what it costs to know which trust bundle a device has. */

#include "brevet-clock.h"
#include "census.h"
#include "records-devices.h"
#include "service-fixture.h"
#include "test-authority.h"
#include "trust-bundle-holders.h"

#include <glib/gstdio.h>

#define MANY 1203 /* more than two pages */

static guint commits;
static gint64 passed; /* microseconds */

static gint64
tell_time (gpointer user_data)
{
  return g_get_real_time () + passed;
}

static void
count_commit (BrevetStore *real, gpointer user_data)
{
  commits++;
}

static void
commit (Service *service, BrevetBatch *batch)
{
  g_autoptr(GError) error = NULL;

  brevet_store_commit (BREVET_STORE (service->store), batch, &error);
  g_assert_no_error (error);
}

static void
on_taken (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  BrevetCensusResult **census = user_data;

  *census = brevet_census_take_finish (result, &error);
  g_assert_no_error (error);
}

static BrevetCensusResult *
take (Service *service, gint64 not_before)
{
  BrevetCensusResult *census = NULL;

  brevet_census_take_async (service->context->census, not_before, NULL, on_taken, &census);
  while (census == NULL)
    g_main_context_iteration (NULL, TRUE);
  return census;
}

/* One that has seen all that was written by now. */
static BrevetCensusResult *
take_now (Service *service)
{
  passed += G_USEC_PER_SEC;
  return take (service, brevet_clock_now () - 1);
}

static guint64
count (BrevetCensusResult *census, const char *name, const char *identity)
{
  const BrevetCensusAuthority *authority = brevet_census_result_find (census, name, identity);

  return authority != NULL ? authority->devices : 0;
}

static BrevetInventoryEntry *
make_entry (Service *service, const char *device, const char *authority, const char *identity)
{
  BrevetInventoryEntry *entry = g_new0 (BrevetInventoryEntry, 1);
  g_autoptr(GError) error = NULL;

  entry->registration_id = g_strdup (device);
  entry->operation_id = g_strdup ("operation");
  entry->authority = g_strdup (authority);
  entry->identity = g_strdup (identity);
  entry->status = g_strdup (BREVET_INVENTORY_ISSUED);
  entry->chain = brevet_chain_new_from_pem (service->root_pem, &error);
  g_assert_no_error (error);
  return entry;
}

static void
issue (Service *service, const char *device, const char *identity, const char *key)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  BrevetInventoryEntry *entry = make_entry (service, device, "plant", identity);

  passed += G_USEC_PER_SEC;
  brevet_records_put_device_certificate (batch, entry, key, 0, NULL);
  commit (service, batch);
  brevet_inventory_entry_free (entry);
}

static void
deliver (Service *service, const char *device, const char *key)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  brevet_records_put_delivered_certificate (batch, device, key);
  commit (service, batch);
}

static void
assert_users (Service *service, const char *identity, guint64 devices, guint64 coming)
{
  g_autoptr(BrevetCensusResult) census = take_now (service);
  const BrevetCensusAuthority *users = brevet_census_result_find (census, "Plant", identity);

  g_assert_cmpuint (users != NULL ? users->devices : 0, ==, devices);
  g_assert_cmpuint (users != NULL ? users->coming : 0, ==, coming);
  g_assert_true (brevet_census_result_uses (census, "PLANT", identity) == (devices + coming > 0));
}

static guint
count_records (Service *service, const char *collection)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list (BREVET_STORE (service->store), collection, NULL, NULL, 1000, &error);

  g_assert_no_error (error);
  return records->len;
}

/* A device has the certificate that it has fetched last; one that it has not fetched yet counts beside it. */
static void
test_latest (Service *service, gconstpointer data)
{
  issue (service, "pump-07", "old", "k1");
  assert_users (service, "old", 0, 1);
  deliver (service, "pump-07", "k1");
  assert_users (service, "old", 1, 0);
  issue (service, "pump-07", "new", "k2");
  assert_users (service, "old", 1, 0);
  assert_users (service, "new", 0, 1);
  deliver (service, "PUMP-07", "K2");
  assert_users (service, "old", 0, 0);
  assert_users (service, "new", 1, 0);
  /* The complete mark, the delivery, and one certificate: what nobody uses is gone. */
  g_assert_cmpuint (count_records (service, BREVET_COLLECTION_DEVICE_CERTIFICATES), ==, 3);
}

static void
test_revoked (Service *service, gconstpointer data)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  issue (service, "pump-07", "old", "k1");
  deliver (service, "pump-07", "k1");
  brevet_records_delete_device_certificate (batch, "pump-07", "k1");
  commit (service, batch);
  assert_users (service, "old", 0, 0);
}

static void
test_expired (Service *service, gconstpointer data)
{
  issue (service, "pump-07", "old", "k1");
  deliver (service, "pump-07", "k1");
  passed += 4000 * G_TIME_SPAN_DAY;
  assert_users (service, "old", 0, 0);
}

/* Of a device that is gone nothing stays; of one whose certificate has just been delivered, all does. */
static void
test_tidy (Service *service, gconstpointer data)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  issue (service, "pump-07", "old", "k1");
  deliver (service, "pump-07", "k1");
  brevet_records_delete_device_certificate (batch, "pump-07", "k1");
  commit (service, batch);
  assert_users (service, "old", 0, 0);
  g_assert_cmpuint (count_records (service, BREVET_COLLECTION_DEVICE_CERTIFICATES), ==, 2);
  passed += 2 * G_TIME_SPAN_DAY;
  assert_users (service, "old", 0, 0);
  /* The complete mark. */
  g_assert_cmpuint (count_records (service, BREVET_COLLECTION_DEVICE_CERTIFICATES), ==, 1);
}

static void
put_version (Service *service, const char *bundle, const char *etag)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GPtrArray) nothing = g_ptr_array_new ();
  g_autoptr(BrevetTrustBundle) empty = brevet_trust_bundle_new (nothing);
  BrevetTrustBundleDocument document = { .id = (char *) bundle, .bundle = empty, .sources = nothing };

  brevet_records_put_bundle_version (batch, &document, etag);
  commit (service, batch);
  passed += G_USEC_PER_SEC;
}

/* The current version stays, whatever its etag, and those that a device has. */
static void
test_former_versions (Service *service, gconstpointer data)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  BrevetBundleHolder holder = { "mydevice1", "roots", "v2", NULL };
  g_autoptr(BrevetRecord) held = NULL, current = NULL, other = NULL;

  drop (service, 200, "PUT", "/trustBundles/roots", NULL, "{\"certificates\":[]}");
  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (",\"trustBundleId\":\"roots\""));
  brevet_records_put_bundle_holder (batch, &holder, NULL);
  commit (service, batch);
  put_version (service, "other", "v1");
  put_version (service, "roots", "v1");
  put_version (service, "roots", "v3");
  put_version (service, "roots", "v2");
  put_version (service, "roots", "v0");
  brevet_census_result_unref (take_now (service));
  g_assert_cmpuint (count_records (service, BREVET_COLLECTION_BUNDLE_VERSIONS), ==, 6);
  passed += 2 * G_TIME_SPAN_DAY;
  brevet_census_result_unref (take_now (service));
  g_assert_cmpuint (count_records (service, BREVET_COLLECTION_BUNDLE_VERSIONS), ==, 3);
  held = brevet_store_get (BREVET_STORE (service->store), BREVET_COLLECTION_BUNDLE_VERSIONS, "roots/v2", NULL);
  current = brevet_store_get (BREVET_STORE (service->store), BREVET_COLLECTION_BUNDLE_VERSIONS, "roots/v0", NULL);
  other = brevet_store_get (BREVET_STORE (service->store), BREVET_COLLECTION_BUNDLE_VERSIONS, "other/v1", NULL);
  g_assert_true (held != NULL && current != NULL && other != NULL);
}

/* The store of a former version has certificates alone. */
static void
test_former_version (Service *service, gconstpointer data)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(BrevetCensusResult) census = NULL;
  BrevetInventoryEntry *entry = make_entry (service, "pump-07", "plant", NULL);

  g_free (brevet_records_put_certificate (batch, entry));
  commit (service, batch);
  brevet_inventory_entry_free (entry);
  census = take_now (service);
  g_assert_cmpuint (count (census, "plant", NULL), ==, 1);
  /* It may be of any CA that the name has stood for. */
  g_assert_true (brevet_census_result_uses (census, "plant", "whichever"));
  g_assert_false (brevet_census_result_uses (census, "other", "whichever"));
}

static void
put_intent (Service *service, const char *id, const char *identity, gboolean sent)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) csr = g_bytes_new_static ("x", 1);
  BrevetIntent intent = {
    .operation_id = (char *) id, .registration_id = "pump-07", .authority = "plant", .identity = (char *) identity, .csr = csr,
    .common_name = "pump-07", .requested_at = 1000, .sent = sent,
  };

  brevet_records_put_intent (batch, &intent);
  commit (service, batch);
}

/* What is under way counts, as soon as it is known who is asked. */
static void
test_under_way (Service *service, gconstpointer data)
{
  g_autoptr(BrevetCensusResult) unsent = NULL, sent = NULL;

  put_intent (service, "1", NULL, FALSE);
  unsent = take_now (service);
  g_assert_false (brevet_census_result_uses (unsent, "plant", "old"));
  g_assert_true (brevet_census_result_has_unsent (unsent, "plant", 1000));
  g_assert_false (brevet_census_result_has_unsent (unsent, "plant", 999));
  put_intent (service, "1", "old", TRUE);
  sent = take_now (service);
  g_assert_true (brevet_census_result_uses (sent, "plant", "old"));
  g_assert_false (brevet_census_result_uses (sent, "plant", "new"));
  g_assert_false (brevet_census_result_has_unsent (sent, "plant", 1000));
}

/* One census for all who ask at once, and none while the latest is young. */
static void
test_single_flight (Service *service, gconstpointer data)
{
  g_autoptr(BrevetCensusResult) first = NULL, second = NULL, third = NULL, later = NULL;
  guint alone;

  g_clear_pointer (&first, brevet_census_result_unref);
  first = take_now (service);
  wrapping_store_take_reads (WRAPPING_STORE (service->store));
  g_clear_pointer (&first, brevet_census_result_unref);
  first = take_now (service);
  alone = wrapping_store_take_reads (WRAPPING_STORE (service->store));
  g_assert_cmpuint (alone, >, 0);
  third = take (service, 0);
  g_assert_true (third == first);
  g_assert_cmpuint (wrapping_store_take_reads (WRAPPING_STORE (service->store)), ==, 0);

  passed += G_USEC_PER_SEC;
  brevet_census_take_async (service->context->census, first->began, NULL, on_taken, &second);
  brevet_census_take_async (service->context->census, first->began, NULL, on_taken, &later);
  while (second == NULL || later == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (second == later);
  g_assert_cmpuint (wrapping_store_take_reads (WRAPPING_STORE (service->store)), ==, alone);
}

static void
add_device (BrevetBatch *batch, BrevetInventoryEntry *entry, guint number)
{
  g_autofree char *device = g_strdup_printf ("pump-%06u", number);
  BrevetRegistration registration = {
    .state = brevet_registration_state_new (device, BREVET_REGISTRATION_ASSIGNED),
    .enrollment_id = "line-4", .enrollment_is_group = TRUE,
  };
  BrevetBundleHolder holder = { device, "Roots", number % 3 == 0 ? "v1" : "v2", NULL };

  g_free (entry->registration_id);
  entry->registration_id = g_strdup (device);
  g_free (entry->identity);
  entry->identity = g_strdup (number % 2 == 0 ? "old" : "new");
  brevet_records_put_registration (batch, &registration, NULL);
  brevet_records_put_device_certificate (batch, entry, "k1", 0, NULL);
  brevet_records_put_delivered_certificate (batch, device, "k1");
  if (number % 10 != 0)
    brevet_records_put_bundle_holder (batch, &holder, NULL);
  brevet_registration_state_free (registration.state);
}

static void
add_devices (Service *service, guint times)
{
  BrevetInventoryEntry *entry = make_entry (service, "nobody", "plant", NULL);

  for (guint first = 0; first < times; first += 500)
    {
      g_autoptr(BrevetBatch) batch = brevet_batch_new ();

      for (guint i = first; i < MIN (first + 500, times); i++)
        add_device (batch, entry, i);
      commit (service, batch);
    }
  brevet_inventory_entry_free (entry);
}

/* BREVET_TEST_DEVICES=10000 measures. */
static void
test_many (Service *service, gconstpointer data)
{
  const char *wish = g_getenv ("BREVET_TEST_DEVICES");
  guint devices = wish != NULL ? (guint) g_ascii_strtoull (wish, NULL, 10) : MANY;
  g_autoptr(BrevetCensusResult) census = NULL;
  guint64 with;

  drop (service, 200, "PUT", "/trustBundles/roots", NULL, "{\"certificates\":[]}");
  drop (service, 200, "PUT", "/enrollmentGroups/line-4", NULL, GROUP (",\"trustBundleId\":\"roots\""));
  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (",\"trustBundleId\":\"roots\""));
  add_devices (service, devices);
  census = take_now (service);
  g_assert_cmpuint (count (census, "plant", "old"), ==, (devices + 1) / 2);
  g_assert_cmpuint (count (census, "plant", "new"), ==, devices / 2);
  with = brevet_census_result_count_holders (census, "roots", "v1") + brevet_census_result_count_holders (census, "roots", "v2");
  g_assert_cmpuint (brevet_census_result_count_holders (census, "ROOTS", NULL), ==, (devices + 9) / 10);
  g_assert_cmpuint (with + brevet_census_result_count_holders (census, "roots", NULL), ==, devices);
  g_test_message ("%u devices were counted in %.0f ms", devices, census->duration / 1000.0);
}

/* A device that is not let in, or is gone, need not be waited for. */
static void
test_disabled (Service *service, gconstpointer data)
{
  g_autoptr(BrevetCensusResult) enabled = NULL, disabled = NULL, other = NULL;
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  BrevetBundleHolder holder = { "mydevice1", "roots", "v1", NULL };

  drop (service, 200, "PUT", "/trustBundles/roots", NULL, "{\"certificates\":[]}");
  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (",\"trustBundleId\":\"roots\""));
  brevet_records_put_bundle_holder (batch, &holder, NULL);
  commit (service, batch);
  enabled = take_now (service);
  g_assert_cmpuint (brevet_census_result_count_holders (enabled, "roots", "v1"), ==, 1);
  drop (service, 200, "PUT", "/trustBundles/other", NULL, "{\"certificates\":[]}");
  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL, ENROLLMENT (",\"trustBundleId\":\"other\""));
  other = take_now (service);
  g_assert_cmpuint (brevet_census_result_count_holders (other, "roots", "v1"), ==, 0);
  drop (service, 200, "PUT", "/enrollments/mydevice1", NULL,
        ENROLLMENT (",\"trustBundleId\":\"roots\",\"provisioningStatus\":\"disabled\""));
  disabled = take_now (service);
  g_assert_cmpuint (brevet_census_result_count_holders (disabled, "roots", "v1"), ==, 0);
}

/* Returns once nothing is on its way to the store. */
static void
wait_for_store (Service *service, guint reads, guint writes)
{
  BrevetStore *real = wrapping_store_get_inner (WRAPPING_STORE (service->store));
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  while (commits < writes)
    g_main_context_iteration (NULL, TRUE);
  if (writes == 0)
    {
      while (reads > 0 && !g_main_context_iteration (NULL, TRUE))
        ;
      return;
    }
  /* One commit after the other. */
  brevet_batch_delete (batch, "barrier", "barrier", NULL);
  g_assert_true (brevet_store_commit (real, batch, NULL));
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
note (Service *service, const char *etag, guint reads, guint writes)
{
  commits = 0;
  interposed_store_before_commit (service->store, 100, count_commit, NULL);
  wrapping_store_take_reads (WRAPPING_STORE (service->store));
  brevet_bundle_holders_note (service->context->holders, "Pump-07", "roots", etag);
  wait_for_store (service, reads, writes);
  g_assert_cmpuint (wrapping_store_take_reads (WRAPPING_STORE (service->store)), ==, reads);
  g_assert_cmpuint (commits, ==, writes);
}

/* What devices do every hour costs nothing. */
static void
test_holders (Service *service, gconstpointer data)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(BrevetBundleHolder) holder = NULL;

  note (service, "v1", 1, 1);
  for (guint i = 0; i < 5; i++)
    note (service, "v1", 0, 0);
  note (service, "v2", 1, 1);
  note (service, "v2", 0, 0);
  /* After a restart nobody is remembered. */
  g_clear_pointer (&service->context->holders, brevet_bundle_holders_unref);
  service->context->holders = brevet_bundle_holders_new (BREVET_STORE (service->store), NULL);
  note (service, "v2", 1, 0);
  note (service, "v2", 0, 0);
  record = brevet_store_get (BREVET_STORE (service->store), BREVET_COLLECTION_BUNDLE_HOLDERS, "pump-07", NULL);
  g_assert_nonnull (record);
  holder = brevet_records_read_bundle_holder (record, NULL);
  g_assert_cmpstr (holder->registration_id, ==, "Pump-07");
  g_assert_cmpstr (holder->version, ==, "v2");
}

#define CENSUS_TEST(path, function) g_test_add (path, Service, NULL, service_set_up, function, service_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  brevet_clock_set_source (tell_time, NULL);
  CENSUS_TEST ("/census/latest", test_latest);
  CENSUS_TEST ("/census/revoked", test_revoked);
  CENSUS_TEST ("/census/expired", test_expired);
  CENSUS_TEST ("/census/tidy", test_tidy);
  CENSUS_TEST ("/census/former-versions", test_former_versions);
  CENSUS_TEST ("/census/former-version", test_former_version);
  CENSUS_TEST ("/census/under-way", test_under_way);
  CENSUS_TEST ("/census/single-flight", test_single_flight);
  CENSUS_TEST ("/census/many", test_many);
  CENSUS_TEST ("/census/disabled", test_disabled);
  CENSUS_TEST ("/census/holders", test_holders);
  return g_test_run ();
}
