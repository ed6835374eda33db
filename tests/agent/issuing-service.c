/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issuing-service.h"

#include "brevet-wire-json.h"
#include "scripted-service.h"

#include <string.h>

#define ROOT_NAME "Issuing service"

typedef struct {
  char *csr;
  char *spki_sha256;
} Asked;

struct _IssuingService
{
  BrevetPlugin parent_instance;

  BrevetKey *key;
  BrevetCertificate *root;
  char *root_pem;
  BrevetKey *other_key;
  BrevetCertificate *other_root;
  gint64 lifetime;
  gint64 backdating;
  char *bundle;
  char *bundle_etag;
  int poll_status;
  char *poll_retry_after;

  GQueue answers;
  GPtrArray *asked;            /* Asked */
  GPtrArray *looked;           /* char *: If-None-Match, "" for none */
  GHashTable *undelivered;     /* CSR → PEM */
  char *later;                 /* the result of the operation */
  guint issued;
};

static void transport_iface_init (BrevetTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (IssuingService, issuing_service, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_TRANSPORT, transport_iface_init))

static void
asked_free (gpointer data)
{
  Asked *asked = data;

  g_free (asked->csr);
  g_free (asked->spki_sha256);
  g_free (asked);
}

static BrevetCertificate *
make_root (BrevetKey *key)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CA);
  g_autoptr(GError) error = NULL;
  BrevetCertificate *root;

  brevet_certificate_builder_set_common_name (builder, ROOT_NAME);
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, 1735689600, 4102444800);
  root = brevet_certificate_builder_sign (builder, NULL, key, &error);
  g_assert_no_error (error);
  return root;
}

static char *
issue (IssuingService *self, BrevetCsr *csr, const char *device, IssuingAnswer answer)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CLIENT);
  gint64 now = brevet_clock_now_seconds ();
  gint64 end = answer == ISSUING_EXPIRED ? now - 3600 : now + self->lifetime;
  gint64 begin = answer == ISSUING_EXPIRED ? end - self->lifetime : now - self->backdating;
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autoptr(GError) error = NULL;

  brevet_certificate_builder_set_common_name (builder, answer == ISSUING_OTHER_NAME ? "somebody-else" : device);
  if (answer == ISSUING_OTHER_KEY)
    brevet_certificate_builder_set_key (builder, self->other_key);
  else
    brevet_certificate_builder_set_csr_key (builder, csr);
  brevet_certificate_builder_set_validity (builder, begin, end);
  if (answer == ISSUING_FORGED)
    certificate = brevet_certificate_builder_sign (builder, self->other_root, self->other_key, &error);
  else
    certificate = brevet_certificate_builder_sign (builder, self->root, self->key, &error);
  g_assert_no_error (error);
  self->issued++;
  return brevet_certificate_to_pem (certificate);
}

static JsonObject *
make_bundle (IssuingService *self)
{
  g_autofree char *text = g_strdup_printf ("{\"certificates\":%s,\"etag\":\"%s\"}", self->bundle, self->bundle_etag);
  g_autoptr(GBytes) bytes = g_bytes_new (text, strlen (text));
  g_autoptr(GError) error = NULL;
  JsonObject *object = brevet_wire_parse_object (bytes, "the bundle", &error);

  g_assert_no_error (error);
  return object;
}

static char *
make_operation (IssuingService *self, const char *device, const char *status, const char *certificate)
{
  g_autoptr(JsonObject) operation = json_object_new ();
  JsonObject *state = json_object_new ();
  g_autoptr(GBytes) bytes = NULL;

  json_object_set_string_member (operation, "operationId", "op-1");
  json_object_set_string_member (operation, "status", status);
  json_object_set_object_member (operation, "registrationState", state);
  json_object_set_string_member (state, "registrationId", device);
  json_object_set_string_member (state, "status", status);
  json_object_set_string_member (state, "assignedHub", "hub.example.net");
  json_object_set_string_member (state, "deviceId", device);
  if (certificate != NULL)
    json_object_set_string_member (state, "issuedClientCertificate", certificate);
  if (self->bundle != NULL)
    json_object_set_object_member (state, "trustBundle", make_bundle (self));
  if (g_str_equal (status, "disabled"))
    {
      json_object_set_int_member (state, "errorCode", 403001);
      json_object_set_string_member (state, "errorMessage", "Switched off");
    }
  bytes = brevet_wire_print_object (operation);
  return g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

static void
reply (GTask *task, guint status, const char *retry_after, const char *etag, const char *body)
{
  g_task_return_pointer (task, scripted_make_reply (status, retry_after, etag, body), (GDestroyNotify) brevet_reply_unref);
}

static char *
find_certificate (IssuingService *self, BrevetCsr *csr, const char *asked, const char *device, IssuingAnswer answer)
{
  const char *kept = asked != NULL ? g_hash_table_lookup (self->undelivered, asked) : NULL;

  if (csr == NULL || answer == ISSUING_NOTHING)
    return NULL;
  return kept != NULL ? g_strdup (kept) : issue (self, csr, device, answer);
}

static void
answer_with_certificate (IssuingService *self, GTask *task, BrevetCsr *csr, const char *asked, const char *device,
                         IssuingAnswer answer)
{
  g_autofree char *certificate = find_certificate (self, csr, asked, device, answer);
  g_autofree char *body = make_operation (self, device, "assigned", certificate);

  if (answer == ISSUING_SILENCE)
    {
      g_hash_table_replace (self->undelivered, g_strdup (asked), g_steal_pointer (&certificate));
      scripted_keep_silent (task);
      return;
    }
  if (answer == ISSUING_LATER)
    {
      g_free (self->later);
      self->later = g_steal_pointer (&body);
      reply (task, 202, "2", NULL, "{\"operationId\":\"op-1\",\"status\":\"assigning\"}");
      return;
    }
  if (asked != NULL)
    g_hash_table_remove (self->undelivered, asked);
  reply (task, 200, NULL, NULL, body);
}

static void
act (IssuingService *self, GTask *task, BrevetCsr *csr, const char *asked, const char *device, IssuingAnswer answer)
{
  g_autofree char *body = NULL;

  switch (answer)
    {
    case ISSUING_UNREACHABLE:
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "Nobody answers at dps.example.com");
      break;
    case ISSUING_UNTRUSTED:
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_UNTRUSTED, "Somebody else answers at dps.example.com.");
      break;
    case ISSUING_BUSY:
      reply (task, 429, "7200", NULL, "{\"errorCode\":429000,\"trackingId\":\"track-9\",\"message\":\"Too many\"}");
      break;
    case ISSUING_BROKEN:
      reply (task, 500, NULL, NULL, "{\"errorCode\":500000,\"trackingId\":\"track-9\",\"message\":\"Broken\"}");
      break;
    case ISSUING_REFUSAL:
      reply (task, 401, NULL, NULL, "{\"errorCode\":401002,\"trackingId\":\"track-9\",\"message\":\"Unauthorized\"}");
      break;
    case ISSUING_DISABLED:
      body = make_operation (self, device, "disabled", NULL);
      reply (task, 200, NULL, NULL, body);
      break;
    case ISSUING_CERTIFICATE:
    case ISSUING_LATER:
    case ISSUING_SILENCE:
    case ISSUING_NOTHING:
    case ISSUING_OTHER_KEY:
    case ISSUING_OTHER_NAME:
    case ISSUING_EXPIRED:
    case ISSUING_FORGED:
    default:
      answer_with_certificate (self, task, csr, asked, device, answer);
    }
}

static BrevetCsr *
parse_csr (const char *text)
{
  g_autoptr(BrevetKeyPolicy) policy = brevet_key_policy_new ();
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) der = NULL;
  BrevetCsr *csr;
  gsize length;
  guchar *data = g_base64_decode (text, &length);

  der = g_bytes_new_take (data, length);
  csr = brevet_csr_new (der, policy, &error);
  g_assert_no_error (error);
  return csr;
}

static void
take_registration (IssuingService *self, GTask *task, BrevetRequest *request)
{
  g_autoptr(JsonObject) body = brevet_wire_parse_object (brevet_request_get_body (request), "the request", NULL);
  const char *text = json_object_get_string_member_with_default (body, "clientCertificateCsr", NULL);
  const char *device = json_object_get_string_member (body, "registrationId");
  g_autoptr(BrevetCsr) csr = text != NULL ? parse_csr (text) : NULL;
  IssuingAnswer answer = ISSUING_CERTIFICATE;
  Asked *asked = g_new0 (Asked, 1);

  asked->csr = g_strdup (text);
  asked->spki_sha256 = csr != NULL ? g_strdup (brevet_csr_get_spki_sha256 (csr)) : NULL;
  g_ptr_array_add (self->asked, asked);
  if (!g_queue_is_empty (&self->answers))
    answer = GPOINTER_TO_INT (g_queue_pop_head (&self->answers));
  act (self, task, csr, text, device, answer);
}

static void
take_look (IssuingService *self, GTask *task, BrevetRequest *request)
{
  const char *condition = brevet_request_get_header (request, "if-none-match");
  g_autoptr(JsonObject) document = NULL;
  g_autoptr(GBytes) body = NULL;
  g_autofree char *text = NULL;
  g_autofree char *quoted = NULL;

  g_ptr_array_add (self->looked, g_strdup (condition != NULL ? condition : ""));
  if (self->poll_status != 0)
    {
      if (self->poll_status < 0)
        scripted_keep_silent (task);
      else
        reply (task, (guint) self->poll_status, self->poll_retry_after, NULL, NULL);
      return;
    }
  if (self->bundle == NULL)
    {
      reply (task, 204, NULL, NULL, NULL);
      return;
    }
  quoted = g_strdup_printf ("\"%s\"", self->bundle_etag);
  document = make_bundle (self);
  body = brevet_wire_print_object (document);
  text = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  if (g_strcmp0 (condition, quoted) == 0)
    reply (task, 304, NULL, quoted, NULL);
  else
    reply (task, 200, NULL, quoted, text);
}

static void
issuing_service_exchange_async (BrevetTransport *transport, BrevetRequest *request, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  IssuingService *self = ISSUING_SERVICE (transport);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  if (g_task_return_error_if_cancelled (task))
    return;
  if (g_str_equal (brevet_request_get_method (request), "PUT"))
    take_registration (self, task, request);
  else if (g_str_has_suffix (brevet_request_get_path (request), "/trustBundle"))
    take_look (self, task, request);
  else
    reply (task, 200, NULL, NULL, self->later);
}

static void
transport_iface_init (BrevetTransportInterface *iface)
{
  iface->exchange_async = issuing_service_exchange_async;
  iface->exchange_finish = scripted_exchange_finish;
}

static void
issuing_service_finalize (GObject *object)
{
  IssuingService *self = ISSUING_SERVICE (object);

  brevet_key_unref (self->key);
  brevet_certificate_unref (self->root);
  g_free (self->root_pem);
  brevet_key_unref (self->other_key);
  brevet_certificate_unref (self->other_root);
  g_free (self->bundle);
  g_free (self->bundle_etag);
  g_free (self->poll_retry_after);
  g_queue_clear (&self->answers);
  g_ptr_array_unref (self->asked);
  g_ptr_array_unref (self->looked);
  g_hash_table_unref (self->undelivered);
  g_free (self->later);
  G_OBJECT_CLASS (issuing_service_parent_class)->finalize (object);
}

static void
issuing_service_class_init (IssuingServiceClass *class)
{
  G_OBJECT_CLASS (class)->finalize = issuing_service_finalize;
}

static void
issuing_service_init (IssuingService *self)
{
  g_autofree char *entry = NULL;
  g_autofree char *list = NULL;

  self->key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  self->root = make_root (self->key);
  self->root_pem = brevet_certificate_to_pem (self->root);
  self->other_key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  self->other_root = make_root (self->other_key);
  self->lifetime = 30 * 86400;
  self->backdating = 60;
  g_queue_init (&self->answers);
  self->asked = g_ptr_array_new_with_free_func (asked_free);
  self->looked = g_ptr_array_new_with_free_func (g_free);
  self->undelivered = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  entry = issuing_service_make_entry (self->root_pem);
  list = g_strdup_printf ("[%s]", entry);
  issuing_service_set_bundle (self, list, "v1");
}

IssuingService *
issuing_service_new (void)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("transport", NULL, NULL);

  return g_object_new (ISSUING_TYPE_SERVICE, "name", "issuing", "config", settings, NULL);
}

void
issuing_service_add_answer (IssuingService *self, IssuingAnswer answer)
{
  g_queue_push_tail (&self->answers, GINT_TO_POINTER (answer));
}

void
issuing_service_set_lifetime (IssuingService *self, gint64 seconds)
{
  self->lifetime = seconds;
}

void
issuing_service_set_backdating (IssuingService *self, gint64 seconds)
{
  self->backdating = seconds;
}

void
issuing_service_set_bundle (IssuingService *self, const char *certificates, const char *etag)
{
  g_free (self->bundle);
  g_free (self->bundle_etag);
  self->bundle = g_strdup (certificates);
  self->bundle_etag = g_strdup (etag);
}

void
issuing_service_set_poll (IssuingService *self, int status, const char *retry_after)
{
  self->poll_status = status;
  g_free (self->poll_retry_after);
  self->poll_retry_after = g_strdup (retry_after);
}

const char *
issuing_service_get_root (IssuingService *self)
{
  return self->root_pem;
}

char *
issuing_service_make_entry (const char *pem)
{
  g_auto(GStrv) lines = g_strsplit (pem, "\n", -1);
  g_autofree char *text = g_strjoinv ("\\n", lines);

  return g_strdup_printf ("{\"certificate\":\"%s\"}", text);
}

guint
issuing_service_get_registrations (IssuingService *self)
{
  return self->asked->len;
}

guint
issuing_service_get_issued (IssuingService *self)
{
  return self->issued;
}

guint
issuing_service_get_polls (IssuingService *self)
{
  return self->looked->len;
}

static Asked *
get_asked (IssuingService *self, guint index)
{
  g_assert_cmpuint (index, <, self->asked->len);
  return g_ptr_array_index (self->asked, index);
}

const char *
issuing_service_get_csr (IssuingService *self, guint index)
{
  return get_asked (self, index)->csr;
}

const char *
issuing_service_get_key_of_csr (IssuingService *self, guint index)
{
  return get_asked (self, index)->spki_sha256;
}

const char *
issuing_service_get_if_none_match (IssuingService *self, guint index)
{
  const char *condition;

  g_assert_cmpuint (index, <, self->looked->len);
  condition = g_ptr_array_index (self->looked, index);
  return *condition != '\0' ? condition : NULL;
}
