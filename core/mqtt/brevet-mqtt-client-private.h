/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-call.h"
#include "brevet-mqtt-client.h"
#include "brevet-mqtt-reader.h"

G_BEGIN_DECLS

/* What the files of a client share: brevet-mqtt-client.c (the object, and what it sends), brevet-mqtt-client-answers.c (what the
 * broker sends, or no longer sends). */

typedef enum {
  CLIENT_NEW,          /* nothing was sent */
  CLIENT_CONNECTING,   /* CONNECT was sent */
  CLIENT_CONNECTED,
  CLIENT_LEAVING,      /* DISCONNECT was sent */
  CLIENT_ENDED,
} ClientState;

struct _BrevetMqttClient
{
  GObject            parent_instance;

  BrevetMqttChannel *channel;
  BrevetMqttReader   reader;
  GMainContext      *context;
  ClientState        state;
  BrevetMqttCall    *connecting;
  GHashTable        *calls;        /* packet identifier → BrevetMqttCall */
  guint16            last_id;
  GSource           *heartbeat;
  gint64             interval;     /* microseconds between two looks */
  gint64             last_sent;
  gboolean           pinged;       /* and nothing has come since */
};

/* brevet-mqtt-client.c */
void brevet_mqtt_client_send (BrevetMqttClient *self, const BrevetMqttPacket *packet);
void brevet_mqtt_client_send_empty (BrevetMqttClient *self, BrevetMqttPacketType type);
void brevet_mqtt_client_emit_message (BrevetMqttClient *self, const char *topic, GBytes *payload);
void brevet_mqtt_client_emit_closed (BrevetMqttClient *self, const GError *error);

/* brevet-mqtt-client-answers.c */
void brevet_mqtt_client_listen (BrevetMqttClient *self);

G_END_DECLS
