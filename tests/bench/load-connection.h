/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/gnutls.h>

/* Where all clients of the process go. */
typedef struct {
  char *host; /* name in the certificate; the address is always 127.0.0.1 */
  int port;
  gnutls_certificate_credentials_t credentials;
} LoadTarget;

/* A blocking TLS connection over a socket, and what is known of those before it. Plain data, zero before first use. */
typedef struct {
  gnutls_session_t session; /* NULL while not connected */
  int socket;
  gnutls_datum_t ticket; /* of the last connection that was closed to be resumed */
  guint64 handshakes;
  guint64 resumed;
} LoadConnection;

/* @credentials: what the client trusts, and its own certificate if it has one; NULL: those of the target */
gboolean load_connection_open (LoadConnection *self, const LoadTarget *target, gnutls_certificate_credentials_t credentials);

/* @resume: keep the ticket for the next one */
void load_connection_close (LoadConnection *self, gboolean resume);

gboolean load_connection_send (LoadConnection *self, const void *data, gsize length);

/* Returns how many bytes have come, 0 or less at the end */
gssize load_connection_receive (LoadConnection *self, void *buffer, gsize size);
