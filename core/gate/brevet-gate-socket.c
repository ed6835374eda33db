/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-private.h"

#include "brevet-error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

/* The first descriptor that a service manager passes (sd_listen_fds(3)). */
#define PASSED_START 3
/* More than that is no number of sockets, but a mistake in the environment. */
#define PASSED_MAXIMUM 4096

static void
close_socket (gpointer data)
{
  int *fd = data;

  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

static GArray *
socket_array_new (void)
{
  GArray *sockets = g_array_new (FALSE, FALSE, sizeof (int));

  g_array_set_clear_func (sockets, close_socket);
  return sockets;
}

static gboolean
make_address (const char *text, guint16 port, struct sockaddr_storage *address, socklen_t *length)
{
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) address;
  struct sockaddr_in *v4 = (struct sockaddr_in *) address;

  memset (address, 0, sizeof *address);
  if (inet_pton (AF_INET6, text, &v6->sin6_addr) == 1)
    {
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons (port);
      *length = sizeof *v6;
      return TRUE;
    }
  if (inet_pton (AF_INET, text, &v4->sin_addr) == 1)
    {
      v4->sin_family = AF_INET;
      v4->sin_port = htons (port);
      *length = sizeof *v4;
      return TRUE;
    }
  return FALSE;
}

static int
bind_socket (const struct sockaddr_storage *address, socklen_t length, gboolean share)
{
  int on = 1, off = 0;
  int fd = socket (address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return -1;

  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share)
    setsockopt (fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address->ss_family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind (fd, (const struct sockaddr *) address, length) == 0)
    return fd;

  on = errno;
  close (fd);
  errno = on;
  return -1;
}

/* Another process of the same user could share our port and take half of our clients, because SO_REUSEPORT allows it: ask without
 * it. */
static gboolean
is_free (const struct sockaddr_storage *address, socklen_t length)
{
  int fd = bind_socket (address, length, FALSE);

  if (fd < 0)
    return FALSE;
  close (fd);
  return TRUE;
}

guint16
brevet_gate_socket_get_port (int fd)
{
  struct sockaddr_storage address = { 0 };
  socklen_t length = sizeof address;

  if (getsockname (fd, (struct sockaddr *) &address, &length) < 0)
    return 0;
  if (address.ss_family == AF_INET6)
    return ntohs (((struct sockaddr_in6 *) &address)->sin6_port);
  if (address.ss_family != AF_INET)
    return 0;
  return ntohs (((struct sockaddr_in *) &address)->sin_port);
}

static gboolean
add_socket (GArray *sockets, const char *text, guint16 port)
{
  struct sockaddr_storage address;
  socklen_t length = 0;
  int fd;

  make_address (text, port, &address, &length);
  if (port != 0 && sockets->len == 0 && !is_free (&address, length))
    return FALSE;

  fd = bind_socket (&address, length, TRUE);
  if (fd < 0)
    return FALSE;
  g_array_append_val (sockets, fd);
  return listen (fd, BACKLOG) == 0;
}

static GArray *
open_sockets_at (const char *address, guint16 port, guint count, int *code, GError **error)
{
  g_autoptr(GArray) sockets = socket_array_new ();

  for (guint i = 0; i < count; i++)
    {
      if (!add_socket (sockets, address, port))
        {
          *code = errno;
          g_set_error (error, BREVET_ERROR, *code == EADDRINUSE ? BREVET_ERROR_CONFLICT : BREVET_ERROR_NOT_CONFIGURED,
                       "Cannot listen on address %s port %u: %s", address, port, g_strerror (*code));
          return NULL;
        }
      port = brevet_gate_socket_get_port (g_array_index (sockets, int, 0));
    }
  return g_steal_pointer (&sockets);
}

GArray *
brevet_gate_open_sockets (const char *address, guint16 port, guint count, guint16 *bound_port, GError **error)
{
  int code = 0;
  GArray *sockets = open_sockets_at (address == NULL ? "::" : address, port, count, &code, error);

  /* A kernel without IPv6 is no reason not to start. */
  if (sockets == NULL && address == NULL && (code == EAFNOSUPPORT || code == EADDRNOTAVAIL))
    {
      g_clear_error (error);
      sockets = open_sockets_at ("0.0.0.0", port, count, &code, error);
    }
  if (sockets != NULL)
    *bound_port = brevet_gate_socket_get_port (g_array_index (sockets, int, 0));
  return sockets;
}

static gboolean
is_listening_stream (int fd)
{
  int type = 0;
  int listening = 0;
  socklen_t type_length = sizeof type;
  socklen_t listening_length = sizeof listening;

  return getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &type_length) == 0 && type == SOCK_STREAM
         && getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &listening_length) == 0 && listening != 0;
}

static gboolean
take_socket (GArray *sockets, int passed, GError **error)
{
  int fd;

  if (!is_listening_stream (passed))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "Descriptor %d that systemd passes is not a listening stream socket; use ListenStream= in the socket unit",
                   passed);
      return FALSE;
    }

  fd = fcntl (passed, F_DUPFD_CLOEXEC, PASSED_START);
  if (fd < 0 || fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK) < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot take over a socket: %s", g_strerror (errno));
      close_socket (&fd);
      return FALSE;
    }
  g_array_append_val (sockets, fd);
  return TRUE;
}

/* How many sockets are passed to this process: what is in the environment may have been meant for the one that started it. */
static guint
count_passed_sockets (void)
{
  const char *process = g_getenv ("LISTEN_PID");
  const char *number = g_getenv ("LISTEN_FDS");
  guint64 meant = 0;
  guint64 count = 0;

  if (process == NULL || number == NULL || !g_ascii_string_to_unsigned (process, 10, 1, G_MAXINT32, &meant, NULL)
      || meant != (guint64) getpid () || !g_ascii_string_to_unsigned (number, 10, 0, PASSED_MAXIMUM, &count, NULL))
    return 0;
  return (guint) count;
}

/* Returns: an empty array if systemd passes no socket of that name */
GArray *
brevet_gate_take_passed_sockets (const char *name, GError **error)
{
  g_autoptr(GArray) sockets = socket_array_new ();
  const char *listed = g_getenv ("LISTEN_FDNAMES");
  g_auto(GStrv) names = g_strsplit (listed != NULL ? listed : "", ":", -1);
  guint count = MIN (count_passed_sockets (), g_strv_length (names));

  for (guint i = 0; i < count; i++)
    {
      int passed = PASSED_START + (int) i;

      /* Programs that the service runs must not get them. */
      fcntl (passed, F_SETFD, FD_CLOEXEC);
      if (g_str_equal (names[i], name) && !take_socket (sockets, passed, error))
        return NULL;
    }
  return g_steal_pointer (&sockets);
}

void
brevet_gate_read_address (const struct sockaddr_storage *peer, guint8 bytes[16], char text[INET6_ADDRSTRLEN])
{
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) peer;
  const struct sockaddr_in *v4 = (const struct sockaddr_in *) peer;
  const void *four = peer->ss_family == AF_INET ? (const void *) &v4->sin_addr : NULL;

  memset (bytes, 0, 16);
  if (peer->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED (&v6->sin6_addr))
    four = &v6->sin6_addr.s6_addr[12];

  if (four != NULL)
    {
      memset (bytes + 10, 0xff, 2);
      memcpy (bytes + 12, four, 4);
      inet_ntop (AF_INET, four, text, INET6_ADDRSTRLEN);
    }
  else if (peer->ss_family == AF_INET6)
    {
      memcpy (bytes, &v6->sin6_addr, 8);
      inet_ntop (AF_INET6, &v6->sin6_addr, text, INET6_ADDRSTRLEN);
    }
  else
    g_strlcpy (text, "unknown", INET6_ADDRSTRLEN);
}
