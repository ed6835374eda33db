/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/socket.h>

G_BEGIN_DECLS

/* Longest header of version 2: room for certificates, and an end to what a proxy can make us keep. */
#define BREVET_GATE_PROXY_HEADER_LIMIT (32 * 1024)

/* The type, within the type for TLS, under which the protocol knows the client's certificate. */
#define BREVET_GATE_PROXY_CLIENT_CERTIFICATE 0x28

/* Types that everybody may give a meaning to. */
#define BREVET_GATE_PROXY_CUSTOM_FIRST 0xe0
#define BREVET_GATE_PROXY_CUSTOM_LAST 0xef

typedef enum {
  BREVET_GATE_PROXY_HEADER_READING,
  BREVET_GATE_PROXY_HEADER_COMPLETE,
  BREVET_GATE_PROXY_HEADER_FAILED,     /* see message; what follows on the connection means nothing */
} BrevetGateProxyHeaderPhase;

/* A value within the header; data is NULL if it is not there. */
typedef struct
{
  const guint8 *data;
  gsize         length;
} BrevetGateProxyValue;

/* Reads the header with which a proxy begins a connection, versions 1 and 2 of the PROXY protocol, from bytes as they come; no I/O,
 * no clock. Strict, as there is nothing to guess about who speaks. */
typedef struct
{
  BrevetGateProxyHeaderPhase phase;
  const char                *message;       /* of a failure: a sentence */

  gboolean                   is_local;      /* the proxy's own connection, such as a health check */
  struct sockaddr_storage    source;        /* AF_UNSPEC if the header does not say */
  gboolean                   has_tls;       /* the proxy describes the client's TLS: */
  guint8                     client;        /* flags of the protocol */
  guint32                    verify;        /* 0 if the proxy found the certificate good; nothing follows from it here */
  BrevetGateProxyValue       certificate;   /* as asked for in init; valid until cleared */
  BrevetGateProxyValue       chain;

  /*< private >*/
  guint8                     certificate_type;
  guint8                     chain_type;
  gboolean                   has_checksum;
  gsize                      wanted;        /* bytes of version 2, as far as known */
  GByteArray                *bytes;
} BrevetGateProxyHeader;

/* @certificate_type: where the client's certificate is: BREVET_GATE_PROXY_CLIENT_CERTIFICATE, a custom type, or 0 for nowhere
 * @chain_type: custom type with its issuers; 0 for none */
void brevet_gate_proxy_header_init (BrevetGateProxyHeader *self, guint8 certificate_type, guint8 chain_type);

void brevet_gate_proxy_header_clear (BrevetGateProxyHeader *self);

/* Returns: how many bytes belong to the header; what is behind it is never taken */
gsize brevet_gate_proxy_header_feed (BrevetGateProxyHeader *self, const guint8 *data, gsize length);

G_END_DECLS
