/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-ca-error.h"

#define UPSTREAM_MESSAGE_MAX_SIZE 512

typedef struct {
  int   retry_after;
  guint http_status;
  char *code;
  char *message;
  char *transaction_id;
} BrevetCaErrorPrivate;

static void
brevet_ca_error_private_init (BrevetCaErrorPrivate *priv)
{
  priv->retry_after = -1;
}

static void
brevet_ca_error_private_copy (const BrevetCaErrorPrivate *source, BrevetCaErrorPrivate *target)
{
  target->retry_after = source->retry_after;
  target->http_status = source->http_status;
  target->code = g_strdup (source->code);
  target->message = g_strdup (source->message);
  target->transaction_id = g_strdup (source->transaction_id);
}

static void
brevet_ca_error_private_clear (BrevetCaErrorPrivate *priv)
{
  g_free (priv->code);
  g_free (priv->message);
  g_free (priv->transaction_id);
}

G_DEFINE_EXTENDED_ERROR (BrevetCaError, brevet_ca_error)

BrevetCaErrorClass
brevet_ca_error_classify (const GError *error)
{
  g_return_val_if_fail (error != NULL, BREVET_CA_ERROR_CLASS_PERMANENT);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return BREVET_CA_ERROR_CLASS_AMBIGUOUS;
  if (error->domain != BREVET_CA_ERROR)
    return BREVET_CA_ERROR_CLASS_PERMANENT;

  switch ((BrevetCaError) error->code)
    {
    case BREVET_CA_ERROR_AUTH:
    case BREVET_CA_ERROR_CONFIG:
    case BREVET_CA_ERROR_PROFILE:
    case BREVET_CA_ERROR_QUOTA:
      return BREVET_CA_ERROR_CLASS_OPERATOR;

    case BREVET_CA_ERROR_RATE_LIMITED:
    case BREVET_CA_ERROR_UNAVAILABLE:
    case BREVET_CA_ERROR_TIMEOUT:
    case BREVET_CA_ERROR_PROTOCOL:
      return BREVET_CA_ERROR_CLASS_RETRYABLE;

    case BREVET_CA_ERROR_AMBIGUOUS:
    case BREVET_CA_ERROR_CONFLICT:
      return BREVET_CA_ERROR_CLASS_AMBIGUOUS;

    case BREVET_CA_ERROR_INTERNAL:
    case BREVET_CA_ERROR_INVALID_CSR:
    case BREVET_CA_ERROR_INVALID_REQUEST:
    case BREVET_CA_ERROR_POLICY:
    case BREVET_CA_ERROR_REJECTED:
    case BREVET_CA_ERROR_NEW_KEY_REQUIRED:
    case BREVET_CA_ERROR_TICKET_EXPIRED:
    case BREVET_CA_ERROR_NOT_FOUND:
    case BREVET_CA_ERROR_UNSUPPORTED:
    default:
      return BREVET_CA_ERROR_CLASS_PERMANENT;
    }
}

void
brevet_ca_error_set_retry_after (GError *error, int seconds)
{
  g_return_if_fail (error != NULL && error->domain == BREVET_CA_ERROR);
  brevet_ca_error_get_private (error)->retry_after = MAX (seconds, -1);
}

int
brevet_ca_error_get_retry_after (const GError *error)
{
  g_return_val_if_fail (error != NULL, -1);

  return error->domain == BREVET_CA_ERROR ? brevet_ca_error_get_private (error)->retry_after : -1;
}

/* What a CA wrote goes to logs and screens of operators: no control characters, and not without end. */
static char *
make_presentable (const char *text)
{
  g_autoptr(GString) presentable = NULL;
  g_autofree char *valid = NULL;

  if (text == NULL)
    return NULL;
  valid = g_utf8_make_valid (text, -1);
  presentable = g_string_new (NULL);
  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar character = g_utf8_get_char (at);

      if (!g_unichar_isprint (character))
        character = g_unichar_isspace (character) ? ' ' : '?';
      if (presentable->len + g_unichar_to_utf8 (character, NULL) > UPSTREAM_MESSAGE_MAX_SIZE)
        break;
      g_string_append_unichar (presentable, character);
    }
  return g_strdup (presentable->str);
}

void
brevet_ca_error_set_upstream (GError *error, guint http_status, const char *code, const char *message)
{
  BrevetCaErrorPrivate *priv = NULL;

  g_return_if_fail (error != NULL && error->domain == BREVET_CA_ERROR);

  priv = brevet_ca_error_get_private (error);
  g_free (priv->code);
  g_free (priv->message);
  priv->http_status = http_status;
  priv->code = make_presentable (code);
  priv->message = make_presentable (message);
}

guint
brevet_ca_error_get_http_status (const GError *error)
{
  g_return_val_if_fail (error != NULL, 0);

  return error->domain == BREVET_CA_ERROR ? brevet_ca_error_get_private (error)->http_status : 0;
}

const char *
brevet_ca_error_get_upstream_code (const GError *error)
{
  g_return_val_if_fail (error != NULL, NULL);

  return error->domain == BREVET_CA_ERROR ? brevet_ca_error_get_private (error)->code : NULL;
}

void
brevet_ca_error_set_transaction_id (GError *error, const char *transaction_id)
{
  BrevetCaErrorPrivate *priv = NULL;

  g_return_if_fail (error != NULL && error->domain == BREVET_CA_ERROR);

  priv = brevet_ca_error_get_private (error);
  g_free (priv->transaction_id);
  priv->transaction_id = make_presentable (transaction_id);
}

const char *
brevet_ca_error_get_transaction_id (const GError *error)
{
  g_return_val_if_fail (error != NULL, NULL);

  return error->domain == BREVET_CA_ERROR ? brevet_ca_error_get_private (error)->transaction_id : NULL;
}

const char *
brevet_ca_error_get_upstream_message (const GError *error)
{
  g_return_val_if_fail (error != NULL, NULL);

  return error->domain == BREVET_CA_ERROR ? brevet_ca_error_get_private (error)->message : NULL;
}
