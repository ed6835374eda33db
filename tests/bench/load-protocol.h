/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "load-connection.h"

#include <glib.h>

/* What a device says, made before anything is measured. */
typedef struct {
  char *id;
  char *id_scope;
  char *token; /* NULL for one with a certificate, or that has to ask for a challenge */
  gnutls_certificate_credentials_t credentials; /* its certificate, or NULL */
  GBytes *body; /* of its registration, with a CSR; NULL for one that never registers */
} LoadDevice;

typedef enum {
  LOAD_REGISTER,
  LOAD_CHALLENGE, /* HTTP: a registration without token, for the challenge in the refusal */
  LOAD_GET,     /* HTTP: a GET of a path, for measuring little but TLS */
  LOAD_CONNECT, /* MQTT: nothing after CONNACK */
} LoadTask;

/* What all clients of the process do. */
typedef struct {
  LoadTarget target;
  LoadTask task;
  char *path; /* of LOAD_GET */
  int expected_status;
  gboolean wait; /* HTTP: ask for the final result instead of polling */
} LoadPlan;

/* The state of one client between its calls; belongs to the protocol. */
typedef struct _LoadDialog LoadDialog;

/* How registrations go over a connection. Each function returns FALSE for whatever is not as it should be, and has said what. */
typedef struct {
  gboolean one_device; /* a connection belongs to the device that opened it */
  LoadDialog *(*open) (const LoadPlan *plan, LoadConnection *connection, const LoadDevice *device);
  gboolean (*exchange) (LoadDialog *dialog, const LoadDevice *device);
  void (*close) (LoadDialog *dialog);
} LoadProtocol;

extern const LoadProtocol load_http;
extern const LoadProtocol load_mqtt;
extern const LoadProtocol load_mqtt_websocket;

/* Looks a member of the top level up that is a text without escapes.
 * Returns: (transfer full) (nullable) */
char *load_find_member (const char *json, gsize length, const char *name);
