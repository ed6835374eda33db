/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-registry.h"
#include "interposed-store.h"
#include "service-context.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define API_PREVIEW "api-version=2021-11-01-preview"
#define API_STABLE  "api-version=2021-10-01"
#define API_2025    "api-version=2025-07-01-preview"

#define OWNER  "provisioningserviceowner"
#define READER "reader"
#define CONFIG "config"

/* Bodies of an individual enrollment and of a group, with further members behind a comma. */
#define ENROLLMENT(members) "{\"registrationId\":\"mydevice1\",\"attestation\":{\"type\":\"symmetricKey\"}" members "}"
#define GROUP(members)      "{\"enrollmentGroupId\":\"line-4\",\"attestation\":{\"type\":\"symmetricKey\"}" members "}"
#define NAMES_CA(name)      ",\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"" name "\"}"
#define LOCAL_CA            "{\"certificateAuthorityType\":\"LocalCertificateAuthority\"}"

/* A whole service without its front door: real store, real verifier, real CA, in a directory of its own. */
typedef struct {
  char *directory;
  char *root_pem; /* the local CA's certificate */
  BrevetRegistry *registry;
  InterposedStore *store;
  BrevetServiceContext *context;
} Service;

void service_set_up (Service *service, gconstpointer data);
void service_tear_down (Service *service, gconstpointer data);

/* A request of an operator on its way. */
typedef struct _Question Question;

/* What came back. */
typedef struct {
  guint status;
  char *etag;       /* header, without quotes */
  char *text;       /* body */
  JsonNode *node;   /* body, or NULL */
  JsonObject *json; /* body if it is an object */
  gsize body_limit; /* what a listener would have accepted */
} Answer;

/**
 * ask:
 * @policy: (nullable): whose token the request carries
 * @method: `GET`
 * @path: with or without query; the preview's api-version is added if there is none
 * @if_match: (nullable): header
 * @body: (nullable): body
 *
 * Asks, as a listener would, and waits for the answer.
 */
Answer *ask (Service *service, const char *policy, const char *method, const char *path, const char *if_match, const char *body);

/* The same in two steps, for requests that overtake each other. */
Question *ask_begin (Service *service, const char *policy, const char *method, const char *path, const char *if_match,
                     const char *body);
Answer *ask_end (Question *question);

void answer_free (Answer *answer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Answer, answer_free)

/* Asks as the owner and insists on the status. */
Answer *expect (Service *service, guint status, const char *method, const char *path, const char *if_match, const char *body);

/* The same for requests whose answer says no more than its status. */
void drop (Service *service, guint status, const char *method, const char *path, const char *if_match, const char *body);

/* A trust bundle with the local CA, laid out and escaped as the document of the preview shows it. */
char *make_bundle_body (Service *service);

/* The text at a path such as "attestation.symmetricKey.primaryKey", or NULL. */
const char *answer_get (const Answer *answer, const char *path);

/* Insists on an error body that says this, and on the usual members. */
void assert_error_says (const Answer *answer, const char *words);

G_END_DECLS
