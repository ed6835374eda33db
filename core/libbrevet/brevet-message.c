/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-message.h"
#include "brevet-headers-private.h"

struct _BrevetRequest
{
  char           *method;
  char           *path;
  char           *query;
  char           *tracking_id;
  GArray         *headers;
  GBytes         *body;
  gsize           body_limit;
  BrevetClaims   *claims;
  BrevetEvidence *evidence;
  gpointer        admission;
  GDestroyNotify  destroy_admission;
};

struct _BrevetReply
{
  guint          status;
  GArray        *headers;
  GBytes        *body;
  void         (*delivered) (gpointer user_data);
  gpointer       delivered_data;
  GDestroyNotify destroy_delivered_data;
};

G_DEFINE_BOXED_TYPE (BrevetRequest, brevet_request, brevet_request_ref, brevet_request_unref)
G_DEFINE_BOXED_TYPE (BrevetReply, brevet_reply, brevet_reply_ref, brevet_reply_unref)

BrevetRequest *
brevet_request_new (const char *method, const char *path, const char *query)
{
  BrevetRequest *self = NULL;

  g_return_val_if_fail (method != NULL && path != NULL, NULL);

  self = g_atomic_rc_box_new0 (BrevetRequest);
  self->method = g_strdup (method);
  self->path = g_strdup (path);
  self->query = g_strdup (query);
  self->tracking_id = g_uuid_string_random ();
  self->headers = brevet_headers_new ();
  return self;
}

BrevetRequest *
brevet_request_ref (BrevetRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_request_clear (gpointer data)
{
  BrevetRequest *self = data;

  g_free (self->method);
  g_free (self->path);
  g_free (self->query);
  g_free (self->tracking_id);
  g_array_unref (self->headers);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_clear_pointer (&self->claims, brevet_claims_unref);
  g_clear_pointer (&self->evidence, brevet_evidence_unref);
  if (self->destroy_admission != NULL)
    self->destroy_admission (self->admission);
}

void
brevet_request_unref (BrevetRequest *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_request_clear);
}

const char *
brevet_request_get_method (BrevetRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->method;
}

const char *
brevet_request_get_path (BrevetRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->path;
}

const char *
brevet_request_get_query (BrevetRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->query;
}

const char *
brevet_request_get_tracking_id (BrevetRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->tracking_id;
}

void
brevet_request_set_header (BrevetRequest *self, const char *name, const char *value)
{
  g_return_if_fail (self != NULL && name != NULL);
  brevet_headers_set (self->headers, name, value);
}

const char *
brevet_request_get_header (BrevetRequest *self, const char *name)
{
  g_return_val_if_fail (self != NULL && name != NULL, NULL);
  return brevet_headers_get (self->headers, name);
}

void
brevet_request_foreach_header (BrevetRequest *self, void (*callback) (const char *name, const char *value, gpointer user_data),
                               gpointer user_data)
{
  g_return_if_fail (self != NULL && callback != NULL);
  brevet_headers_foreach (self->headers, callback, user_data);
}

void
brevet_request_set_body (BrevetRequest *self, GBytes *body)
{
  g_return_if_fail (self != NULL);

  if (body != NULL)
    g_bytes_ref (body);
  g_clear_pointer (&self->body, g_bytes_unref);
  self->body = body;
}

GBytes *
brevet_request_get_body (BrevetRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->body;
}

void
brevet_request_set_claims (BrevetRequest *self, BrevetClaims *claims)
{
  g_return_if_fail (self != NULL);

  if (claims != NULL)
    brevet_claims_ref (claims);
  g_clear_pointer (&self->claims, brevet_claims_unref);
  self->claims = claims;
}

BrevetClaims *
brevet_request_get_claims (BrevetRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->claims;
}

void
brevet_request_set_evidence (BrevetRequest *self, BrevetEvidence *evidence)
{
  g_return_if_fail (self != NULL);

  if (evidence != NULL)
    brevet_evidence_ref (evidence);
  g_clear_pointer (&self->evidence, brevet_evidence_unref);
  self->evidence = evidence;
}

BrevetEvidence *
brevet_request_get_evidence (BrevetRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->evidence;
}

void
brevet_request_set_body_limit (BrevetRequest *self, gsize bytes)
{
  g_return_if_fail (self != NULL);
  self->body_limit = bytes;
}

gsize
brevet_request_get_body_limit (BrevetRequest *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->body_limit;
}

void
brevet_request_set_admission (BrevetRequest *self, gpointer admission, GDestroyNotify destroy)
{
  gpointer old = NULL;
  GDestroyNotify destroy_old = NULL;

  g_return_if_fail (self != NULL);

  old = self->admission;
  destroy_old = self->destroy_admission;
  self->admission = admission;
  self->destroy_admission = destroy;
  if (destroy_old != NULL)
    destroy_old (old);
}

gpointer
brevet_request_get_admission (BrevetRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->admission;
}

BrevetReply *
brevet_reply_new (guint status, GBytes *body)
{
  BrevetReply *self = NULL;

  g_return_val_if_fail (status >= 200 && status <= 599, NULL);

  self = g_atomic_rc_box_new0 (BrevetReply);
  self->status = status;
  self->headers = brevet_headers_new ();
  self->body = body != NULL ? g_bytes_ref (body) : NULL;
  return self;
}

BrevetReply *
brevet_reply_ref (BrevetReply *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

/* Forgets the callback. Its data may hold the last reference to something that looks at the reply: so first out, then destroyed. */
static void
drop_delivered_callback (BrevetReply *self)
{
  gpointer data = self->delivered_data;
  GDestroyNotify destroy = self->destroy_delivered_data;

  self->delivered = NULL;
  self->delivered_data = NULL;
  self->destroy_delivered_data = NULL;
  if (destroy != NULL)
    destroy (data);
}

static void
brevet_reply_clear (gpointer data)
{
  BrevetReply *self = data;

  drop_delivered_callback (self);
  g_array_unref (self->headers);
  g_clear_pointer (&self->body, g_bytes_unref);
}

void
brevet_reply_unref (BrevetReply *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_reply_clear);
}

guint
brevet_reply_get_status (BrevetReply *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->status;
}

GBytes *
brevet_reply_get_body (BrevetReply *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->body;
}

void
brevet_reply_set_header (BrevetReply *self, const char *name, const char *value)
{
  g_return_if_fail (self != NULL && name != NULL);
  brevet_headers_set (self->headers, name, value);
}

const char *
brevet_reply_get_header (BrevetReply *self, const char *name)
{
  g_return_val_if_fail (self != NULL && name != NULL, NULL);
  return brevet_headers_get (self->headers, name);
}

void
brevet_reply_foreach_header (BrevetReply *self, void (*callback) (const char *name, const char *value, gpointer user_data),
                             gpointer user_data)
{
  g_return_if_fail (self != NULL && callback != NULL);
  brevet_headers_foreach (self->headers, callback, user_data);
}

void
brevet_reply_set_delivered_callback (BrevetReply *self, void (*callback) (gpointer user_data), gpointer user_data,
                                     GDestroyNotify destroy)
{
  g_return_if_fail (self != NULL);

  drop_delivered_callback (self);
  self->delivered = callback;
  self->delivered_data = user_data;
  self->destroy_delivered_data = destroy;
}

void
brevet_reply_delivered (BrevetReply *self)
{
  void (*callback) (gpointer user_data) = NULL;

  g_return_if_fail (self != NULL);

  callback = self->delivered;
  self->delivered = NULL;
  if (callback != NULL)
    callback (self->delivered_data);
  drop_delivered_callback (self);
}
