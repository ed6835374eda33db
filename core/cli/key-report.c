/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-report.h"

#include "brevet-certificate.h"
#include "brevet-chain.h"
#include "brevet-clock.h"
#include "output-text.h"

#include <glib/gi18n-lib.h>

static const char *
get_text (JsonObject *object, const char *member)
{
  return json_object_get_string_member_with_default (object, member, "");
}

static gboolean
is_set (JsonObject *object, const char *member)
{
  return json_object_get_boolean_member_with_default (object, member, FALSE);
}

static JsonObject *
get_object (JsonObject *object, const char *member)
{
  return json_object_has_member (object, member) ? json_object_get_object_member (object, member) : NULL;
}

static void
add_module (BrevetOutputTable *table, JsonObject *module)
{
  g_autofree char *what = g_strdup_printf (_("%s, version %s, by %s"), get_text (module, "description"),
                                           get_text (module, "version"), get_text (module, "manufacturer"));

  brevet_output_table_add (table, _("Module"), what);
  brevet_output_table_add (table, "", get_text (module, "path"));
}

static void
add_flag (GPtrArray *words, JsonObject *token, const char *member, const char *word)
{
  if (is_set (token, member))
    g_ptr_array_add (words, (gpointer) word);
}

static void
add_token (BrevetOutputTable *table, JsonObject *token)
{
  g_autoptr(GPtrArray) words = g_ptr_array_new ();
  g_autofree char *slot = g_strdup_printf ("%" G_GINT64_FORMAT, json_object_get_int_member_with_default (token, "slot", 0));
  g_autofree char *make = g_strdup_printf (_("%s by %s"), get_text (token, "model"), get_text (token, "manufacturer"));

  g_ptr_array_add (words, is_set (token, "initialized") ? _("initialised") : _("not initialised"));
  if (!is_set (token, "pinInitialized"))
    g_ptr_array_add (words, _("no PIN is set"));
  add_flag (words, token, "loginRequired", _("needs a PIN"));
  add_flag (words, token, "pinPad", _("asks for the PIN itself"));
  add_flag (words, token, "pinCountLow", _("few tries are left"));
  add_flag (words, token, "pinFinalTry", _("one try is left"));
  add_flag (words, token, "pinLocked", _("the PIN is locked"));
  add_flag (words, token, "errorState", _("in an error state"));
  g_ptr_array_add (words, NULL);

  brevet_output_table_add (table, _("Token"), get_text (token, "label"));
  brevet_output_table_add (table, _("Make"), make);
  brevet_output_table_add (table, _("Serial number"), get_text (token, "serialNumber"));
  brevet_output_table_add (table, _("Slot"), slot);
  brevet_output_table_add_list (table, _("State"), (const char *const *) words->pdata);
}

static void
add_mechanisms (BrevetOutputTable *table, JsonArray *mechanisms)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < json_array_get_length (mechanisms); i++)
    {
      JsonObject *mechanism = json_array_get_object_element (mechanisms, i);

      g_ptr_array_add (lines, g_strdup_printf (_("%s, %d to %d bits"), get_text (mechanism, "name"),
                                               (int) json_object_get_int_member (mechanism, "minimum"),
                                               (int) json_object_get_int_member (mechanism, "maximum")));
    }
  g_ptr_array_add (lines, NULL);
  brevet_output_table_add_list (table, _("Mechanisms"), (const char *const *) lines->pdata);
}

static void
add_names (BrevetOutputTable *table, JsonArray *names)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new ();

  for (guint i = 0; i < json_array_get_length (names); i++)
    g_ptr_array_add (lines, (gpointer) json_array_get_string_element (names, i));
  if (lines->len == 0)
    g_ptr_array_add (lines, _("none"));
  g_ptr_array_add (lines, NULL);
  brevet_output_table_add_list (table, _("Keys"), (const char *const *) lines->pdata);
}

static void
add_file (BrevetOutputTable *table, JsonObject *facts)
{
  brevet_output_table_add (table, _("File"), get_text (facts, "file"));
  brevet_output_table_add (table, _("Mode"), get_text (facts, "mode"));
  if (json_object_has_member (facts, "encrypted"))
    brevet_output_table_add (table, _("Encrypted"), is_set (facts, "encrypted") ? _("yes") : _("no"));
}

static void
add_certificates (BrevetOutputTable *table, JsonArray *certificates)
{
  for (guint i = 0; i < json_array_get_length (certificates); i++)
    {
      g_autoptr(BrevetChain) chain = brevet_chain_new_from_pem (json_array_get_string_element (certificates, i), NULL);
      BrevetCertificate *certificate = chain != NULL ? brevet_chain_get_leaf (chain) : NULL;
      g_autofree char *end = NULL;

      if (certificate == NULL)
        continue;
      end = brevet_output_describe_time (brevet_certificate_get_not_after (certificate), brevet_clock_now_seconds ());
      brevet_output_table_add (table, _("Certificate"), brevet_certificate_get_subject (certificate));
      brevet_output_table_add (table, _("Expires"), end);
    }
}

static const char *
describe_protection (JsonObject *key)
{
  if (is_set (key, "neverExtractable"))
    return _("has never been outside of the token, and cannot be taken out");
  if (is_set (key, "extractable"))
    return _("CAN be taken out of the token");
  return is_set (key, "sensitive") ? _("cannot be taken out of the token") : _("the token does not hide it");
}

static void
add_key (BrevetOutputTable *table, JsonObject *key)
{
  gint64 count = json_object_get_int_member_with_default (key, "count", 1);

  brevet_output_table_add (table, _("Key"), get_text (key, "label"));
  brevet_output_table_add (table, _("Id"), get_text (key, "id"));
  brevet_output_table_add (table, _("Type"), get_text (key, "type"));
  if (json_object_has_member (key, "sensitive"))
    brevet_output_table_add (table, _("Protection"), describe_protection (key));
  if (count > 1)
    brevet_output_table_add (table, "", _("several keys have this name; which of them is used is chance"));
  brevet_output_table_add (table, _("Public key SHA-256"), get_text (key, "spkiSha256"));
  if (json_object_has_member (key, "certificates"))
    add_certificates (table, json_object_get_array_member (key, "certificates"));
}

static void
add_times (BrevetOutputTable *table, JsonObject *facts)
{
  g_autofree char *generation = NULL, *signature = NULL;

  if (json_object_has_member (facts, "generationMilliseconds"))
    generation = g_strdup_printf (_("made in %.1f ms, and deleted again"),
                                  json_object_get_double_member (facts, "generationMilliseconds"));
  if (json_object_has_member (facts, "signatureMilliseconds"))
    signature = g_strdup_printf (_("made and verified in %.1f ms"),
                                 json_object_get_double_member (facts, "signatureMilliseconds"));
  brevet_output_table_add (table, _("New key"), generation);
  brevet_output_table_add (table, _("Signature"), signature);
}

void
brevet_key_report_print (JsonObject *facts)
{
  g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();
  JsonObject *key = get_object (facts, "key");

  if (json_object_has_member (facts, "file"))
    add_file (table, facts);
  if (get_object (facts, "module") != NULL)
    {
      add_module (table, get_object (facts, "module"));
      add_token (table, get_object (facts, "token"));
      add_mechanisms (table, json_object_get_array_member (facts, "mechanisms"));
      brevet_output_table_add (table, _("Login"), is_set (facts, "loggedIn") ? _("worked") : _("failed"));
    }
  if (json_object_has_member (facts, "keys"))
    add_names (table, json_object_get_array_member (facts, "keys"));
  if (key != NULL)
    add_key (table, key);
  add_times (table, facts);
  if (json_object_has_member (facts, "matchingCertificate"))
    brevet_output_table_add (table, _("Belongs to"), get_text (facts, "matchingCertificate"));
  brevet_output_table_print (table);
}
