/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load-connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int
connect_socket (int port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (port) };
  int one = 1;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    {
      if (fd >= 0)
        close (fd);
      return -1;
    }
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

gboolean
load_connection_open (LoadConnection *self, const LoadTarget *target, gnutls_certificate_credentials_t credentials)
{
  int status;

  self->socket = connect_socket (target->port);
  if (self->socket < 0)
    return FALSE;
  gnutls_init (&self->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
  gnutls_set_default_priority (self->session);
  gnutls_credentials_set (self->session, GNUTLS_CRD_CERTIFICATE, credentials != NULL ? credentials : target->credentials);
  gnutls_server_name_set (self->session, GNUTLS_NAME_DNS, target->host, strlen (target->host));
  gnutls_session_set_verify_cert (self->session, target->host, 0);
  gnutls_transport_set_int (self->session, self->socket);
  if (self->ticket.data != NULL)
    gnutls_session_set_data (self->session, self->ticket.data, self->ticket.size);
  do
    status = gnutls_handshake (self->session);
  while (status < 0 && !gnutls_error_is_fatal (status));
  if (status < 0)
    {
      g_printerr ("handshake: %s\n", gnutls_strerror (status));
      g_clear_pointer (&self->session, gnutls_deinit);
      close (self->socket);
      return FALSE;
    }
  self->handshakes++;
  self->resumed += gnutls_session_is_resumed (self->session);
  return TRUE;
}

void
load_connection_close (LoadConnection *self, gboolean resume)
{
  if (self->session == NULL)
    return;
  if (resume)
    {
      g_clear_pointer (&self->ticket.data, gnutls_free);
      gnutls_session_get_data2 (self->session, &self->ticket);
    }
  gnutls_bye (self->session, GNUTLS_SHUT_WR);
  g_clear_pointer (&self->session, gnutls_deinit);
  close (self->socket);
}

gboolean
load_connection_send (LoadConnection *self, const void *data, gsize length)
{
  return gnutls_record_send (self->session, data, length) == (gssize) length;
}

gssize
load_connection_receive (LoadConnection *self, void *buffer, gsize size)
{
  gssize got;

  do
    got = gnutls_record_recv (self->session, buffer, size);
  while (got == GNUTLS_E_INTERRUPTED || got == GNUTLS_E_AGAIN);
  return got;
}
