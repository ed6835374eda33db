/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a name stood for can still be asked after a swap, and is kept as long as something refers to it. */

#include "authority-chore.h"
#include "authority-fixture.h"
#include "brevet-clock.h"

#include <glib/gstdio.h>

/* A PUT changes the CA; what the name stood for before can still be asked, also after a restart, with its own key. */
static void
test_swap_by_put (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) first = NULL, second = NULL, current = NULL, former = NULL, former_again = NULL, back = NULL;
  g_autoptr(GPtrArray) versions = NULL;

  put_members (service, "myca1", "profile-1", "key-of-first");
  first = resolve (service, "myca1", &error);
  g_assert_no_error (error);
  put_members (service, "MyCa1", "profile-2", "key-of-second");
  second = resolve (service, "myca1", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (first->identity, !=, second->identity);

  current = resolve_as (service, "myca1", second->identity, &error);
  g_assert_no_error (error);
  g_assert_true (current->backend == second->backend);
  former = resolve_as (service, "MYCA1", first->identity, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (former->identity, ==, first->identity);
  g_assert_cmpstr (get_key (former), ==, "key-of-first");
  g_assert_true (former->traffic != second->traffic);

  versions = brevet_authority_versions_list (BREVET_STORE (service->store), "myca1", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (versions->len, ==, 2);
  for (guint i = 0; i < 2; i++)
    {
      BrevetCaVersion *version = g_ptr_array_index (versions, i);

      g_assert_cmpint (version->until == 0, ==, g_str_equal (version->identity, second->identity));
    }

  configure_anew (service, no_groups);
  former_again = resolve_as (service, "myca1", first->identity, &error);
  g_assert_no_error (error);
  g_assert_true (former_again->backend != former->backend);
  g_assert_cmpstr (get_key (former_again), ==, "key-of-first");

  drop (service, 204, "DELETE", "/certificateAuthorities/myca1", NULL, NULL);
  assert_refused (service, "myca1", BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "myca1");
  back = resolve_as (service, "myca1", second->identity, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (get_key (back), ==, "key-of-second");
  g_assert_null (resolve_as (service, "myca1", "members nobody", &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND);
}

/* The same by another type= in the group, with a secret in the main file. */
static void
test_swap_by_reload (Service *service, gconstpointer data)
{
  static const char swapped[] = SERVICE_GROUP "[ca factory]\ntype=members\napi-key=key-in-file\n";
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) local = resolve (service, "factory", &error);
  g_autoptr(BrevetAuthority) members = NULL, former = NULL, changed = NULL, gone = NULL;
  g_autofree char *certificate = g_build_filename (service->directory, "ca.pem", NULL);

  g_assert_no_error (error);
  configure_anew (service, swapped);
  members = resolve (service, "factory", &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (members->identity, "members "));
  former = resolve_as (service, "factory", local->identity, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (G_OBJECT_TYPE_NAME (former->backend), ==, G_OBJECT_TYPE_NAME (local->backend));

  configure_anew (service, SERVICE_GROUP CA_GROUP ("factory"));
  changed = resolve_as (service, "factory", members->identity, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (get_key (changed), ==, "key-in-file");

  /* What it needs is gone: that is said. */
  configure_anew (service, swapped);
  gone = resolve (service, "factory", &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_remove (certificate), ==, 0);
  g_assert_null (resolve_as (service, "factory", local->identity, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "ca.pem"));
}

/* Which name is asked how often makes no difference to the store. */
static void
test_reads (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) before = NULL, after = NULL;
  g_autoptr(BrevetAuthority) first = resolve (service, "factory", &error);

  g_assert_no_error (error);
  before = brevet_store_list (BREVET_STORE (service->store), BREVET_COLLECTION_CA_VERSIONS, NULL, NULL, 10, &error);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(BrevetAuthority) again = resolve (service, "factory", &error);

      g_assert_true (again->backend == first->backend);
    }
  configure_anew (service, SERVICE_GROUP CA_GROUP ("factory"));
  g_clear_pointer (&first, brevet_authority_unref);
  first = resolve (service, "factory", &error);
  after = brevet_store_list (BREVET_STORE (service->store), BREVET_COLLECTION_CA_VERSIONS, NULL, NULL, 10, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (before->len, ==, 1);
  g_assert_cmpuint (after->len, ==, 1);
}

static gint64
wait_for_trust (Service *service, guint length)
{
  for (;;)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GPtrArray) versions = brevet_authority_versions_list (BREVET_STORE (service->store), "factory", &error);
      BrevetCaVersion *version = versions != NULL && versions->len == 1 ? g_ptr_array_index (versions, 0) : NULL;

      g_assert_no_error (error);
      if (version != NULL && version->trust != NULL && brevet_trust_bundle_get_length (version->trust) == length)
        return version->trust_time;
      g_main_context_iteration (NULL, FALSE);
    }
}

/* What a CA says is to be trusted is there when it can no longer be asked. */
static void
test_trust (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority = resolve (service, "factory", &error);
  g_autoptr(BrevetTrustBundle) trust = brevet_trust_bundle_new_from_pem (service->root_pem, &error);
  g_autoptr(BrevetRecord) first = NULL, second = NULL;
  g_autofree char *key = NULL;

  g_assert_no_error (error);
  brevet_authority_pool_note_trust (service->context->authorities, authority, trust, NULL);
  g_assert_cmpint (wait_for_trust (service, 1), >, 0);
  key = brevet_records_ca_version_key ("factory", authority->identity);
  first = brevet_store_get (BREVET_STORE (service->store), BREVET_COLLECTION_CA_VERSIONS, key, &error);
  brevet_authority_pool_note_trust (service->context->authorities, authority, trust, NULL);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  second = brevet_store_get (BREVET_STORE (service->store), BREVET_COLLECTION_CA_VERSIONS, key, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_record_get_etag (first), ==, brevet_record_get_etag (second));
}

static BrevetServiceContext *
get_context (gpointer owner)
{
  return brevet_service_context_ref (((Service *) owner)->context);
}

static void
run_chore (Service *service)
{
  g_autoptr(BrevetServiceChores) chores = brevet_service_chores_new (get_context, service);

  brevet_authority_chore_add (chores);
  brevet_service_chores_poke (chores, BREVET_CHORE_CA_VERSIONS);
  while (!brevet_service_chores_is_running (chores))
    g_main_context_iteration (NULL, TRUE);
  while (brevet_service_chores_is_running (chores))
    g_main_context_iteration (NULL, TRUE);
  brevet_service_chores_stop (chores);
}

static void
store_version (Service *service, const char *name, const char *identity, gint64 until)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(JsonObject) settings = json_object_new ();
  g_autoptr(GError) error = NULL;
  BrevetCaVersion version = {
    .name = (char *) name, .identity = (char *) identity, .module = (char *) "ca-members", .settings = settings, .until = until,
  };

  brevet_records_put_ca_version (batch, &version, NULL);
  brevet_store_commit (BREVET_STORE (service->store), batch, &error);
  g_assert_no_error (error);
}

static void
store_references (Service *service)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) csr = g_bytes_new_static ("csr", 3);
  g_autoptr(GError) error = NULL;
  BrevetIntent intent = {
    .operation_id = (char *) "operation-1", .registration_id = (char *) "pump-1", .authority = (char *) "Gone",
    .identity = (char *) "asked", .csr = csr, .common_name = (char *) "pump-1", .attempt = 1,
  };
  BrevetPendingRevocation revocation = {
    .certificate_key = (char *) "key-1", .authority = (char *) "gone", .identity = (char *) "to revoke",
  };
  BrevetOrphan orphan = { .intent = &intent };

  brevet_records_put_intent (batch, &intent);
  intent.identity = (char *) "orphaned";
  brevet_records_put_orphan (batch, &orphan, NULL);
  brevet_records_put_pending_revocation (batch, &revocation, NULL);
  brevet_store_commit (BREVET_STORE (service->store), batch, &error);
  g_assert_no_error (error);
}

static const BrevetCaVersion *
find_version (GPtrArray *versions, const char *identity)
{
  for (guint i = 0; i < versions->len; i++)
    if (g_str_equal (((BrevetCaVersion *) g_ptr_array_index (versions, i))->identity, identity))
      return g_ptr_array_index (versions, i);
  return NULL;
}

/* What a name stood for is kept as long as something refers to it, and forgotten then; what it stands for is noted unasked. */
static void
test_chore (Service *service, gconstpointer data)
{
  gint64 long_ago = brevet_clock_now_seconds () - 3600;
  g_autoptr(GPtrArray) versions = NULL;
  g_autoptr(GError) error = NULL;

  store_version (service, "gone", "unused", long_ago);
  store_version (service, "gone", "just ended", brevet_clock_now_seconds ());
  store_version (service, "gone", "asked", long_ago);
  store_version (service, "gone", "orphaned", long_ago);
  store_version (service, "gone", "to revoke", long_ago);
  store_version (service, "removed", "was current", 0);
  store_references (service);
  run_chore (service);
  versions = brevet_authority_versions_list (BREVET_STORE (service->store), NULL, &error);
  g_assert_no_error (error);
  g_assert_null (find_version (versions, "unused"));
  g_assert_nonnull (find_version (versions, "just ended"));
  g_assert_nonnull (find_version (versions, "asked"));
  g_assert_nonnull (find_version (versions, "orphaned"));
  g_assert_nonnull (find_version (versions, "to revoke"));
  g_assert_cmpint (find_version (versions, "was current")->until, >, 0);
  g_assert_cmpuint (versions->len, ==, 6);
}

/* A request that a reload has overtaken writes last what the name stood for before: that is found, and put right. */
static void
test_overtaken (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority = resolve (service, "factory", &error);
  g_autoptr(GPtrArray) before = brevet_authority_versions_list (BREVET_STORE (service->store), "factory", &error);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GPtrArray) after = NULL;
  BrevetCaVersion *current = g_ptr_array_index (before, 0);

  g_assert_no_error (error);
  current->until = brevet_clock_now_seconds () - 3600;
  brevet_records_put_ca_version (batch, current, current->etag);
  g_assert_true (brevet_store_commit (BREVET_STORE (service->store), batch, &error));
  store_version (service, "factory", "former", 0);
  run_chore (service);
  g_clear_pointer (&authority, brevet_authority_unref);
  authority = resolve (service, "factory", &error);
  after = brevet_authority_versions_list (BREVET_STORE (service->store), "factory", &error);
  g_assert_no_error (error);
  g_assert_cmpint (find_version (after, "former")->until, >, 0);
  g_assert_cmpint (find_version (after, authority->identity)->until, ==, 0);
}

/* What was begun at a CA goes on, also where nobody can read any more what its name stands for. */
static void
test_damaged_document (Service *service, gconstpointer data)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) rubbish = g_bytes_new_static ("{\"name\":", 8);
  g_autoptr(BrevetAuthority) before = NULL, after = NULL;
  g_autoptr(GError) error = NULL;

  put_members (service, "factory", "profile-1", "key-of-first");
  before = resolve (service, "factory", &error);
  g_assert_no_error (error);
  brevet_batch_put (batch, BREVET_COLLECTION_AUTHORITIES, "factory", NULL, rubbish, NULL);
  g_assert_true (brevet_store_commit (BREVET_STORE (service->store), batch, &error));
  g_assert_no_error (error);

  after = resolve_as (service, "factory", before->identity, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (after->identity, ==, before->identity);
  g_assert_cmpstr (get_key (after), ==, "key-of-first");
  assert_refused (service, "factory", BREVET_ERROR, BREVET_ERROR_CORRUPT, "factory");
  g_assert_null (resolve_as (service, "factory", "members nobody", &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/authority-pool/swap-by-put", no_groups, test_swap_by_put);
  add ("/authority-pool/swap-by-reload", NULL, test_swap_by_reload);
  add ("/authority-pool/reads", NULL, test_reads);
  add ("/authority-pool/trust", NULL, test_trust);
  add ("/authority-pool/chore", NULL, test_chore);
  add ("/authority-pool/overtaken", NULL, test_overtaken);
  add ("/authority-pool/damaged-document", no_groups, test_damaged_document);
  return g_test_run ();
}
