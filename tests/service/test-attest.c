/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The first stage: whose word counts for a device, in which order they are asked, and what they remember. */

#include "attest.h"
#include "crl-publisher.h"
#include "records.h"
#include "scripted-verifier.h"
#include "service-fixture.h"
#include "test-party.h"

#include <string.h>

/* A service, a verifier that does as told, and a device with a chain: leaf, issued by line, issued by plant, issued by root. */
typedef struct {
  Service service;
  ScriptedVerifier *verifier;
  Party *root, *plant, *line, *leaf;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  service_set_up (&self->service, NULL);
  self->verifier = scripted_verifier_new ();
  g_hash_table_insert (self->service.context->verifiers, g_strdup ("scripted"), g_object_ref (self->verifier));
  self->root = party_new_ca ("Root", NULL);
  self->plant = party_new_ca ("Plant", self->root);
  self->line = party_new_ca ("Line", self->plant);
  self->leaf = party_new_client ("pump-07", self->line);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  party_free (self->leaf);
  party_free (self->line);
  party_free (self->plant);
  party_free (self->root);
  g_object_unref (self->verifier);
  service_tear_down (&self->service, NULL);
}

typedef struct {
  BrevetAttested *attested;
  BrevetEnrollment *refusing;
  GError *error;
  gboolean is_over;
  char *asked;
} Found;

static void
found_clear (Found *self)
{
  g_clear_pointer (&self->attested, brevet_attested_free);
  g_clear_pointer (&self->refusing, brevet_enrollment_unref);
  g_clear_error (&self->error);
  g_free (self->asked);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

static void
on_attested (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Found *found = user_data;

  found->attested = brevet_attest_finish (result, &found->refusing, &found->error);
  found->is_over = TRUE;
}

static BrevetClaims *
make_claims (Fixture *self, const char *device, gboolean with_chain, const char *token)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  BrevetClaims *claims = brevet_claims_new ();

  g_ptr_array_add (certificates, brevet_certificate_ref (self->leaf->certificate));
  g_ptr_array_add (certificates, brevet_certificate_ref (self->line->certificate));
  g_ptr_array_add (certificates, brevet_certificate_ref (self->plant->certificate));
  if (with_chain)
    {
      g_autoptr(BrevetChain) chain = brevet_chain_new (certificates, NULL);

      brevet_claims_set_chain (claims, chain);
    }
  brevet_claims_set_token (claims, token);
  brevet_claims_set_device (claims, "0ne000A1B2C", device);
  return claims;
}

static void
attest (Fixture *self, BrevetClaims *claims, Found *found)
{
  brevet_attest_async (self->service.context, claims, NULL, on_attested, found);
  while (!found->is_over)
    g_main_context_iteration (NULL, TRUE);
  found->asked = scripted_verifier_take_calls (self->verifier);
}

static void
present_chain (Fixture *self, Found *found)
{
  g_autoptr(BrevetClaims) claims = make_claims (self, "pump-07", TRUE, NULL);

  attest (self, claims, found);
}

static void
assert_admitted (const Found *found, const char *id, const char *asked)
{
  g_assert_no_error (found->error);
  g_assert_cmpstr (found->attested->enrollment->id, ==, id);
  g_assert_cmpstr (found->asked, ==, asked);
  g_assert_null (found->refusing);
}

/* @id: (nullable): who is to have refused */
static void
assert_refused (const Found *found, const char *id, const char *words, const char *asked)
{
  g_assert_error (found->error, BREVET_ERROR, BREVET_ERROR_REJECTED);
  if (strstr (found->error->message, words) == NULL)
    g_error ("“%s” does not say “%s”", found->error->message, words);
  g_assert_cmpstr (found->refusing != NULL ? found->refusing->id : NULL, ==, id);
  g_assert_cmpstr (found->asked, ==, asked);
}

/* @owner: (nullable): whose certificate signs for the group; @reference: (nullable): the CA certificate that it refers to */
static void
put_group (Fixture *self, const char *id, const Party *owner, const char *reference, const char *answer, gboolean is_enabled)
{
  g_autofree char *path = g_strdup_printf ("/enrollmentGroups/%s", id);
  g_autofree char *body = g_strdup_printf (
    "{\"enrollmentGroupId\":\"%s\",\"provisioningStatus\":\"%s\",\"attestation\":{\"type\":\"scripted\",\"scripted\":"
    "{\"answer\":\"%s\",\"label\":\"%s\",\"subjects\":[%s%s%s],\"references\":[%s%s%s]}}}",
    id, is_enabled ? "enabled" : "disabled", answer, id, owner != NULL ? "\"" : "",
    owner != NULL ? brevet_certificate_get_subject_sha256 (owner->certificate) : "", owner != NULL ? "\"" : "",
    reference != NULL ? "\"" : "", reference != NULL ? reference : "", reference != NULL ? "\"" : "");

  drop (&self->service, 200, "PUT", path, NULL, body);
}

static void
put_certificate (Fixture *self, guint status, const char *name, const Party *owner, const char *members)
{
  g_autofree char *path = g_strdup_printf ("/certificates/%s", name);
  g_autofree char *der = g_base64_encode (g_bytes_get_data (brevet_certificate_get_der (owner->certificate), NULL),
                                          g_bytes_get_size (brevet_certificate_get_der (owner->certificate)));
  g_autofree char *body = g_strdup_printf ("{\"certificate\":\"%s\"%s}", der, members);

  drop (&self->service, status, "PUT", path, NULL, body);
}

static void
put_individual (Fixture *self, const char *id, const char *answer)
{
  g_autofree char *path = g_strdup_printf ("/enrollments/%s", id);
  g_autofree char *body = g_strdup_printf ("{\"registrationId\":\"%s\",\"attestation\":{\"type\":\"scripted\",\"scripted\":"
                                           "{\"answer\":\"%s\"}}}", id, answer);

  drop (&self->service, 200, "PUT", path, NULL, body);
}

static guint
count_records (Fixture *self, const char *collection)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) records =
    brevet_store_list (BREVET_STORE (self->service.store), collection, NULL, NULL, 1000, &error);

  g_assert_no_error (error);
  return records->len;
}

/* The group of the issuer decides, and nobody above it is asked; without it the next one above does. */
static void
test_nearest_first (Fixture *self, gconstpointer data)
{
  g_auto(Found) near = { 0 }, far = { 0 };

  put_group (self, "a-plant", self->plant, NULL, "accept", TRUE);
  put_group (self, "z-line", self->line, NULL, "accept", TRUE);
  present_chain (self, &near);
  assert_admitted (&near, "z-line", "z-line");
  g_assert_cmpstr (brevet_verdict_get_credential (near.attested->verdict), ==, "a scripted credential");

  drop (&self->service, 204, "DELETE", "/enrollmentGroups/Z-line", NULL, NULL);
  present_chain (self, &far);
  assert_admitted (&far, "a-plant", "a-plant");
}

static void
put_inventory (Fixture *self, const Party *owner, const char *status)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new ();
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  BrevetInventoryEntry entry = {
    .registration_id = (char *) "pump-07", .operation_id = (char *) "operation", .authority = (char *) "line",
    .status = (char *) status, .revoked_at = 1000,
  };

  g_ptr_array_add (certificates, owner->certificate);
  entry.chain = brevet_chain_new (certificates, NULL);
  brevet_records_replace_certificate (batch, &entry, NULL);
  g_assert_true (brevet_store_commit (BREVET_STORE (self->service.store), batch, NULL));
  brevet_chain_unref (entry.chain);
}

/* Who shows a certificate that this service has issued and taken back is not let in; a namesake of such a certificate is. */
static void
test_revoked (Fixture *self, gconstpointer data)
{
  g_autoptr(Party) namesake = party_new_client ("pump-07", self->line);
  g_auto(Found) good = { 0 }, bad = { 0 }, other = { 0 };

  self->service.context->crls = brevet_crl_publisher_new ();
  put_group (self, "line", self->line, NULL, "accept", TRUE);
  put_inventory (self, self->leaf, BREVET_INVENTORY_ISSUED);
  present_chain (self, &good);
  assert_admitted (&good, "line", "line");
  put_inventory (self, self->leaf, BREVET_INVENTORY_REVOKED);
  present_chain (self, &bad);
  assert_refused (&bad, "line", "was revoked", "line");
  put_inventory (self, namesake, BREVET_INVENTORY_REVOKED);
  put_inventory (self, self->leaf, BREVET_INVENTORY_ISSUED);
  present_chain (self, &other);
  assert_admitted (&other, "line", "line");
}

/* A CA of the same name with another key is none of the device's issuers. */
static void
test_foreign_goes_on (Fixture *self, gconstpointer data)
{
  g_auto(Found) found = { 0 }, nobody = { 0 };

  put_group (self, "foreign", self->line, NULL, "foreign", TRUE);
  put_group (self, "root", self->root, NULL, "accept", TRUE);
  present_chain (self, &found);
  assert_admitted (&found, "root", "foreign,root");

  drop (&self->service, 204, "DELETE", "/enrollmentGroups/root", NULL, NULL);
  present_chain (self, &nobody);
  assert_refused (&nobody, "foreign", "Enrollment group “foreign”: the script says foreign", "foreign");
}

static void
test_first_hit_decides (Fixture *self, gconstpointer data)
{
  g_auto(Found) refused = { 0 }, disabled = { 0 }, unknown = { 0 };

  put_group (self, "line", self->line, NULL, "refuse", TRUE);
  put_group (self, "plant", self->plant, NULL, "accept", TRUE);
  present_chain (self, &refused);
  assert_refused (&refused, "line", "Enrollment group “line”: the script says refuse", "line");

  put_group (self, "line", self->line, NULL, "accept", FALSE);
  present_chain (self, &disabled);
  assert_refused (&disabled, "line", "Enrollment group “line” is disabled, and the device's certificate leads to it", "line");

  /* A disabled one that the chain does not lead to has no say. */
  put_group (self, "line", self->line, NULL, "foreign", FALSE);
  present_chain (self, &unknown);
  assert_admitted (&unknown, "plant", "line,plant");
}

/* Groups of one name are asked in the order of their ids, first those that hold the certificate themselves. */
static void
test_ties (Fixture *self, gconstpointer data)
{
  g_auto(Found) found = { 0 };

  put_certificate (self, 200, "line-ca", self->line, ",\"isVerified\":true");
  put_group (self, "a-refers", NULL, "line-ca", "refers", TRUE);
  put_group (self, "c", self->line, NULL, "foreign", TRUE);
  put_group (self, "b", self->line, NULL, "foreign", TRUE);
  present_chain (self, &found);
  assert_admitted (&found, "a-refers", "b,c,a-refers");
}

/* A group that refers to a CA certificate is found by it, as long as that is verified. */
static void
test_references (Fixture *self, gconstpointer data)
{
  g_auto(Found) unverified = { 0 }, verified = { 0 }, replaced = { 0 };
  g_autoptr(Answer) unknown = NULL, kept = NULL;

  unknown = expect (&self->service, 400, "PUT", "/enrollmentGroups/g", NULL,
                    "{\"enrollmentGroupId\":\"g\",\"attestation\":{\"type\":\"scripted\",\"scripted\":{\"answer\":\"accept\","
                    "\"references\":[\"Plant-CA\"]}}}");
  assert_error_says (unknown, "The CA certificate “Plant-CA” does not exist");

  put_certificate (self, 200, "plant-ca", self->plant, "");
  put_group (self, "g", NULL, "Plant-CA", "refers", TRUE);
  present_chain (self, &unverified);
  assert_refused (&unverified, NULL, "the CA certificate “plant-ca” has the name of an issuer of the device's certificate, but it "
                  "is not verified", "");

  put_certificate (self, 200, "plant-ca", self->plant, ",\"isVerified\":true");
  present_chain (self, &verified);
  assert_admitted (&verified, "g", "g");

  kept = expect (&self->service, 409, "DELETE", "/certificates/plant-ca", NULL, NULL);
  assert_error_says (kept, "The CA certificate “plant-ca” is still named by the enrollment group “g”");

  /* Another certificate under the name takes effect at once. */
  put_certificate (self, 200, "plant-ca", self->root, "");
  present_chain (self, &replaced);
  assert_refused (&replaced, NULL, "“plant-ca”", "");
  drop (&self->service, 204, "DELETE", "/enrollmentGroups/g", NULL, NULL);
  drop (&self->service, 204, "DELETE", "/certificates/plant-ca", NULL, NULL);
  g_assert_cmpuint (count_records (self, BREVET_COLLECTION_ISSUERS), ==, 0);
}

/* Of two certificates that a group refers to, one being verified says nothing about the other. */
static void
test_each_reference (Fixture *self, gconstpointer data)
{
  g_auto(Found) found = { 0 };

  put_certificate (self, 200, "unverified", self->root, "");
  put_certificate (self, 200, "verified", self->plant, ",\"isVerified\":true");
  drop (&self->service, 200, "PUT", "/enrollmentGroups/g", NULL,
        "{\"enrollmentGroupId\":\"g\",\"attestation\":{\"type\":\"scripted\",\"scripted\":{\"answer\":\"refers\",\"label\":\"g\","
        "\"references\":[\"unverified\",\"verified\"]}}}");
  present_chain (self, &found);
  assert_refused (&found, "g", "the script says refers", "g");
  g_assert_nonnull (strstr (found.error->message, "“unverified” has the name of an issuer"));
}

/* The index follows every change of a group, and nothing is left of what is gone. */
static void
test_index (Fixture *self, gconstpointer data)
{
  g_auto(Found) moved = { 0 }, gone = { 0 };

  put_group (self, "g", self->line, NULL, "accept", TRUE);
  put_group (self, "g", self->leaf, NULL, "accept", TRUE);
  g_assert_cmpuint (count_records (self, BREVET_COLLECTION_ISSUERS), ==, 1);
  present_chain (self, &gone);
  assert_refused (&gone, NULL, "There is no enrollment for the device “pump-07”", "");
  put_group (self, "g", self->plant, NULL, "accept", TRUE);
  present_chain (self, &moved);
  assert_admitted (&moved, "g", "g");
  drop (&self->service, 200, "PUT", "/enrollmentGroups/g", NULL,
        "{\"enrollmentGroupId\":\"g\",\"attestation\":{\"type\":\"symmetricKey\"}}");
  g_assert_cmpuint (count_records (self, BREVET_COLLECTION_ISSUERS), ==, 0);
}

static void
put_group_meanwhile (BrevetStore *real, gpointer user_data)
{
  Fixture *self = user_data;
  BrevetStore *store = g_steal_pointer (&self->service.context->store);

  self->service.context->store = real;
  put_group (self, "g", self->plant, NULL, "accept", TRUE);
  self->service.context->store = store;
}

/* Two operators change one group at the same time: the index is that of whoever comes last. */
static void
test_index_under_conflict (Fixture *self, gconstpointer data)
{
  g_auto(Found) found = { 0 };

  put_group (self, "g", self->root, NULL, "accept", TRUE);
  interposed_store_before_commit (self->service.store, 1, put_group_meanwhile, self);
  put_group (self, "g", self->line, NULL, "accept", TRUE);
  g_assert_cmpuint (count_records (self, BREVET_COLLECTION_ISSUERS), ==, 1);
  present_chain (self, &found);
  assert_admitted (&found, "g", "g");
}

/* An individual enrollment decides alone, whatever the groups would say. */
static void
test_individual (Fixture *self, gconstpointer data)
{
  g_auto(Found) refused = { 0 }, foreign = { 0 }, admitted = { 0 };

  put_group (self, "line", self->line, NULL, "accept", TRUE);
  put_individual (self, "PUMP-07", "refuse");
  present_chain (self, &refused);
  assert_refused (&refused, "PUMP-07", "Enrollment “PUMP-07”: the script says refuse", "refuse");
  put_individual (self, "pump-07", "foreign");
  present_chain (self, &foreign);
  assert_refused (&foreign, "PUMP-07", "the script says foreign", "foreign");
  put_individual (self, "pump-07", "accept");
  present_chain (self, &admitted);
  assert_admitted (&admitted, "PUMP-07", "accept");
}

/* Who comes with a token alone is not tried against groups that are found by certificates; who has both falls back on the token. */
static void
test_token (Fixture *self, gconstpointer data)
{
  g_autoptr(BrevetClaims) token = make_claims (self, "pump-07", FALSE, "SharedAccessSignature nonsense");
  g_autoptr(BrevetClaims) both = make_claims (self, "pump-07", TRUE, "SharedAccessSignature nonsense");
  g_auto(Found) alone = { 0 }, beside = { 0 };

  put_group (self, "line", self->line, NULL, "foreign", TRUE);
  drop (&self->service, 200, "PUT", "/enrollmentGroups/keys", NULL,
        "{\"enrollmentGroupId\":\"keys\",\"attestation\":{\"type\":\"symmetricKey\"}}");
  attest (self, token, &alone);
  assert_refused (&alone, "keys", "Enrollment group “keys”: ", "");
  attest (self, both, &beside);
  assert_refused (&beside, "line", "the script says foreign", "line");
}

/* What a stranger costs who shows no token: the enrollment, and with a certificate one look for each issuer in its chain. */
static void
test_reads (Fixture *self, gconstpointer data)
{
  g_autoptr(BrevetClaims) keys = make_claims (self, "pump-07", FALSE, NULL);
  g_autoptr(JsonObject) shown = json_object_new ();
  g_auto(Found) stranger = { 0 }, known = { 0 }, without_token = { 0 };

  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *id = g_strdup_printf ("group-%u", i);
      g_autofree char *path = g_strdup_printf ("/enrollmentGroups/%s", id);
      g_autofree char *body =
        g_strdup_printf ("{\"enrollmentGroupId\":\"%s\",\"attestation\":{\"type\":\"symmetricKey\"}}", id);

      drop (&self->service, 200, "PUT", path, NULL, body);
    }
  wrapping_store_take_reads (WRAPPING_STORE (self->service.store));
  json_object_set_object_member (shown, "tpm", json_object_new ());
  brevet_claims_set_parameters (keys, shown);
  attest (self, keys, &without_token);
  assert_refused (&without_token, NULL, "There is no enrollment for the device “pump-07”", "");
  g_assert_cmpuint (wrapping_store_take_reads (WRAPPING_STORE (self->service.store)), ==, 1);

  present_chain (self, &stranger);
  assert_refused (&stranger, NULL, "that could speak for it (its certificate was issued by “CN=Line”)", "");
  g_assert_cmpuint (wrapping_store_take_reads (WRAPPING_STORE (self->service.store)), ==, 1 + 3);

  put_certificate (self, 200, "line-ca", self->line, ",\"isVerified\":true");
  put_group (self, "line", NULL, "line-ca", "refers", TRUE);
  wrapping_store_take_reads (WRAPPING_STORE (self->service.store));
  present_chain (self, &known);
  assert_admitted (&known, "line", "line");
  /* enrollment, issuer, CA certificate, who refers to it, group, CA certificate for the verifier */
  g_assert_cmpuint (wrapping_store_take_reads (WRAPPING_STORE (self->service.store)), ==, 6);
}

static gint64
remember (Fixture *self, const char *asked)
{
  g_auto(Found) found = { 0 };

  present_chain (self, &found);
  g_assert_no_error (found.error);
  g_assert_cmpstr (found.asked, ==, asked);
  g_assert_false (brevet_verdict_is_accepted (found.attested->verdict));
  return json_object_get_int_member (brevet_verdict_get_parameters (found.attested->verdict), "number");
}

/* What a verifier remembers is there the next time, for this enrollment and no other. */
static void
test_memory (Fixture *self, gconstpointer data)
{
  put_individual (self, "pump-07", "remember");
  g_assert_cmpint (remember (self, "remember"), ==, 1);
  g_assert_cmpint (remember (self, "remember"), ==, 2);
  /* A change that is none of the device's proof */
  drop (&self->service, 200, "PUT", "/enrollments/pump-07", NULL,
        "{\"registrationId\":\"pump-07\",\"deviceId\":\"pump\",\"attestation\":{\"type\":\"scripted\",\"scripted\":"
        "{\"answer\":\"remember\"}}}");
  g_assert_cmpint (remember (self, "remember"), ==, 3);
  /* and one that is. */
  drop (&self->service, 200, "PUT", "/enrollments/pump-07", NULL,
        "{\"registrationId\":\"pump-07\",\"attestation\":{\"type\":\"scripted\",\"scripted\":"
        "{\"answer\":\"remember\",\"label\":\"other\"}}}");
  g_assert_cmpint (remember (self, "other"), ==, 1);
  g_assert_cmpuint (count_records (self, BREVET_COLLECTION_MEMORIES), ==, 1);

  drop (&self->service, 204, "DELETE", "/enrollments/pump-07", NULL, NULL);
  g_assert_cmpuint (count_records (self, BREVET_COLLECTION_MEMORIES), ==, 0);
  put_individual (self, "pump-07", "remember");
  g_assert_cmpint (remember (self, "remember"), ==, 1);
}

static void
remember_meanwhile (BrevetStore *real, gpointer user_data)
{
  Fixture *self = user_data;
  BrevetStore *store = g_steal_pointer (&self->service.context->store);

  self->service.context->store = real;
  g_free (scripted_verifier_take_calls (self->verifier));
  remember (self, "remember");
  self->service.context->store = store;
}

/* Two requests of one device at once: neither forgets what the other one remembered; one that asks on and on is told to wait. */
static void
test_memory_under_conflict (Fixture *self, gconstpointer data)
{
  g_auto(Found) busy = { 0 };

  put_individual (self, "pump-07", "remember");
  interposed_store_before_commit (self->service.store, 1, remember_meanwhile, self);
  g_assert_cmpint (remember (self, "remember"), ==, 2);
  interposed_store_before_commit (self->service.store, 4, remember_meanwhile, self);
  g_assert_cmpint (remember (self, "remember"), ==, 7);

  interposed_store_before_commit (self->service.store, 5, remember_meanwhile, self);
  present_chain (self, &busy);
  g_assert_error (busy.error, BREVET_ERROR, BREVET_ERROR_BUSY);
}

/* What only the service knows of an enrollment is never shown, to nobody. */
static void
test_secret (Fixture *self, gconstpointer data)
{
  static const char body[] = "{\"registrationId\":\"d\",\"attestation\":{\"type\":\"scripted\",\"scripted\":"
                             "{\"answer\":\"accept\",\"secret\":\"hush\"}}}";
  g_autoptr(Answer) written = expect (&self->service, 200, "PUT", "/enrollments/d", NULL, body);
  g_autoptr(Answer) shown = expect (&self->service, 200, "GET", "/enrollments/d", NULL, NULL);
  g_autoptr(Answer) looked_up = expect (&self->service, 200, "POST", "/enrollments/d/attestationmechanism", NULL, NULL);

  g_assert_null (strstr (written->text, "hush"));
  g_assert_null (strstr (shown->text, "hush"));
  g_assert_null (strstr (looked_up->text, "hush"));
  g_assert_cmpstr (answer_get (written, "attestation.scripted.answer"), ==, "accept");
}

static void
add (const char *path, void (*test) (Fixture *self, gconstpointer data))
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/attest/nearest-first", test_nearest_first);
  add ("/attest/revoked", test_revoked);
  add ("/attest/foreign-goes-on", test_foreign_goes_on);
  add ("/attest/first-hit-decides", test_first_hit_decides);
  add ("/attest/ties", test_ties);
  add ("/attest/references", test_references);
  add ("/attest/each-reference", test_each_reference);
  add ("/attest/index", test_index);
  add ("/attest/index-under-conflict", test_index_under_conflict);
  add ("/attest/individual", test_individual);
  add ("/attest/token", test_token);
  add ("/attest/reads", test_reads);
  add ("/attest/memory", test_memory);
  add ("/attest/memory-under-conflict", test_memory_under_conflict);
  add ("/attest/secret", test_secret);
  return g_test_run ();
}
