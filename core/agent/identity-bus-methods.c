/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-bus-methods.h"

#include "brevet-error.h"

#include <unistd.h>

/* A call that asks for an attempt. */
typedef struct {
  BrevetIdentityBus *bus;
  GDBusMethodInvocation *invocation; /* NULL once it is answered */
  guint begun;                       /* source id, if the caller does not wait for the end */
} Request;

/* A call that may be a use of the generation that was answered with. */
typedef struct {
  BrevetIdentity *identity;
  guint64 number;
} Use;

void
brevet_identity_bus_return_error (GDBusMethodInvocation *invocation, const GError *error)
{
  int code = error->domain == BREVET_ERROR ? error->code : BREVET_ERROR_FAILED;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_dbus_method_invocation_return_error (invocation, BREVET_ERROR, code, "This was ended before there was a result: %s",
                                           error->message);
  else
    g_dbus_method_invocation_return_error_literal (invocation, BREVET_ERROR, code, error->message);
}

static gboolean
parse_option (const char *name, GVariant *value, gboolean *wait, GError **error)
{
  if (!g_str_equal (name, "wait"))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "There is no option “%s”; there is: wait", name);
  else if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The option “wait” has type %s; it needs a boolean (b)",
                 g_variant_get_type_string (value));
  else
    {
      *wait = g_variant_get_boolean (value);
      return TRUE;
    }
  return FALSE;
}

static gboolean
parse_options (GVariant *options, gboolean *wait, GError **error)
{
  GVariantIter iter;
  const char *name = NULL;
  GVariant *value = NULL;
  gboolean fine = TRUE;

  *wait = TRUE;
  g_variant_iter_init (&iter, options);
  while (fine && g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      fine = parse_option (name, value, wait, error);
      g_variant_unref (value);
    }
  return fine;
}

static void
answer (Request *request, const GError *error)
{
  GDBusMethodInvocation *invocation = g_steal_pointer (&request->invocation);

  if (invocation == NULL)
    return;
  if (error != NULL)
    brevet_identity_bus_return_error (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation, NULL);
}

static gboolean
on_begun (gpointer user_data)
{
  Request *request = user_data;

  request->begun = 0;
  answer (request, NULL);
  return G_SOURCE_REMOVE;
}

static void
on_acted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Request *request = user_data;
  g_autoptr(GError) error = NULL;

  brevet_identity_act_finish (BREVET_IDENTITY (source), result, &error);
  brevet_identity_bus_flush (request->bus);
  g_clear_handle_id (&request->begun, g_source_remove);
  answer (request, error);
  g_object_unref (request->bus);
  g_free (request);
}

/* A caller that does not wait is answered in the next turn of the main loop, however much there is to do, but behind an answer that
 * is there at once: what can be known without an attempt is an error of the call, all the rest is told by signals. */
static gboolean
act (BrevetIdentityBus *self, GDBusMethodInvocation *invocation, GVariant *options, BrevetIdentityAction action)
{
  g_autoptr(GError) error = NULL;
  gboolean wait = TRUE;
  Request *request;

  if (!parse_options (options, &wait, &error))
    {
      brevet_identity_bus_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }
  request = g_new0 (Request, 1);
  request->bus = g_object_ref (self);
  request->invocation = invocation;
  brevet_identity_act_async (brevet_identity_bus_get_identity (self), action, NULL, on_acted, request);
  if (!wait)
    request->begun = g_idle_add_full (G_PRIORITY_DEFAULT, on_begun, request, NULL);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_provision (BrevetIdentityBus *self, GDBusMethodInvocation *invocation, GVariant *options)
{
  return act (self, invocation, options, BREVET_IDENTITY_PROVISION);
}

static gboolean
on_renew (BrevetIdentityBus *self, GDBusMethodInvocation *invocation, GVariant *options)
{
  return act (self, invocation, options, BREVET_IDENTITY_RENEW);
}

static gboolean
on_reprovision (BrevetIdentityBus *self, GDBusMethodInvocation *invocation, GVariant *options)
{
  return act (self, invocation, options, BREVET_IDENTITY_REPROVISION);
}

static gboolean
on_cancel (BrevetIdentityBus *self, GDBusMethodInvocation *invocation)
{
  brevet_identity_cancel (brevet_identity_bus_get_identity (self));
  g_dbus_method_invocation_return_value (invocation, NULL);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

/* An identity is used with its key, which root and the agent's own user can read, and nobody else. */
static void
on_caller_known (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Use *use = user_data;
  g_autoptr(BrevetIdentity) identity = use->identity;
  g_autoptr(GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);
  BrevetGeneration *current = brevet_identity_get_current (identity);
  guint32 user = 0;

  /* A caller who has gone, or another generation since. */
  if (reply == NULL || current == NULL || current->number != use->number)
    return;
  g_variant_get (reply, "(u)", &user);
  if (user == 0 || user == getuid ())
    brevet_identity_mark_used (identity);
}

/* The previous generation is kept until this one was used. Everyone may ask for the certificate, but not everyone may end that. */
static void
note_use (BrevetIdentity *identity, GDBusConnection *connection, const char *sender)
{
  BrevetGeneration *current = brevet_identity_get_current (identity);
  Use *use;

  if (sender == NULL || (current->used && brevet_identity_get_previous (identity) == NULL))
    return;
  use = g_new0 (Use, 1);
  use->identity = g_object_ref (identity);
  use->number = current->number;
  g_dbus_connection_call (connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                          "GetConnectionUnixUser", g_variant_new ("(s)", sender), G_VARIANT_TYPE ("(u)"), G_DBUS_CALL_FLAGS_NONE,
                          -1, NULL, on_caller_known, use);
}

static gboolean
return_missing (GDBusMethodInvocation *invocation, BrevetIdentity *identity, const char *missing)
{
  g_dbus_method_invocation_return_error (invocation, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "The identity “%s” has no %s",
                                         brevet_identity_get_config (identity)->name, missing);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
return_pem (GDBusMethodInvocation *invocation, const char *pem)
{
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(s)", pem));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_get_certificate (BrevetIdentityBus *self, GDBusMethodInvocation *invocation)
{
  BrevetIdentity *identity = brevet_identity_bus_get_identity (self);
  BrevetGeneration *current = brevet_identity_get_current (identity);
  g_autofree char *pem = current != NULL && current->chain != NULL ? brevet_chain_to_pem (current->chain) : NULL;

  if (pem == NULL)
    return return_missing (invocation, identity, "certificate");
  note_use (identity, g_dbus_method_invocation_get_connection (invocation), g_dbus_method_invocation_get_sender (invocation));
  return return_pem (invocation, pem);
}

static gboolean
on_get_trust_bundle (BrevetIdentityBus *self, GDBusMethodInvocation *invocation)
{
  BrevetIdentity *identity = brevet_identity_bus_get_identity (self);
  BrevetGeneration *current = brevet_identity_get_current (identity);
  BrevetTrustBundle *bundle = current != NULL ? current->trust_bundle : NULL;
  g_autofree char *pem = bundle != NULL ? brevet_trust_bundle_to_pem (bundle) : NULL;

  return pem != NULL ? return_pem (invocation, pem) : return_missing (invocation, identity, "trust bundle");
}

void
brevet_identity_bus_connect_methods (BrevetIdentityBus *self, BrevetBusAgent1Identity *interface)
{
  g_signal_connect_swapped (interface, "handle-provision", G_CALLBACK (on_provision), self);
  g_signal_connect_swapped (interface, "handle-renew", G_CALLBACK (on_renew), self);
  g_signal_connect_swapped (interface, "handle-reprovision", G_CALLBACK (on_reprovision), self);
  g_signal_connect_swapped (interface, "handle-cancel", G_CALLBACK (on_cancel), self);
  g_signal_connect_swapped (interface, "handle-get-certificate", G_CALLBACK (on_get_certificate), self);
  g_signal_connect_swapped (interface, "handle-get-trust-bundle", G_CALLBACK (on_get_trust_bundle), self);
}
