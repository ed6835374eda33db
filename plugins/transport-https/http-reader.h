/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Most header fields of a request. */
#define HTTP_READER_MAX_FIELDS 100

typedef enum {
  HTTP_READER_HEAD,       /* wants bytes of a head */
  HTTP_READER_ADMISSION,  /* the head is complete: call http_reader_read_body() or give up */
  HTTP_READER_BODY,       /* wants bytes of a body */
  HTTP_READER_COMPLETE,   /* the request is complete: call http_reader_reset() for the next one */
  HTTP_READER_FAILED,     /* see status and message; what follows on the connection means nothing any more */
} HttpReaderPhase;

typedef enum {
  HTTP_READER_CHUNK_SIZE,
  HTTP_READER_CHUNK_SIZE_END,
  HTTP_READER_CHUNK_DATA,
  HTTP_READER_CHUNK_DATA_RETURN,
  HTTP_READER_CHUNK_DATA_END,
  HTTP_READER_CHUNK_LAST_RETURN,
  HTTP_READER_CHUNK_LAST_END,
} HttpReaderChunk;

typedef struct
{
  const char *name;    /* in lower case */
  const char *value;   /* without white space at its ends */
  char       *joined;  /* owns value if the field was sent several times */
} HttpReaderField;

/* Reads HTTP/1.1 requests (RFC 9112) from bytes as they come; no I/O, no clock. Strict: two readers that disagree about where a
 * request ends are how requests are smuggled, so whatever is odd fails. What is read is only valid until the reader is reset. */
typedef struct
{
  HttpReaderPhase phase;
  guint           status;          /* of a failure: 400 to 599 */
  const char     *message;         /* of a failure: a sentence */

  const char     *method;          /* NULL until the head is complete */
  const char     *path;
  const char     *query;           /* NULL if the target has no `?` */
  GArray         *fields;          /* HttpReaderField */
  guint           minor_version;   /* of HTTP/1 */
  gboolean        keep_alive;
  gboolean        expects_continue;
  gboolean        chunked;
  gint64          content_length;  /* -1 if the request does not say */
  GByteArray     *body;

  /*< private >*/
  gsize           head_limit;
  gsize           body_limit;
  guint8          last;            /* last byte of the head, 0 at the start */
  guint           line_length;     /* of the line of the head that is being read */
  gboolean        has_line;
  GByteArray     *head;
  HttpReaderChunk chunk;
  guint           chunk_digits;
  guint64         chunk_left;
} HttpReader;

void http_reader_init (HttpReader *self, gsize head_limit);

void http_reader_clear (HttpReader *self);

/* Begins the next request. */
void http_reader_reset (HttpReader *self);

/* Returns: how many bytes were used; fewer than @length once the phase wants no more */
gsize http_reader_feed (HttpReader *self, const guint8 *data, gsize length);

/* Goes on from HTTP_READER_ADMISSION. Fails with 413 if the body is announced to be longer than @limit. */
void http_reader_read_body (HttpReader *self, gsize limit);

/* Returns: (nullable): the value of a field of the head; several in one line, with commas between them
 * @name: in lower case */
const char *http_reader_get_field (HttpReader *self, const char *name);

/* Returns: TRUE if the head has a field of this name more than once */
gboolean http_reader_is_repeated (HttpReader *self, const char *name);

/* Returns: TRUE if the head announces a body that is not empty, or may not be */
gboolean http_reader_has_body (HttpReader *self);

G_END_DECLS
