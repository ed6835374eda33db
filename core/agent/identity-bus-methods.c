/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-bus-methods.h"

#include "brevet-error.h"

/* A call that asks for an attempt. */
typedef struct {
  BrevetIdentityBus *bus;
  GDBusMethodInvocation *invocation; /* NULL once it is answered */
  guint begun;                       /* source id, if the caller does not wait for the end */
} Request;

void
brevet_identity_bus_return_error (GDBusMethodInvocation *invocation, const GError *error)
{
  int code = error->domain == BREVET_ERROR ? error->code : BREVET_ERROR_FAILED;

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

/* A caller that does not wait is answered when the main loop comes to rest, so that it still hears what is wrong at once. */
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
  if (!wait)
    request->begun = g_idle_add (on_begun, request);
  brevet_identity_act_async (brevet_identity_bus_get_identity (self), action, NULL, on_acted, request);
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

/* @pem: (transfer full) (nullable) */
static gboolean
return_pem (BrevetIdentityBus *self, GDBusMethodInvocation *invocation, char *pem, const char *missing)
{
  BrevetIdentity *identity = brevet_identity_bus_get_identity (self);

  if (pem == NULL)
    g_dbus_method_invocation_return_error (invocation, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "The identity “%s” has no %s",
                                           brevet_identity_get_config (identity)->name, missing);
  else
    {
      g_dbus_method_invocation_return_value (invocation, g_variant_new ("(s)", pem));
      brevet_identity_mark_used (identity);
    }
  g_free (pem);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_get_certificate (BrevetIdentityBus *self, GDBusMethodInvocation *invocation)
{
  BrevetGeneration *current = brevet_identity_get_current (brevet_identity_bus_get_identity (self));
  BrevetChain *chain = current != NULL ? current->chain : NULL;

  return return_pem (self, invocation, chain != NULL ? brevet_chain_to_pem (chain) : NULL, "certificate");
}

static gboolean
on_get_trust_bundle (BrevetIdentityBus *self, GDBusMethodInvocation *invocation)
{
  BrevetGeneration *current = brevet_identity_get_current (brevet_identity_bus_get_identity (self));
  BrevetTrustBundle *bundle = current != NULL ? current->trust_bundle : NULL;

  return return_pem (self, invocation, bundle != NULL ? brevet_trust_bundle_to_pem (bundle) : NULL, "trust bundle");
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
