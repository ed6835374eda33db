/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-dialog.h"
#include "brevet-mqtt-reader.h"
#include "mqtt-connection.h"

G_BEGIN_DECLS

typedef enum {
  MQTT_PHASE_CONNECTING,   /* waits for a CONNECT */
  MQTT_PHASE_ADMITTING,    /* the handler looks at it */
  MQTT_PHASE_OPEN,
  MQTT_PHASE_CLOSING,      /* nothing more is read, nothing more is answered */
} MqttPhase;

/* Kept alive by the connection, until it is closed, and by each call to the handler that is in flight. */
typedef struct
{
  grefcount             references;
  BrevetGateConnection *connection;        /* NULL once closed */
  MqttService          *service;           /* NULL once closed */
  MqttPhase             phase;
  BrevetMqttReader      reader;
  gboolean              reading;
  BrevetMqttUser       *user;
  BrevetClaims         *claims;            /* what was presented with CONNECT */
  char                 *device;            /* its name among the sessions; NULL before it is accepted */
  GCancellable         *cancellable;       /* cancelled when closed */
  guint                 keep_alive;        /* milliseconds of silence that are allowed */
  gboolean              is_idle_limited;   /* whether that time runs only while no question is open */
  gboolean              subscribed;
  guint8                qos;               /* granted */
  guint16               last_packet_id;
  guint                 questions;         /* in flight */
  GByteArray           *output;            /* answers to what is being read, written at once; NULL if there are none */
  gboolean              writing;           /* the peer has not taken everything yet */
  GPtrArray            *undelivered;       /* replies that were written since everything was taken */
  gint64                silence_deadline;  /* these are monotonic, 0 for none */
  gint64                packet_deadline;
  gint64                output_deadline;
} MqttConnection;

MqttConnection *mqtt_connection_ref (MqttConnection *self);

void mqtt_connection_unref (MqttConnection *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MqttConnection, mqtt_connection_unref)

/* mqtt-connection.c. What may close the connection says so: look at self->connection afterwards. */

/* Collects a packet to be written by mqtt_connection_flush(). */
void mqtt_connection_answer (MqttConnection *self, const BrevetMqttPacket *packet);

/* The same, for a packet that was printed before. */
void mqtt_connection_answer_bytes (MqttConnection *self, GBytes *bytes);

/* May close. */
void mqtt_connection_flush (MqttConnection *self);

/* Writes a message that carries @reply, which counts as delivered once the peer's system has it. May close. */
void mqtt_connection_send_reply (MqttConnection *self, BrevetReply *reply, const char *rid);

/* Lets the state of the dialog decide whether to read, how long to wait, and whether the connection may be closed. May close. */
void mqtt_connection_update (MqttConnection *self);

/* Writes what was collected and closes. */
void mqtt_connection_close (MqttConnection *self);

/* The same, for a peer that has broken a rule, and tells the operator. */
void mqtt_connection_refuse (MqttConnection *self, const char *message);

/* mqtt-packets.c */

/* Takes one packet of the peer. May close. */
void mqtt_connection_take_packet (MqttConnection *self, BrevetMqttPacket *packet);

G_END_DECLS
