/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-proxy-header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define TEXT_PREFIX "PROXY "
#define TEXT_LIMIT 107   /* of a whole line, by the specification */

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define SIGNATURE_SIZE 12
#define FIXED_SIZE 16

#define TYPE_CHECKSUM 0x03
#define TYPE_TLS 0x20
#define TLS_FIXED_SIZE 5

#define CLIENT_TLS 0x01
#define CLIENT_CERTIFICATE (0x02 | 0x04)   /* on this connection, or earlier in its session */

void
brevet_gate_proxy_header_init (BrevetGateProxyHeader *self, guint8 certificate_type, guint8 chain_type)
{
  memset (self, 0, sizeof *self);
  self->certificate_type = certificate_type;
  self->chain_type = chain_type;
  self->wanted = FIXED_SIZE;
  self->bytes = g_byte_array_new ();
}

void
brevet_gate_proxy_header_clear (BrevetGateProxyHeader *self)
{
  g_clear_pointer (&self->bytes, g_byte_array_unref);
}

static gboolean
fail (BrevetGateProxyHeader *self, const char *message)
{
  self->phase = BREVET_GATE_PROXY_HEADER_FAILED;
  self->message = message;
  return FALSE;
}

static gboolean
is_port (const char *text)
{
  guint64 port;

  return g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT16, &port, NULL) && (text[0] != '0' || text[1] == '\0');
}

static gboolean
read_text_address (const char *text, int family, struct sockaddr_storage *address)
{
  void *where = family == AF_INET ? (void *) &((struct sockaddr_in *) address)->sin_addr
                                  : (void *) &((struct sockaddr_in6 *) address)->sin6_addr;

  address->ss_family = family;
  return inet_pton (family, text, where) == 1;
}

static gboolean
parse_words (BrevetGateProxyHeader *self, char **words)
{
  struct sockaddr_storage destination = { 0 };
  guint count = g_strv_length (words);
  int family;

  if (count >= 2 && strcmp (words[1], "UNKNOWN") == 0)
    return TRUE;
  if (count != 6 || (strcmp (words[1], "TCP4") != 0 && strcmp (words[1], "TCP6") != 0))
    return fail (self, "the PROXY line does not say TCP4, TCP6 or UNKNOWN, two addresses and two ports");

  family = strcmp (words[1], "TCP4") == 0 ? AF_INET : AF_INET6;
  if (!read_text_address (words[2], family, &self->source) || !read_text_address (words[3], family, &destination)
      || !is_port (words[4]) || !is_port (words[5]))
    return fail (self, "the PROXY line has a malformed address or port");
  return TRUE;
}

static gboolean
parse_line (BrevetGateProxyHeader *self)
{
  guint8 *bytes = self->bytes->data;
  gsize length = self->bytes->len;
  g_auto(GStrv) words = NULL;

  if (length < strlen (TEXT_PREFIX) + 2 || bytes[length - 2] != '\r' || memchr (bytes, '\0', length) != NULL
      || memchr (bytes, '\r', length) != bytes + length - 2)
    return fail (self, "the PROXY line does not end as it should");

  bytes[length - 2] = '\0';
  words = g_strsplit ((const char *) bytes, " ", -1);
  return parse_words (self, words);
}

static void
advance_text (BrevetGateProxyHeader *self)
{
  GByteArray *bytes = self->bytes;

  if (memcmp (bytes->data, TEXT_PREFIX, MIN (bytes->len, strlen (TEXT_PREFIX))) != 0)
    fail (self, "it does not begin with a PROXY header");
  else if (bytes->data[bytes->len - 1] == '\n' && parse_line (self))
    self->phase = BREVET_GATE_PROXY_HEADER_COMPLETE;
  else if (bytes->len >= TEXT_LIMIT && self->phase == BREVET_GATE_PROXY_HEADER_READING)
    fail (self, "the PROXY line is too long");
}

/* Castagnoli's polynomial, with the bytes of the checksum itself counted as zeros. */
static guint32
compute_checksum (GByteArray *bytes, const guint8 *own)
{
  guint32 value = G_MAXUINT32;

  for (const guint8 *byte = bytes->data; byte < bytes->data + bytes->len; byte++)
    {
      value ^= byte >= own && byte < own + 4 ? 0 : *byte;
      for (guint bit = 0; bit < 8; bit++)
        value = (value >> 1) ^ (0x82f63b78 & -(value & 1));
    }
  return ~value;
}

static guint16
read_16 (const guint8 *data)
{
  return (guint16) (data[0] << 8 | data[1]);
}

static guint32
read_32 (const guint8 *data)
{
  return (guint32) read_16 (data) << 16 | read_16 (data + 2);
}

static gboolean
check_checksum (BrevetGateProxyHeader *self, const BrevetGateProxyValue *value)
{
  if (self->has_checksum || value->length != 4)
    return fail (self, "the PROXY header has a malformed checksum");
  self->has_checksum = TRUE;
  if (compute_checksum (self->bytes, value->data) != read_32 (value->data))
    return fail (self, "the checksum of the PROXY header is wrong");
  return TRUE;
}

static gboolean
take_value (BrevetGateProxyHeader *self, BrevetGateProxyValue *place, const BrevetGateProxyValue *value)
{
  if (place->data != NULL)
    return fail (self, "the PROXY header has two client certificates");
  *place = *value;
  return TRUE;
}

/* Returns: FALSE at the end, and on failure */
static gboolean
next_value (BrevetGateProxyHeader *self, BrevetGateProxyValue *rest, guint8 *type, BrevetGateProxyValue *value)
{
  if (rest->length == 0)
    return FALSE;
  if (rest->length < 3 || rest->length - 3 < read_16 (rest->data + 1))
    return fail (self, "a value in the PROXY header is longer than the header");

  *type = rest->data[0];
  value->length = read_16 (rest->data + 1);
  value->data = rest->data + 3;
  rest->data = value->data + value->length;
  rest->length -= 3 + value->length;
  return TRUE;
}

static gboolean
parse_tls (BrevetGateProxyHeader *self, const BrevetGateProxyValue *tls)
{
  gboolean has_certificate = FALSE;
  BrevetGateProxyValue rest, value;
  guint8 type;

  if (self->has_tls || tls->length < TLS_FIXED_SIZE)
    return fail (self, "the PROXY header describes the client's TLS twice or not at all");

  self->has_tls = TRUE;
  self->client = tls->data[0];
  self->verify = read_32 (tls->data + 1);
  rest.data = tls->data + TLS_FIXED_SIZE;
  rest.length = tls->length - TLS_FIXED_SIZE;
  while (next_value (self, &rest, &type, &value))
    {
      if (type != BREVET_GATE_PROXY_CLIENT_CERTIFICATE)
        continue;
      has_certificate = TRUE;
      if (self->certificate_type == type && !take_value (self, &self->certificate, &value))
        return FALSE;
    }

  if (has_certificate && ((self->client & CLIENT_TLS) == 0 || (self->client & CLIENT_CERTIFICATE) == 0))
    return fail (self, "the PROXY header has a client certificate and says that there was none");
  return self->phase == BREVET_GATE_PROXY_HEADER_READING;
}

static gboolean
parse_value (BrevetGateProxyHeader *self, guint8 type, const BrevetGateProxyValue *value)
{
  if (type == TYPE_CHECKSUM)
    return check_checksum (self, value);
  if (type == TYPE_TLS)
    return parse_tls (self, value);
  if (type >= BREVET_GATE_PROXY_CUSTOM_FIRST && type == self->certificate_type)
    return take_value (self, &self->certificate, value);
  if (type >= BREVET_GATE_PROXY_CUSTOM_FIRST && type == self->chain_type)
    return take_value (self, &self->chain, value);
  return TRUE;
}

static void
read_binary_address (BrevetGateProxyHeader *self, gboolean is_v4, const guint8 *data)
{
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &self->source;
  struct sockaddr_in *v4 = (struct sockaddr_in *) &self->source;

  self->source.ss_family = is_v4 ? AF_INET : AF_INET6;
  memcpy (is_v4 ? (void *) &v4->sin_addr : (void *) &v6->sin6_addr, data, is_v4 ? 4 : 16);
}

/* Returns: how many bytes the addresses take; -1 for a family that is no stream's. A socket of the proxy's own machine has no
 * address that we could name. */
static gssize
measure_addresses (guint8 family)
{
  switch (family)
    {
    case 0x00:
      return 0;
    case 0x11:
      return 12;
    case 0x21:
      return 36;
    case 0x31:
      return 216;
    default:
      return -1;
    }
}

static gboolean
parse_binary (BrevetGateProxyHeader *self)
{
  const guint8 *data = self->bytes->data;
  gssize addresses = measure_addresses (data[13]);
  BrevetGateProxyValue rest, value;
  guint8 type;

  self->is_local = (data[12] & 15) == 0;
  if (self->is_local)
    return TRUE;
  if (addresses < 0 || self->bytes->len - FIXED_SIZE < (gsize) addresses)
    return fail (self, "the PROXY header has no addresses of a stream");

  if (data[13] == 0x11 || data[13] == 0x21)
    read_binary_address (self, data[13] == 0x11, data + FIXED_SIZE);
  rest.data = data + FIXED_SIZE + addresses;
  rest.length = self->bytes->len - FIXED_SIZE - (gsize) addresses;
  while (next_value (self, &rest, &type, &value))
    if (!parse_value (self, type, &value))
      return FALSE;
  return self->phase == BREVET_GATE_PROXY_HEADER_READING;
}

static void
advance_binary (BrevetGateProxyHeader *self)
{
  const guint8 *data = self->bytes->data;
  gsize length = self->bytes->len;

  if (memcmp (data, SIGNATURE, MIN (length, SIGNATURE_SIZE)) != 0)
    fail (self, "it does not begin with a PROXY header");
  else if (length > SIGNATURE_SIZE && (data[12] & 0xfe) != 0x20)
    fail (self, "the version or command of the PROXY header is unknown");
  else if (length == FIXED_SIZE)
    self->wanted = FIXED_SIZE + read_16 (data + 14);

  if (self->wanted > BREVET_GATE_PROXY_HEADER_LIMIT)
    fail (self, "the PROXY header is too long");
  if (self->phase == BREVET_GATE_PROXY_HEADER_READING && length >= FIXED_SIZE && length == self->wanted && parse_binary (self))
    self->phase = BREVET_GATE_PROXY_HEADER_COMPLETE;
}

/* How many of @length bytes can be taken without looking at what is in them. */
static gsize
measure_piece (BrevetGateProxyHeader *self, const guint8 *data, gsize length)
{
  gsize limit;
  const guint8 *end;

  if (self->bytes->len == 0)
    return 1;
  if (self->bytes->data[0] != TEXT_PREFIX[0])
    return MIN (length, self->wanted - self->bytes->len);

  limit = MIN (length, TEXT_LIMIT - self->bytes->len);
  end = memchr (data, '\n', limit);
  return end == NULL ? limit : (gsize) (end - data) + 1;
}

gsize
brevet_gate_proxy_header_feed (BrevetGateProxyHeader *self, const guint8 *data, gsize length)
{
  gsize used = 0;

  while (used < length && self->phase == BREVET_GATE_PROXY_HEADER_READING)
    {
      gsize piece = measure_piece (self, data + used, length - used);

      g_byte_array_append (self->bytes, data + used, piece);
      used += piece;
      if (self->bytes->data[0] == TEXT_PREFIX[0])
        advance_text (self);
      else
        advance_binary (self);
    }
  return used;
}
