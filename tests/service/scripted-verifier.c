/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scripted-verifier.h"

#include "brevet-error.h"

struct _ScriptedVerifier
{
  BrevetPlugin parent_instance;
  GString *calls;
};

static void verifier_iface_init (BrevetVerifierInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ScriptedVerifier, scripted_verifier, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_VERIFIER, verifier_iface_init))

static JsonObject *
scripted_verifier_prepare (BrevetVerifier *verifier, BrevetAttestation *wanted, BrevetAttestation *stored, GError **error)
{
  return json_object_ref (brevet_attestation_get_parameters (wanted));
}

static JsonObject *
scripted_verifier_describe (BrevetVerifier *verifier, BrevetAttestation *stored)
{
  JsonObject *shown = json_object_new ();

  json_object_set_string_member (shown, "answer",
                                 json_object_get_string_member (brevet_attestation_get_parameters (stored), "answer"));
  return shown;
}

static gboolean
scripted_verifier_has_memory (BrevetVerifier *verifier)
{
  return TRUE;
}

static char **
dup_strings (BrevetAttestation *attestation, const char *member)
{
  JsonObject *parameters = brevet_attestation_get_parameters (attestation);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  JsonArray *array = json_object_has_member (parameters, member) ? json_object_get_array_member (parameters, member) : NULL;

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    g_strv_builder_add (builder, json_array_get_string_element (array, i));
  return g_strv_builder_end (builder);
}

static char **
scripted_verifier_dup_subject_keys (BrevetVerifier *verifier, BrevetAttestation *attestation)
{
  return dup_strings (attestation, "subjects");
}

static char **
scripted_verifier_dup_references (BrevetVerifier *verifier, BrevetAttestation *attestation)
{
  return dup_strings (attestation, "references");
}

static BrevetVerdict *
count (BrevetAttestation *attestation)
{
  JsonObject *known = brevet_attestation_get_memory (attestation);
  gint64 number = 1 + (known != NULL ? json_object_get_int_member (known, "number") : 0);
  g_autoptr(JsonObject) memory = json_object_new ();
  BrevetVerdict *verdict;

  json_object_set_int_member (memory, "number", number);
  verdict = brevet_verdict_new_challenge (memory);
  brevet_verdict_set_memory (verdict, memory);
  return verdict;
}

static BrevetVerdict *
judge (BrevetAttestation *attestation, const char *answer, GError **error)
{
  g_auto(GStrv) references = dup_strings (attestation, "references");

  if (g_str_equal (answer, "remember"))
    return count (attestation);
  if (g_str_equal (answer, "accept") ||
      (g_str_equal (answer, "refers") && brevet_attestation_get_certificate (attestation, references[0]) != NULL))
    return brevet_verdict_new_accepted ("a scripted credential", NULL);
  g_set_error (error, BREVET_ERROR, g_str_equal (answer, "refuse") ? BREVET_ERROR_REJECTED : BREVET_ERROR_NOT_FOUND,
               "the script says %s", answer);
  return NULL;
}

static void
scripted_verifier_verify_async (BrevetVerifier *verifier, BrevetAttestation *attestation, BrevetClaims *claims,
                                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ScriptedVerifier *self = SCRIPTED_VERIFIER (verifier);
  g_autoptr(GTask) task = g_task_new (verifier, cancellable, callback, user_data);
  JsonObject *parameters = brevet_attestation_get_parameters (attestation);
  const char *answer = json_object_get_string_member (parameters, "answer");
  const char *label = json_object_get_string_member_with_default (parameters, "label", answer);
  GError *error = NULL;
  BrevetVerdict *verdict = judge (attestation, answer, &error);

  g_string_append_printf (self->calls, "%s%s", self->calls->len > 0 ? "," : "", label);
  if (verdict != NULL)
    g_task_return_pointer (task, verdict, (GDestroyNotify) brevet_verdict_unref);
  else
    g_task_return_error (task, error);
}

static BrevetVerdict *
scripted_verifier_verify_finish (BrevetVerifier *verifier, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
verifier_iface_init (BrevetVerifierInterface *iface)
{
  iface->prepare = scripted_verifier_prepare;
  iface->describe = scripted_verifier_describe;
  iface->has_memory = scripted_verifier_has_memory;
  iface->dup_subject_keys = scripted_verifier_dup_subject_keys;
  iface->dup_references = scripted_verifier_dup_references;
  iface->verify_async = scripted_verifier_verify_async;
  iface->verify_finish = scripted_verifier_verify_finish;
}

static void
scripted_verifier_finalize (GObject *object)
{
  g_string_free (SCRIPTED_VERIFIER (object)->calls, TRUE);
  G_OBJECT_CLASS (scripted_verifier_parent_class)->finalize (object);
}

static void
scripted_verifier_class_init (ScriptedVerifierClass *class)
{
  G_OBJECT_CLASS (class)->finalize = scripted_verifier_finalize;
}

static void
scripted_verifier_init (ScriptedVerifier *self)
{
  self->calls = g_string_new (NULL);
}

ScriptedVerifier *
scripted_verifier_new (void)
{
  return g_object_new (TYPE_SCRIPTED_VERIFIER, "name", "scripted", NULL);
}

char *
scripted_verifier_take_calls (ScriptedVerifier *self)
{
  char *calls = g_strdup (self->calls->str);

  g_string_truncate (self->calls, 0);
  return calls;
}
