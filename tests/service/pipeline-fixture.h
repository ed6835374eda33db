/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-key.h"
#include "brevet-registry.h"
#include "brevet-store.h"
#include "service.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define PREVIEW "2021-11-01-preview"
#define SCOPE   "0ne000A1B2C"
#define ISSUE   "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"scripted\"}"

/* A whole service in a directory of its own, spoken to as a listener would. Its CAs: `local`, and `scripted`, which does what the
 * test tells it to. Hubs: hub1.example.net and hub2.example.net. */
typedef struct {
  char *directory;
  char *configuration;
  char *root_pem;
  BrevetService *service;
  const char *ledger; /* which of the scripted CAs the calls are counted of: the name of its file, “ledger” by default */
  guint hurry;
  guint hurry_source;
  int hurry_timer;
  int gate; /* pipe at which the scripted CA waits when its script says hold */
} Pipeline;

/* To be called in place of g_test_init(). */
void pipeline_init (int *argc, char ***argv);

/* @data: (nullable): text to go on with the group [ca scripted], and further groups behind it */
void pipeline_set_up (Pipeline *self, gconstpointer data);
void pipeline_tear_down (Pipeline *self, gconstpointer data);

#define PIPELINE_TEST(path, settings, function) \
  g_test_add (path, Pipeline, settings, pipeline_set_up, function, pipeline_tear_down)

void pipeline_start (Pipeline *self);

/* Waits until every issuance is over, then ends the service. */
void pipeline_stop (Pipeline *self);

/* Restarts the service and tells what its store holds. Returns: (transfer full) (element-type BrevetRecord) */
GPtrArray *pipeline_list (Pipeline *self, const char *collection);

/* Lets @seconds pass on the wall clock of the whole process. */
void pipeline_pass_time (gint64 seconds);

/* Makes the clocks go on by themselves, @seconds in each thousandth of a second; 0 for their own pace. Ends with the test. */
void pipeline_hurry (Pipeline *self, guint seconds);

/* Has the service do in the background what there is to do, and all that comes of it. */
void pipeline_let_work (Pipeline *self);

/* Reloads the service with @next in place of @former, or behind everything if that is NULL. */
void pipeline_reload (Pipeline *self, const char *former, const char *next);

/* What the service itself has opened, while it does not run. Returns: (transfer full) */
BrevetStore *pipeline_open_store (Pipeline *self, BrevetRegistry *registry);

/* Whether the journal, the inventory … hold so many records. Restarts the service. */
void assert_records (Pipeline *self, const char *collection, guint count);

/* The same, and the clock that never jumps goes on as well: pauses and deadlines of that length end. */
void pipeline_leap (gint64 seconds);

/* Lets the scripted CA answer one call that it holds. */
void pipeline_open_gate (Pipeline *self);

/* Runs the main context until the scripted CA has been called in this way so many times. */
void pipeline_wait_for_calls (Pipeline *self, const char *verb, guint times);

/* How often the scripted CA was called in this way. */
guint pipeline_count_calls (Pipeline *self, const char *verb);

/* A field of the line about such a call, see ca-scripted-ledger.h. Returns: (transfer full) */
char *pipeline_get_call (Pipeline *self, const char *verb, guint index, guint field);

/* Whether the service's log has said this since the test began. */
gboolean pipeline_logged (const char *words);

/* Runs the main context until it has. */
void pipeline_wait_for_log (const char *words);

/* How many times it has. */
guint pipeline_count_logged (const char *words);

/* What came back. */
typedef struct {
  BrevetReply *reply;
  guint status;
  char *text;
  JsonNode *node;
} Heard;

void heard_free (Heard *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Heard, heard_free)

/* Text at a path such as "registrationState.status", or NULL. */
const char *heard_get (const Heard *self, const char *path);

gint64 heard_get_int (const Heard *self, const char *path);

/* The issued certificate's leaf, or NULL. */
BrevetCertificate *heard_get_certificate (const Heard *self);

/* The body with everything that differs from run to run replaced by a word in capitals. */
char *heard_mask (const Heard *self);

/* Does what a listener does when the last byte is out, and waits until the service has taken note. */
void heard_deliver (Pipeline *pipeline, Heard *self);

/* A request on its way. */
typedef struct _Question Question;

/* What a request carries. Plain data, unset members are left out. */
typedef struct {
  const char *method;  /* PUT if NULL */
  const char *path;    /* behind the device's path, /register if NULL */
  const char *version; /* api-version, PREVIEW if NULL */
  const char *body;    /* {} if NULL; no body for GET */
  const char *prefer;
  const char *if_none_match;
  const char *key;     /* base64 key for the token, DEVICE_KEY if NULL, no token if empty */
  const char *scope;
  GCancellable *cancellable;
} Ask;

#define DEVICE_KEY "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
#define OTHER_KEY  "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="

Question *ask_begin (Pipeline *self, const char *device, Ask ask);
gboolean ask_is_answered (Question *question);
Heard *ask_end (Question *question);

#define ask(self, device, ...) ask_end (ask_begin (self, device, (Ask) { __VA_ARGS__ }))

/* A request of the operator; insists on the status. */
Heard *operate (Pipeline *self, guint status, const char *method, const char *path, const char *if_match, const char *body);

/* Puts an individual enrollment with DEVICE_KEY; @members: (nullable): further JSON members. */
void enroll (Pipeline *self, const char *device, const char *members);

/* Base64 of a CSR. */
char *make_csr (BrevetKey *key, const char *common_name);

/* The body of a register call. */
char *make_body (const char *device, const char *csr);

/* Registers; insists on 202. @csr: (nullable) */
Heard *device_register (Pipeline *self, const char *device, const char *csr);

/* Asks until the operation is over. */
Heard *device_await (Pipeline *self, const char *device, const char *operation_id);

/* Registers and asks until it is over; not delivered. */
Heard *device_provision (Pipeline *self, const char *device, const char *csr);

/* Enrolls pump-07 as @members say, and registers it with a new key. */
Heard *pump_begin (Pipeline *self, const char *members);

/* Asks until that is over. */
Heard *pump_await (Pipeline *self, const Heard *begun);

/* Both, with a second passing in each thousandth of one. */
Heard *pump_provision (Pipeline *self, const char *members);

/* Nothing is open any more, and so many orphans are to be looked for. Restarts the service, so @heard goes. */
void assert_left (Pipeline *self, Heard **heard, guint orphans);

void assert_assigned (const Heard *heard, const char *hub);
void assert_failed (const Heard *heard, gint64 code, const char *message);
void assert_error (const Heard *heard, guint status, gint64 code);

G_END_DECLS
