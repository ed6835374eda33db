/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes of a connection, through TLS or, behind a proxy that ends it, as they are. Errors are GnuTLS' in both cases. */
#include "brevet-gate-private.h"

#include <errno.h>
#include <sys/socket.h>

static gssize
translate (gssize count, int error)
{
  if (count >= 0)
    return count;
  return errno == EAGAIN || errno == EINTR ? GNUTLS_E_AGAIN : error;
}

gssize
brevet_gate_stream_receive (BrevetGateConnection *self, guint8 *data, gsize size)
{
  if (self->session != NULL)
    return gnutls_record_recv (self->session, data, size);
  return translate (recv (self->watch.fd, data, size, 0), GNUTLS_E_PULL_ERROR);
}

gssize
brevet_gate_stream_send (BrevetGateConnection *self, const guint8 *data, gsize length)
{
  if (self->session != NULL)
    return gnutls_record_send (self->session, data, length);
  return translate (send (self->watch.fd, data, length, MSG_NOSIGNAL), GNUTLS_E_PUSH_ERROR);
}

int
brevet_gate_stream_say_goodbye (BrevetGateConnection *self)
{
  return self->session == NULL ? GNUTLS_E_SUCCESS : gnutls_bye (self->session, GNUTLS_SHUT_WR);
}
