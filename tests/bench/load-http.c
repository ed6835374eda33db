/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load-protocol.h"

#include "brevet-route.h"

#include <stdlib.h>
#include <string.h>

#define REPLY_SIZE 65536

struct _LoadDialog {
  const LoadPlan *plan;
  LoadConnection *connection;
  char reply[REPLY_SIZE];
  const char *body; /* in the reply */
};

char *
load_find_member (const char *json, gsize length, const char *name)
{
  g_autofree char *key = g_strdup_printf ("\"%s\":\"", name);
  const char *start = memmem (json, length, key, strlen (key));
  const char *end;

  if (start == NULL)
    return NULL;
  start += strlen (key);
  end = memchr (start, '"', json + length - start);
  return end != NULL ? g_strndup (start, end - start) : NULL;
}

static LoadDialog *
open_dialog (const LoadPlan *plan, LoadConnection *connection, G_GNUC_UNUSED const LoadDevice *device)
{
  LoadDialog *self = g_new0 (LoadDialog, 1);

  self->plan = plan;
  self->connection = connection;
  return self;
}

/* Reads one reply with Content-Length; returns its status, 0 if the connection broke. */
static guint
read_reply (LoadDialog *self)
{
  gsize length = 0;
  const char *head_end = NULL;
  gsize wanted = G_MAXSIZE;

  self->reply[0] = '\0';
  while (length < wanted)
    {
      gssize got = load_connection_receive (self->connection, self->reply + length, REPLY_SIZE - 1 - length);

      if (got <= 0)
        return 0;
      length += got;
      self->reply[length] = '\0';
      if (head_end == NULL && (head_end = strstr (self->reply, "\r\n\r\n")) != NULL)
        {
          const char *field = strcasestr (self->reply, "content-length:");

          self->body = head_end + 4;
          wanted = (self->body - self->reply) + (field != NULL ? strtoul (field + 15, NULL, 10) : 0);
        }
    }
  return strtoul (self->reply + 9, NULL, 10);
}

static guint
ask (LoadDialog *self, GString *request)
{
  return load_connection_send (self->connection, request->str, request->len) ? read_reply (self) : 0;
}

static GString *
begin_request (LoadDialog *self, const LoadDevice *device, const char *method, const char *verb)
{
  g_autofree char *path = brevet_route_build_registration_path (device->id_scope, device->id, verb);
  GString *text = g_string_new (NULL);

  g_string_printf (text, "%s %s?api-version=2021-11-01-preview HTTP/1.1\r\nHost: %s\r\n", method, path,
                   self->plan->target.host);
  if (device->token != NULL)
    g_string_append_printf (text, "Authorization: %s\r\n", device->token);
  return text;
}

static guint
poll_operation (LoadDialog *self, const LoadDevice *device)
{
  g_autofree char *operation = load_find_member (self->body, strlen (self->body), "operationId");
  g_autofree char *verb = g_strdup_printf ("operations/%s", operation);
  g_autoptr(GString) text = begin_request (self, device, "GET", verb);

  g_string_append (text, "\r\n");
  return ask (self, text);
}

static gboolean
exchange_registration (LoadDialog *self, const LoadDevice *device)
{
  g_autoptr(GString) text = begin_request (self, device, "PUT", "register");
  gsize length;
  const char *body = g_bytes_get_data (device->body, &length);
  guint status;

  if (self->plan->wait)
    g_string_append (text, "Prefer: wait=20\r\n");
  g_string_append_printf (text, "Content-Type: application/json\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n", length);
  g_string_append_len (text, body, length);
  status = ask (self, text);
  if (self->plan->task == LOAD_CHALLENGE)
    return status == 401 && strstr (self->body, "\"authenticationKey\"") != NULL;
  while (status == 202)
    status = poll_operation (self, device);
  return status == 200 && strstr (self->body, "\"issuedClientCertificate\"") != NULL;
}

static gboolean
exchange_get (LoadDialog *self)
{
  g_autoptr(GString) text = g_string_new (NULL);

  g_string_printf (text, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", self->plan->path, self->plan->target.host);
  return ask (self, text) == (guint) self->plan->expected_status;
}

static gboolean
exchange (LoadDialog *self, const LoadDevice *device)
{
  gboolean right = self->plan->task == LOAD_GET ? exchange_get (self) : exchange_registration (self, device);

  if (!right)
    g_printerr ("unexpected reply: %.300s\n", self->reply);
  return right;
}

const LoadProtocol load_http = { FALSE, open_dialog, exchange, (void (*) (LoadDialog *)) g_free };
