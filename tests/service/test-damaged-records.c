/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records that nobody can read: they hold up nothing but what they alone concern, the operator is told of each once, and nothing
 * becomes trusted or distrusted because of them. */

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-wire-json.h"
#include "pipeline-fixture.h"
#include "record-readers.h"
#include "records-aside.h"
#include "records-ca.h"
#include "records-devices.h"
#include "revocations.h"
#include "test-authority.h"

#include <glib/gstdio.h>
#include <string.h>

#define PLANT_OLD  "[ca plant]\ntype=scripted\ncertificate=ca.pem\nkey=ca.key\nledger=plant\nidentity=old\ncheck-interval=0\n"
#define PLANT_NEW  "[ca plant]\ntype=scripted\ncertificate=coming/ca.pem\nkey=coming/ca.key\nledger=coming.ledger\n" \
                   "identity=new\ncheck-interval=0\n"
#define ENROLLMENT "\"trustBundleId\":\"roots\",\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"plant\"}"
#define GROUP_KEY  "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY="

/* Changes the store while the service does not run. */
typedef struct {
  Pipeline *pipeline;
  BrevetRegistry *registry;
  BrevetStore *store;
} Store;

static Store
open_store (Pipeline *pipeline)
{
  Store self = { pipeline, brevet_registry_new (), NULL };

  pipeline_hurry (pipeline, 0);
  pipeline_stop (pipeline);
  self.store = pipeline_open_store (pipeline, self.registry);
  return self;
}

static void
close_store (Store *self)
{
  g_clear_object (&self->store);
  g_clear_object (&self->registry);
  pipeline_start (self->pipeline);
}

static void
put (Store *self, const char *collection, const char *key, const char *parent, const char *text)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new (text, strlen (text));
  g_autoptr(GError) error = NULL;

  brevet_batch_put (batch, collection, key, parent, body, NULL);
  brevet_store_commit (self->store, batch, &error);
  g_assert_no_error (error);
}

/* The only one in @collection whose key begins like this. */
static BrevetRecord *
find (Store *self, const char *collection, const char *beginning)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list (self->store, collection, NULL, NULL, 1000, &error);
  BrevetRecord *found = NULL;

  g_assert_no_error (error);
  for (guint i = 0; i < records->len; i++)
    if (g_str_has_prefix (brevet_record_get_key (g_ptr_array_index (records, i)), beginning))
      {
        g_assert_null (found);
        found = brevet_record_ref (g_ptr_array_index (records, i));
      }
  g_assert_nonnull (found);
  return found;
}

/* Of a device with one certificate in the inventory. */
static BrevetRecord *
find_certificate (Store *self, const char *device)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list (self->store, BREVET_COLLECTION_CERTIFICATES, device, NULL, 10, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (records->len, ==, 1);
  return brevet_record_ref (g_ptr_array_index (records, 0));
}

static void
spoil (Store *self, BrevetRecord *record, const char *text)
{
  put (self, brevet_record_get_collection (record), brevet_record_get_key (record), brevet_record_get_parent (record), text);
}

/* As “brevet-dps store set-aside” does it. */
static void
set_aside (Store *self, BrevetRecord *record)
{
  g_autofree char *aside = brevet_records_aside (brevet_record_get_collection (record));
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GError) error = NULL;

  brevet_batch_put (batch, aside, brevet_record_get_key (record), brevet_record_get_parent (record),
                    brevet_record_get_body (record), BREVET_IF_ABSENT);
  brevet_batch_delete (batch, brevet_record_get_collection (record), brevet_record_get_key (record), BREVET_IF_PRESENT);
  brevet_store_commit (self->store, batch, &error);
  g_assert_no_error (error);
}

static void
put_bundle (Pipeline *pipeline)
{
  g_autoptr(Heard) heard = operate (pipeline, 200, "PUT", "/trustBundles/roots", NULL, "{\"certificateAuthorities\":[\"plant\"]}");
}

static void
assert_root (Pipeline *pipeline, const char *subject, gboolean is_there)
{
  g_autoptr(Heard) bundle = operate (pipeline, 200, "GET", "/trustBundles/roots", NULL, NULL);

  g_assert_true ((strstr (bundle->text, subject) != NULL) == is_there);
}

static void
renew (Pipeline *pipeline, const char *device)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_autofree char *csr = make_csr (key, device);
  g_autoptr(Heard) heard = device_provision (pipeline, device, csr);
  g_autoptr(BrevetCertificate) certificate = heard_get_certificate (heard);

  g_assert_nonnull (certificate);
  heard_deliver (pipeline, heard);
}

static void
ask_for_all (Pipeline *pipeline)
{
  static const char *const lists[] = {
    "/certificateAuthorities", "/trustBundles", "/certificates", "/issuedCertificates", "/certificateAuthorityStatus",
    "/trustBundleStatus/roots", "/enrollments/barrier", "/certificateAuthorityStatus/plant",
  };

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      g_autoptr(Heard) heard = operate (pipeline, 200, "GET", lists[i], NULL, NULL);
    }
}

static const char *const damages[] = {
  "", "{\"operationId\":\"x", "[]", "{}",
  "{\"registrationId\":1,\"enrollmentGroupId\":[],\"operationId\":{},\"status\":7,"
  "\"chain\":\"-----BEGIN CERTIFICATE-----\\nM*I\\n\","
  "\"name\":null,\"notAfter\":\"soon\",\"certificateAuthority\":true,\"version\":{},\"delivered\":3,\"certificates\":\"none\","
  "\"enrollmentGroup\":5,\"csr\":\"*\",\"state\":[],\"content\":0}",
};

/* Whatever lies there, everybody else is served, all jobs work, all lists are shown, and the log names each record at most once. */
static void
test_others (Pipeline *pipeline, gconstpointer data)
{
  for (const BrevetRecordReader *reader = brevet_record_readers_list (); reader->collection != NULL; reader++)
    {
      Store store;

      put_bundle (pipeline);
      enroll (pipeline, "pump-07", ENROLLMENT);
      store = open_store (pipeline);
      for (guint i = 0; i < G_N_ELEMENTS (damages); i++)
        {
          g_autofree char *key = g_strdup_printf ("aa-%u-%s", i, reader->collection);

          put (&store, reader->collection, key, "plant", damages[i]);
        }
      close_store (&store);
      renew (pipeline, "pump-07");
      pipeline_let_work (pipeline);
      ask_for_all (pipeline);
      renew (pipeline, "pump-07");
      pipeline_let_work (pipeline);
      for (guint i = 0; i < G_N_ELEMENTS (damages); i++)
        {
          g_autofree char *words = g_strdup_printf ("set-aside %s aa-%u-%s”", reader->collection, i, reader->collection);

          g_assert_cmpuint (pipeline_count_logged (words), <=, 1);
        }
      if (pipeline_logged ("background job"))
        g_test_message ("%s", reader->collection);
      g_assert_false (pipeline_logged ("background job"));
    }
}

/* What a newer version of the service has added is no damage. */
static void
test_newer (Pipeline *pipeline, gconstpointer data)
{
  Store store;
  guint seen = 0;

  put_bundle (pipeline);
  enroll (pipeline, "pump-07", ENROLLMENT);
  renew (pipeline, "pump-07");
  pipeline_let_work (pipeline);
  store = open_store (pipeline);
  for (const BrevetRecordReader *reader = brevet_record_readers_list (); reader->collection != NULL; reader++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GPtrArray) records = brevet_store_list (store.store, reader->collection, NULL, NULL, 1000, &error);

      for (guint i = 0; i < records->len; i++)
        {
          BrevetRecord *record = g_ptr_array_index (records, i);
          g_autoptr(JsonObject) object = brevet_wire_parse_object (brevet_record_get_body (record), "the record", &error);
          g_autoptr(GBytes) body = NULL;
          g_autoptr(BrevetRecord) newer = NULL;

          g_assert_no_error (error);
          reader->check (record, &error);
          g_assert_no_error (error);
          json_object_set_array_member (object, "addedLater", json_array_new ());
          body = brevet_wire_print_object (object);
          newer = brevet_record_new (reader->collection, brevet_record_get_key (record), brevet_record_get_parent (record), "1", 1,
                                     1, body);
          reader->check (newer, &error);
          g_assert_no_error (error);
        }
      seen += records->len > 0;
    }
  g_assert_cmpuint (seen, >=, 8);
  close_store (&store);
}

static void
begin_window (Pipeline *pipeline)
{
  g_autofree char *directory = g_build_filename (pipeline->directory, "coming", NULL);

  g_assert_cmpint (g_mkdir (directory, 0700), ==, 0);
  g_free (test_authority_write (directory, "Coming Root"));
  put_bundle (pipeline);
  enroll (pipeline, "pump-07", ENROLLMENT);
  renew (pipeline, "pump-07");
  pipeline_let_work (pipeline);
  pipeline_reload (pipeline, PLANT_OLD, PLANT_NEW);
  pipeline_let_work (pipeline);
  assert_root (pipeline, "Plant Root", TRUE);
  assert_root (pipeline, "Coming Root", TRUE);
}

static BrevetRecord *
find_small (Store *self, const char *device)
{
  g_autoptr(BrevetRecord) entry = find_certificate (self, device);
  g_autofree char *id = g_strconcat (device, "/", brevet_record_get_key (entry), NULL);
  g_autofree char *key = g_ascii_strdown (id, -1);

  return find (self, BREVET_COLLECTION_DEVICE_CERTIFICATES, key);
}

/* The only record that says that a device uses the former CA: it is made again from the inventory. If that is damaged as well,
 * nothing is taken out until an operator decides. */
static void
test_census (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetRecord) small = NULL, again = NULL, entry = NULL;
  g_autoptr(Heard) status = NULL;
  Store store;

  begin_window (pipeline);
  store = open_store (pipeline);
  small = find_small (&store, "pump-07");
  spoil (&store, small, "{\"certificateAuthority\":\"plant\",\"notAfter\":\"soon\"}");
  close_store (&store);
  pipeline_let_work (pipeline);
  assert_root (pipeline, "Plant Root", TRUE);
  g_assert_true (pipeline_logged ("is made anew from the inventory"));

  store = open_store (pipeline);
  again = find_small (&store, "pump-07");
  entry = find_certificate (&store, "pump-07");
  g_assert_true (g_bytes_equal (brevet_record_get_body (again), brevet_record_get_body (small)));
  spoil (&store, again, "{}");
  spoil (&store, entry, "{");
  close_store (&store);
  pipeline_let_work (pipeline);
  assert_root (pipeline, "Plant Root", TRUE);
  status = operate (pipeline, 200, "GET", "/certificateAuthorityStatus/plant", NULL, NULL);
  g_assert_cmpint (heard_get_int (status, "unreadableRecords"), ==, 1);

  store = open_store (pipeline);
  set_aside (&store, again);
  set_aside (&store, entry);
  close_store (&store);
  pipeline_let_work (pipeline);
  assert_root (pipeline, "Plant Root", FALSE);
}

/* What the name stood for before: its root stays, and the CA of today issues, also when its own record is the damaged one. */
static void
test_versions (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(GPtrArray) versions = NULL;
  g_autoptr(GError) error = NULL;
  Store store;

  begin_window (pipeline);
  store = open_store (pipeline);
  versions = brevet_store_list (store.store, BREVET_COLLECTION_CA_VERSIONS, "plant", NULL, 10, &error);
  g_assert_cmpuint (versions->len, ==, 2);
  for (guint i = 0; i < versions->len; i++)
    spoil (&store, g_ptr_array_index (versions, i), "{\"name\":\"plant\"");
  close_store (&store);
  enroll (pipeline, "pump-08", ENROLLMENT);
  renew (pipeline, "pump-08");
  pipeline_let_work (pipeline);
  assert_root (pipeline, "Plant Root", TRUE);
  assert_root (pipeline, "Coming Root", TRUE);
}

/* An operator who asks for a damaged record is told so, and writes it anew. */
static void
test_written_anew (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) shown = NULL, again = NULL;
  g_autoptr(BrevetRecord) record = NULL;
  Store store;

  put_bundle (pipeline);
  enroll (pipeline, "pump-07", ENROLLMENT);
  store = open_store (pipeline);
  record = find (&store, BREVET_COLLECTION_ENROLLMENTS, "pump-07");
  spoil (&store, record, "{\"registrationId\":\"pump-07\"");
  close_store (&store);
  shown = operate (pipeline, 500, "GET", "/enrollments/pump-07", NULL, NULL);
  g_assert_nonnull (strstr (shown->text, "brevet-dps store check"));
  enroll (pipeline, "pump-07", ENROLLMENT);
  again = operate (pipeline, 200, "GET", "/enrollments/pump-07", NULL, NULL);
}

/* What a list would say. */
static BrevetRevocations *
read_revocations (Store *self)
{
  g_autoptr(GError) error = NULL;
  BrevetRevocations *revocations = brevet_revocations_read (self->store, brevet_clock_now_seconds (), NULL, &error);

  g_assert_no_error (error);
  return revocations;
}

static gboolean
is_listed (Store *self, BrevetRecord *entry)
{
  g_autoptr(BrevetRevocations) revocations = read_revocations (self);
  const char *serial = strchr (brevet_record_get_key (entry), ':') + 1;
  g_autoptr(BrevetChain) root = brevet_chain_new_from_pem (self->pipeline->root_pem, NULL);

  for (guint i = 0; i < revocations->list->len; i++)
    {
      BrevetRevocation *revocation = g_ptr_array_index (revocations->list, i);
      g_autoptr(BrevetCertificate) certificate = brevet_revocation_get_certificate (revocation);
      const char *listed = certificate != NULL ? brevet_certificate_get_serial (certificate)
                                               : brevet_revocation_get_serial (revocation, brevet_chain_get_leaf (root));

      if (g_strcmp0 (listed, serial) == 0)
        return TRUE;
    }
  return FALSE;
}

static void
revoke_certificate (Pipeline *pipeline, BrevetRecord *entry, const char *reason)
{
  g_autofree char *path = g_strdup_printf ("/issuedCertificates/%s/revoke", brevet_record_get_key (entry));
  g_autofree char *body = g_strdup_printf ("{\"reason\":\"%s\"}", reason);
  g_autoptr(Heard) heard = operate (pipeline, 200, "POST", path, NULL, body);
}

/* A certificate that was revoked, or held, stays so; one that was not does not become so. */
static void
test_revoked (Pipeline *pipeline, gconstpointer data)
{
  static const char *const devices[] = { "pump-07", "pump-08", "pump-09" };
  static const char *const reasons[] = { "keyCompromise", "certificateHold", NULL };

  put_bundle (pipeline);
  for (guint i = 0; i < G_N_ELEMENTS (devices); i++)
    {
      g_autoptr(BrevetRecord) entry = NULL, damaged = NULL;
      Store store;

      enroll (pipeline, devices[i], ENROLLMENT);
      renew (pipeline, devices[i]);
      store = open_store (pipeline);
      entry = find_certificate (&store, devices[i]);
      close_store (&store);
      if (reasons[i] != NULL)
        revoke_certificate (pipeline, entry, reasons[i]);
      for (guint damage = 0; damage < G_N_ELEMENTS (damages); damage++)
        {
          store = open_store (pipeline);
          spoil (&store, entry, damages[damage]);
          g_assert_true (is_listed (&store, entry) == (reasons[i] != NULL));
          close_store (&store);
        }
      store = open_store (pipeline);
      damaged = find_certificate (&store, devices[i]);
      set_aside (&store, damaged);
      g_assert_true (is_listed (&store, entry) == (reasons[i] != NULL));
      close_store (&store);
    }
}

static void
put_group (Pipeline *pipeline, const char *status)
{
  g_autofree char *body = g_strdup_printf ("{\"enrollmentGroupId\":\"line-4\",\"provisioningStatus\":\"%s\",\"attestation\":"
                                           "{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" GROUP_KEY "\","
                                           "\"secondaryKey\":\"" GROUP_KEY "\"}}," ENROLLMENT "}", status);
  g_autoptr(Heard) heard = operate (pipeline, 200, "PUT", "/enrollmentGroups/line-4", "*", body);
}

/* The certificate of a device that only a group knows. */
static BrevetRecord *
make_member (Pipeline *pipeline)
{
  g_autoptr(Heard) gone = NULL;
  BrevetRecord *entry;
  Store store;

  put_bundle (pipeline);
  enroll (pipeline, "pump-07", ENROLLMENT);
  renew (pipeline, "pump-07");
  put_group (pipeline, "enabled");
  store = open_store (pipeline);
  entry = find_certificate (&store, "pump-07");
  /* Damaged as well: whose it is stands beside it. */
  put (&store, BREVET_COLLECTION_REGISTRATIONS, "pump-07", "line-4", "{");
  close_store (&store);
  gone = operate (pipeline, 204, "DELETE", "/enrollments/pump-07", NULL, NULL);
  return entry;
}

/* One damaged group neither shuts its devices out nor lets them in. */
static void
test_group (Pipeline *pipeline, gconstpointer data)
{
  static const char *const statuses[] = { "enabled", "disabled" };
  g_autoptr(BrevetRecord) entry = make_member (pipeline);

  for (guint i = 0; i < G_N_ELEMENTS (statuses); i++)
    {
      g_autoptr(BrevetRecord) group = NULL;
      Store store;

      put_group (pipeline, statuses[i]);
      store = open_store (pipeline);
      group = find (&store, BREVET_COLLECTION_GROUPS, "line-4");
      g_assert_true (is_listed (&store, entry) == (i == 1));
      for (guint damage = 0; damage < G_N_ELEMENTS (damages); damage++)
        {
          spoil (&store, group, damages[damage]);
          g_assert_true (is_listed (&store, entry) == (i == 1));
        }
      if (i == 1)
        {
          g_clear_pointer (&group, brevet_record_unref);
          group = find (&store, BREVET_COLLECTION_GROUPS, "line-4");
          set_aside (&store, group);
          g_assert_true (is_listed (&store, entry));
        }
      close_store (&store);
    }
}

/* As a former version of the service has left the store: nothing beside the records says who is shut out. */
static void
forget_barred (Store *self)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) notes = brevet_store_list (self->store, BREVET_COLLECTION_BARRED, NULL, NULL, 1000, &error);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  g_assert_no_error (error);
  for (guint i = 0; i < notes->len; i++)
    brevet_batch_delete (batch, BREVET_COLLECTION_BARRED, brevet_record_get_key (g_ptr_array_index (notes, i)), NULL);
  g_assert_cmpuint (notes->len, >=, 2);
  brevet_store_commit (self->store, batch, &error);
  g_assert_no_error (error);
}

/* Whom a former version of the service has shut out, stays so when the record is damaged later on. */
static void
test_former_version (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetRecord) member = make_member (pipeline), held = NULL, group = NULL;
  Store store;

  put_group (pipeline, "disabled");
  enroll (pipeline, "pump-08", ENROLLMENT);
  renew (pipeline, "pump-08");
  store = open_store (pipeline);
  held = find_certificate (&store, "pump-08");
  close_store (&store);
  revoke_certificate (pipeline, held, "certificateHold");

  store = open_store (pipeline);
  forget_barred (&store);
  close_store (&store);
  pipeline_let_work (pipeline);

  store = open_store (pipeline);
  group = find (&store, BREVET_COLLECTION_GROUPS, "line-4");
  spoil (&store, group, "{");
  spoil (&store, held, "{");
  g_assert_true (is_listed (&store, member));
  g_assert_true (is_listed (&store, held));
  close_store (&store);
}

/* An enrollment that is gone shuts nobody out. */
static void
test_barred_goes (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) gone = NULL, group_gone = NULL;

  put_bundle (pipeline);
  enroll (pipeline, "pump-07", "\"provisioningStatus\":\"disabled\"," ENROLLMENT);
  put_group (pipeline, "disabled");
  pipeline_let_work (pipeline);
  assert_records (pipeline, BREVET_COLLECTION_BARRED, 3);
  gone = operate (pipeline, 204, "DELETE", "/enrollments/pump-07", NULL, NULL);
  group_gone = operate (pipeline, 204, "DELETE", "/enrollmentGroups/line-4", NULL, NULL);
  g_clear_pointer (&gone, heard_free);
  g_clear_pointer (&group_gone, heard_free);
  assert_records (pipeline, BREVET_COLLECTION_BARRED, 1);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/damaged-records/others", PLANT_OLD, test_others);
  PIPELINE_TEST ("/damaged-records/newer", PLANT_OLD, test_newer);
  PIPELINE_TEST ("/damaged-records/census", PLANT_OLD, test_census);
  PIPELINE_TEST ("/damaged-records/versions", PLANT_OLD, test_versions);
  PIPELINE_TEST ("/damaged-records/written-anew", PLANT_OLD, test_written_anew);
  PIPELINE_TEST ("/damaged-records/revoked", PLANT_OLD, test_revoked);
  PIPELINE_TEST ("/damaged-records/group", PLANT_OLD, test_group);
  PIPELINE_TEST ("/damaged-records/former-version", PLANT_OLD, test_former_version);
  PIPELINE_TEST ("/damaged-records/barred-goes", PLANT_OLD, test_barred_goes);
  return g_test_run ();
}
