/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "brevet-route.h"
#include "wire-test.h"

#define QUERY "api-version=2021-11-01-preview"

typedef struct {
  const char *method;
  const char *path;
  BrevetRouteKind kind;
  BrevetVerb verb;
  const char *id_scope;
  const char *id;
  const char *operation_id;
} Known;

static const Known known[] = {
  { "PUT", "/0ne000A1B2C/registrations/pump-07/register", BREVET_ROUTE_REGISTER, BREVET_VERB_PUT, "0ne000A1B2C", "pump-07", NULL },
  { "PUT", "/0ne000A1B2C/registrations/pump-07/register/", BREVET_ROUTE_REGISTER, BREVET_VERB_PUT, "0ne000A1B2C", "pump-07", NULL },
  { "PUT", "/0ne000A1B2C/Registrations/PUMP-07/REGISTER", BREVET_ROUTE_REGISTER, BREVET_VERB_PUT, "0ne000A1B2C", "PUMP-07", NULL },
  { "PUT", "/a/registrations/a%3ab%2Dc/register", BREVET_ROUTE_REGISTER, BREVET_VERB_PUT, "a", "a:b-c", NULL },
  { "PUT", "/a/registrations/register/register", BREVET_ROUTE_REGISTER, BREVET_VERB_PUT, "a", "register", NULL },
  { "GET", "/a/registrations/p/operations/5.00112233aabbccdd.0d8c3f1e-6f0e-4c52-8d25-3b8d1f2a9c11", BREVET_ROUTE_OPERATION,
    BREVET_VERB_GET, "a", "p", "5.00112233aabbccdd.0d8c3f1e-6f0e-4c52-8d25-3b8d1f2a9c11" },
  { "POST", "/a/registrations/p", BREVET_ROUTE_REGISTRATION, BREVET_VERB_POST, "a", "p", NULL },
  { "GET", "/a/registrations/p/trustBundle", BREVET_ROUTE_DEVICE_TRUST_BUNDLE, BREVET_VERB_GET, "a", "p", NULL },
  { "GET", "/a/registrations/p/trustbundle/", BREVET_ROUTE_DEVICE_TRUST_BUNDLE, BREVET_VERB_GET, "a", "p", NULL },
  { "GET", "/enrollments/pump-07", BREVET_ROUTE_ENROLLMENT, BREVET_VERB_GET, NULL, "pump-07", NULL },
  { "PUT", "/enrollments/pump-07/", BREVET_ROUTE_ENROLLMENT, BREVET_VERB_PUT, NULL, "pump-07", NULL },
  { "DELETE", "/ENROLLMENTS/pump-07", BREVET_ROUTE_ENROLLMENT, BREVET_VERB_DELETE, NULL, "pump-07", NULL },
  { "POST", "/enrollments/p/attestationmechanism", BREVET_ROUTE_ENROLLMENT_ATTESTATION, BREVET_VERB_POST, NULL, "p", NULL },
  { "GET", "/enrollmentgroups/line-4", BREVET_ROUTE_GROUP, BREVET_VERB_GET, NULL, "line-4", NULL },
  { "PUT", "/enrollmentGroups/line-4", BREVET_ROUTE_GROUP, BREVET_VERB_PUT, NULL, "line-4", NULL },
  { "DELETE", "/enrollmentGroups/line-4", BREVET_ROUTE_GROUP, BREVET_VERB_DELETE, NULL, "line-4", NULL },
  { "POST", "/enrollmentgroups/line-4/attestationMechanism", BREVET_ROUTE_GROUP_ATTESTATION, BREVET_VERB_POST, NULL, "line-4",
    NULL },
  { "PUT", "/certificateAuthorities/plant-ca", BREVET_ROUTE_AUTHORITY, BREVET_VERB_PUT, NULL, "plant-ca", NULL },
  { "GET", "/certificateAuthorities", BREVET_ROUTE_AUTHORITIES, BREVET_VERB_GET, NULL, NULL, NULL },
  { "GET", "/certificateAuthorities/", BREVET_ROUTE_AUTHORITIES, BREVET_VERB_GET, NULL, NULL, NULL },
  { "DELETE", "/trustBundles/plant-roots", BREVET_ROUTE_TRUST_BUNDLE, BREVET_VERB_DELETE, NULL, "plant-roots", NULL },
  { "GET", "/trustbundles", BREVET_ROUTE_TRUST_BUNDLES, BREVET_VERB_GET, NULL, NULL, NULL },
  { "PUT", "/certificates/plant_root.2", BREVET_ROUTE_CERTIFICATE, BREVET_VERB_PUT, NULL, "plant_root.2", NULL },
  { "GET", "/Certificates/", BREVET_ROUTE_CERTIFICATES, BREVET_VERB_GET, NULL, NULL, NULL },
  { "POST", "/certificates/ca/generateverificationcode", BREVET_ROUTE_CERTIFICATE_CODE, BREVET_VERB_POST, NULL, "ca", NULL },
  { "GET", "/issuedCertificates", BREVET_ROUTE_ISSUED_LIST, BREVET_VERB_GET, NULL, NULL, NULL },
  { "GET", "/issuedcertificates/00ff:4E", BREVET_ROUTE_ISSUED, BREVET_VERB_GET, NULL, "00ff:4E", NULL },
  { "POST", "/issuedCertificates/refused%3A00ff/revoke", BREVET_ROUTE_ISSUED_REVOKE, BREVET_VERB_POST, NULL, "refused:00ff", NULL },
  { "GET", "/crl/plant-ca.crl", BREVET_ROUTE_CRL, BREVET_VERB_GET, NULL, "plant-ca", NULL },
  { "HEAD", "/CRL/plant-ca-00ff.CRL", BREVET_ROUTE_CRL, BREVET_VERB_GET, NULL, "plant-ca-00ff", NULL },
  { "POST", "/certificates/ca/verify", BREVET_ROUTE_CERTIFICATE_PROOF, BREVET_VERB_POST, NULL, "ca", NULL },
  { "GET", "/certificateAuthorityStatus", BREVET_ROUTE_AUTHORITY_STATUSES, BREVET_VERB_GET, NULL, NULL, NULL },
  { "GET", "/certificateauthoritystatus/plant-ca", BREVET_ROUTE_AUTHORITY_STATUS, BREVET_VERB_GET, NULL, "plant-ca", NULL },
  { "POST", "/certificateAuthorityStatus/plant-ca/check", BREVET_ROUTE_AUTHORITY_CHECK, BREVET_VERB_POST, NULL, "plant-ca", NULL },
  { "GET", "/trustBundleStatus/plant-roots", BREVET_ROUTE_TRUST_BUNDLE_STATUS, BREVET_VERB_GET, NULL, "plant-roots", NULL },
};

typedef struct {
  const char *method;
  const char *path;
  const char *query;
  guint status;
} Refused;

static const Refused refused[] = {
  /* nothing there */
  { "GET", "/", QUERY, 404 },
  { "GET", "/enrollments", QUERY, 404 },
  { "GET", "/crl", QUERY, 404 },
  { "GET", "/crl/plant-ca", QUERY, 400 },
  { "GET", "/crl/.crl", QUERY, 400 },
  { "POST", "/crl/plant-ca.crl", QUERY, 405 },
  { "HEAD", "/certificateAuthorities", QUERY, 405 },
  { "DELETE", "/issuedCertificates/00ff:4e", QUERY, 405 },
  { "GET", "/issuedCertificates/a_b", QUERY, 400 },
  { "GET", "/issuedCertificates", QUERY "&registrationId=%20", 400 },
  { "GET", "/enrollments/", QUERY, 404 },
  { "GET", "/nothing", QUERY, 404 },
  { "PUT", "/a/registrations", QUERY, 404 },
  { "PUT", "/a/registrations/p/register/more", QUERY, 404 },
  { "GET", "/a/registrations/p/operations", QUERY, 404 },
  { "GET", "/a/b/c/d/e/f/g", QUERY, 404 },
  { "GET", "/registrations/p", QUERY, 404 },
  { "GET", "/a/registrations/p/trustBundle/more", QUERY, 404 },
  { "GET", "/a/registrations/p/trustBundles", QUERY, 404 },
  /* not in this version */
  { "GET", "/a/registrations/p/trustBundle", "api-version=2019-03-31", 404 },
  { "GET", "/a/registrations/p/trustBundle", "api-version=2021-10-01", 404 },
  /* a word of the service API is never an id scope */
  { "PUT", "/enrollments/registrations/p/register", QUERY, 404 },
  { "PUT", "/EnrollmentGroups/registrations/p/register", QUERY, 404 },
  { "POST", "/certificateAuthorities/registrations/p", QUERY, 404 },
  { "POST", "/trustBundles/registrations/p", QUERY, 404 },
  { "POST", "/certificates/registrations/p", QUERY, 404 },
  { "GET", "/trustBundleStatus", QUERY, 404 },
  { "POST", "/certificateAuthorityStatus/registrations/p", QUERY, 404 },
  { "POST", "/%65nrollments/registrations/p", QUERY, 404 },
  /* an encoded slash does not separate */
  { "PUT", "/a%2fregistrations/p/register", QUERY, 404 },
  { "PUT", "/a/registrations/p%2fregister", QUERY, 405 },
  { "POST", "/a/registrations/p%2fregister", QUERY, 400 },
  /* known, but not with this method */
  { "GET", "/a/registrations/p/register", QUERY, 405 },
  { "put", "/a/registrations/p/register", QUERY, 405 },
  { "PUT", "/a/registrations/p/trustBundle", QUERY, 405 },
  { "PATCH", "/enrollments/p", QUERY, 405 },
  { "HEAD", "/enrollments/p", QUERY, 405 },
  { "", "/enrollments/p", QUERY, 405 },
  { "POST", "/enrollments/query", QUERY, 405 },
  { "GET", "/enrollments/p/attestationmechanism", QUERY, 405 },
  { "PUT", "/certificateAuthorities", QUERY, 405 },
  { "PUT", "/certificates", QUERY, 405 },
  { "POST", "/certificates/ca", QUERY, 405 },
  { "GET", "/certificates/ca/verify", QUERY, 405 },
  { "GET", "/certificates/a:b", QUERY, 400 },
  { "GET", "/certificates/.ca", QUERY, 400 },
  /* malformed */
  { "GET", "", QUERY, 400 },
  { "GET", "enrollments/p", QUERY, 400 },
  { "GET", "//enrollments/p", QUERY, 400 },
  { "GET", "/enrollments//p", QUERY, 400 },
  { "GET", "/enrollments/p//", QUERY, 400 },
  { "GET", "/enrollments/..", QUERY, 400 },
  { "GET", "/enrollments/%2e%2e", QUERY, 400 },
  { "GET", "/enrollments/p%", QUERY, 400 },
  { "GET", "/enrollments/p%4", QUERY, 400 },
  { "GET", "/enrollments/p%4x", QUERY, 400 },
  { "GET", "/enrollments/p%00", QUERY, 400 },
  { "GET", "/enrollments/p%ff", QUERY, 400 },
  { "GET", "/enrollments/p%2541", QUERY, 400 },
  { "GET", "/enrollments/p q", QUERY, 400 },
  { "GET", "/enrollments/p\r\nq", QUERY, 400 },
  { "GET", "/enrollments/p\xc3\xa4", QUERY, 400 },
  { "GET", "/enrollments/p?x", QUERY, 400 },
  { "GET", "/enrollments/-p", QUERY, 400 },
  { "GET", "/enrollments/p.", QUERY, 400 },
  { "PUT", "/a.b/registrations/p/register", QUERY, 400 },
  { "GET", "/a/registrations/p/operations/x%20y", QUERY, 400 },
  /* api-version */
  { "GET", "/enrollments/p", NULL, 400 },
  { "GET", "/a/registrations/p/trustBundle", NULL, 400 },
  { "GET", "/enrollments/p", "", 400 },
  { "GET", "/enrollments/p", "api-version", 400 },
  { "GET", "/enrollments/p", "api-version=", 400 },
  { "GET", "/enrollments/p", "api-version=latest", 400 },
  { "GET", "/enrollments/p", "api-version=2021-11-01-beta", 400 },
  { "GET", "/enrollments/p", "api-version=2021-11-01preview", 400 },
  { "GET", "/enrollments/p", "api-version=2021-1-01", 400 },
  { "GET", "/enrollments/p", QUERY "&api-version=2019-03-31", 400 },
  { "GET", "/enrollments/p", QUERY "&x=%zz", 400 },
};

static void
test_known (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    {
      const Known *k = &known[i];
      g_autoptr(GError) error = NULL;
      guint status;
      g_autoptr(BrevetRoute) route = brevet_route_parse (k->method, k->path, QUERY, &status, &error);

      g_test_message ("%s %s", k->method, k->path);
      g_assert_no_error (error);
      g_assert_cmpint (route->kind, ==, k->kind);
      g_assert_cmpint (route->verb, ==, k->verb);
      g_assert_cmpint (brevet_route_is_public (route), ==, route->kind == BREVET_ROUTE_CRL);
      if (!brevet_route_is_public (route))
        g_assert_cmpint (route->dialect, ==, BREVET_DIALECT_2021_11_01_PREVIEW);
      g_assert_cmpstr (route->id_scope, ==, k->id_scope);
      g_assert_cmpstr (route->id, ==, k->id);
      g_assert_cmpstr (route->operation_id, ==, k->operation_id);
      g_assert_cmpint (brevet_route_is_device_api (route), ==, k->id_scope != NULL);
    }
}

static int
code_of (guint status)
{
  if (status == 404)
    return BREVET_ERROR_NOT_FOUND;
  return status == 405 ? BREVET_ERROR_UNSUPPORTED : BREVET_ERROR_INVALID;
}

static void
test_refused (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      const Refused *r = &refused[i];
      g_autoptr(GError) error = NULL;
      guint status = 0;
      g_autoptr(BrevetRoute) route = brevet_route_parse (r->method, r->path, r->query, &status, &error);

      g_test_message ("%s %s?%s", r->method, r->path, r->query != NULL ? r->query : "");
      g_assert_null (route);
      g_assert_cmpuint (status, ==, r->status);
      g_assert_error (error, BREVET_ERROR, code_of (status));
    }
}

static void
test_versions (void)
{
  static const struct {
    const char *query;
    BrevetDialect dialect;
  } versions[] = {
    { "api-version=2021-11-01-preview", BREVET_DIALECT_2021_11_01_PREVIEW },
    { "api-version=2021-11-01-PREVIEW&forceRegistration=true", BREVET_DIALECT_2021_11_01_PREVIEW },
    { "x=1&API-Version=2021%2d11%2d01-preview", BREVET_DIALECT_2021_11_01_PREVIEW },
    { "api-version=2019-03-31", BREVET_DIALECT_STABLE },
    { "api-version=2021-06-01", BREVET_DIALECT_STABLE },
    { "api-version=2021-10-01&", BREVET_DIALECT_STABLE },
    { "api-version=2018-09-01-preview", BREVET_DIALECT_STABLE },
    { "api-version=2021-11-01", BREVET_DIALECT_STABLE },
    { "api-version=2025-06-30-preview", BREVET_DIALECT_STABLE },
    { "api-version=2025-07-01-preview", BREVET_DIALECT_2025_07_01_PREVIEW },
    { "api-version=2025-07-01-PREVIEW", BREVET_DIALECT_2025_07_01_PREVIEW },
    { "api-version=2025-07-01", BREVET_DIALECT_2025_07_01_PREVIEW },
    { "api-version=2026-11-02-preview", BREVET_DIALECT_2025_07_01_PREVIEW },
    { "=&x=%26api-version=5&%61pi-version=2026-11-01", BREVET_DIALECT_2025_07_01_PREVIEW },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autoptr(GError) error = NULL;
      guint status;
      g_autoptr(BrevetRoute) route = brevet_route_parse ("GET", "/enrollments/p", versions[i].query, &status, &error);

      g_test_message ("%s", versions[i].query);
      g_assert_no_error (error);
      g_assert_cmpint (route->dialect, ==, versions[i].dialect);
    }
}

static void
assert_path (const char *suffix, const char *expected)
{
  g_autofree char *path = brevet_route_build_registration_path ("0ne000A1B2C", "a:b", suffix);

  g_assert_cmpstr (path, ==, expected);
}

static void
test_build (void)
{
  g_autoptr(BrevetRoute) route = NULL;
  g_autofree char *path = brevet_route_build_registration_path ("0ne000A1B2C", "pump-07", "operations/5.aa.bb-cc");
  guint status;

  assert_path (NULL, "/0ne000A1B2C/registrations/a%3Ab");
  assert_path ("register", "/0ne000A1B2C/registrations/a%3Ab/register");
  assert_path ("trustBundle", "/0ne000A1B2C/registrations/a%3Ab/trustBundle");
  assert_path ("operations/../../x?y", "/0ne000A1B2C/registrations/a%3Ab/operations/..%2F..%2Fx%3Fy");

  route = brevet_route_parse ("GET", path, QUERY, &status, NULL);
  g_assert_nonnull (route);
  g_assert_cmpstr (route->operation_id, ==, "5.aa.bb-cc");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/route/known", test_known);
  g_test_add_func ("/wire/route/refused", test_refused);
  g_test_add_func ("/wire/route/versions", test_versions);
  g_test_add_func ("/wire/route/build", test_build);
  return g_test_run ();
}
