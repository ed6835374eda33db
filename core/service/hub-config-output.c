/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub-config-output.h"

#include "brevet-command.h"
#include "brevet-error.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
  const char *name;
  char *(*render) (const BrevetHubConfig *self);
  BrevetHubChange (*change) (const BrevetHubConfig *self);
} File;

static BrevetHubChange
needs_restart (const BrevetHubConfig *self)
{
  return BREVET_HUB_CHANGE_RESTART;
}

static BrevetHubChange
needs_reload (const BrevetHubConfig *self)
{
  return BREVET_HUB_CHANGE_RELOAD;
}

/* On SIGHUP mosquitto begins its TLS anew where there are revocation lists, and only there. */
static BrevetHubChange
needs_new_trust (const BrevetHubConfig *self)
{
  return brevet_hub_trust_is_revocable (self->trust) ? BREVET_HUB_CHANGE_RELOAD : BREVET_HUB_CHANGE_RESTART;
}

/* In the order of writing: whoever reads the last one finds what it names. */
static const File files[] = {
  { BREVET_HUB_CONFIG_TRUST, brevet_hub_config_render_trust, needs_new_trust },
  { BREVET_HUB_CONFIG_ACCESS_LIST, brevet_hub_config_render_access_list, needs_reload },
  { BREVET_HUB_CONFIG_LISTS, brevet_hub_config_render_lists, needs_reload },
  { BREVET_HUB_CONFIG_MAIN, brevet_hub_config_render_main, needs_restart },
};

static gboolean
make_directory (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0755) == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "Cannot make the directory %s: %s", path, g_strerror (errno));
  return FALSE;
}

static gboolean
write_file (const BrevetHubConfig *self, const File *file, BrevetHubChange *change, GError **error)
{
  g_autofree char *path = g_build_filename (self->directory, file->name, NULL);
  g_autofree char *text = file->render (self);
  g_autofree char *present = NULL;

  if (text == NULL || (g_file_get_contents (path, &present, NULL, NULL) && strcmp (present, text) == 0))
    return TRUE;
  *change = MAX (*change, file->change (self));
  return g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644, error);
}

gboolean
brevet_hub_config_write (const BrevetHubConfig *self, BrevetHubChange *change, GError **error)
{
  g_autofree char *local = g_build_filename (self->directory, BREVET_HUB_CONFIG_LOCAL, NULL);
  gboolean written = TRUE;
  mode_t mask;

  *change = BREVET_HUB_CHANGE_NONE;
  /* The broker reads them as a user of its own, and there is no secret in them. */
  mask = umask (S_IWGRP | S_IWOTH);
  written = make_directory (local, error);
  for (guint i = 0; i < G_N_ELEMENTS (files) && written; i++)
    written = write_file (self, &files[i], change, error);
  umask (mask);
  return written;
}

static char *
format_time (gint64 seconds)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc (seconds);

  return g_date_time_format (date, "%F %T UTC");
}

/* @more: (nullable) */
static void
add_strings (JsonBuilder *builder, const char *member, GPtrArray *values, GPtrArray *more)
{
  json_builder_set_member_name (builder, member);
  json_builder_begin_array (builder);
  for (guint i = 0; i < values->len; i++)
    json_builder_add_string_value (builder, g_ptr_array_index (values, i));
  for (guint i = 0; more != NULL && i < more->len; i++)
    json_builder_add_string_value (builder, g_ptr_array_index (more, i));
  json_builder_end_array (builder);
}

static void
add_files (JsonBuilder *builder, const BrevetHubConfig *self, gboolean with_contents)
{
  json_builder_set_member_name (builder, "files");
  json_builder_begin_object (builder);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (self->directory, files[i].name, NULL);
      g_autofree char *text = files[i].render (self);

      if (text == NULL)
        continue;
      json_builder_set_member_name (builder, files[i].name);
      json_builder_add_string_value (builder, with_contents ? text : path);
    }
  json_builder_end_object (builder);
}

static void
add_lists (JsonBuilder *builder, const BrevetHubTrust *trust)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc (trust->next_update);
  g_autofree char *next_update = g_date_time_format_iso8601 (date);

  if (!brevet_hub_trust_is_revocable (trust))
    return;
  json_builder_set_member_name (builder, "revoked");
  json_builder_add_int_value (builder, trust->revoked);
  json_builder_set_member_name (builder, "nextUpdate");
  json_builder_add_string_value (builder, next_update);
}

static void
print_json (const BrevetHubConfig *self, const char *change, gboolean with_contents)
{
  g_autoptr(JsonBuilder) builder = json_builder_new ();
  g_autoptr(JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "directory");
  json_builder_add_string_value (builder, self->directory);
  add_files (builder, self, with_contents);
  if (change != NULL)
    {
      json_builder_set_member_name (builder, "brokerMust");
      json_builder_add_string_value (builder, change);
    }
  add_strings (builder, "certificateAuthorities", self->trust->authorities, NULL);
  add_strings (builder, "withoutTrust", self->trust->without_trust, NULL);
  add_strings (builder, "withoutRevocationList", self->trust->without_list, self->trust->earlier_without_list);
  add_strings (builder, "fromStore", self->trust->stored, NULL);
  add_strings (builder, "leftOut", self->trust->left_out, NULL);
  add_strings (builder, "earlier", self->trust->earlier, NULL);
  add_lists (builder, self->trust);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, TRUE);
  g_print ("%s\n", text);
}

static void
print_lists (const BrevetHubTrust *trust)
{
  g_autofree char *end = format_time (trust->next_update);

  if (!brevet_hub_trust_is_revocable (trust))
    return;
  g_print ("  * ");
  g_print (g_dngettext (GETTEXT_PACKAGE, "The revocation list names %u certificate", "The revocation list names %u certificates",
                        trust->revoked),
           trust->revoked);
  g_print ("\n  * ");
  g_print (_("After %s the hub refuses every device: repeat this command before, at best every day, and reload mosquitto"), end);
  g_print ("\n");
}

void
brevet_hub_config_print_written (const BrevetHubConfig *self, BrevetHubChange change, gboolean json)
{
  static const char *const words[] = { "nothing", "reload", "restart" };
  g_autofree char *names = g_strjoinv (", ", (char **) (const char *const[]){ files[3].name, files[0].name, files[1].name,
                                       brevet_hub_trust_is_revocable (self->trust) ? files[2].name : NULL, NULL });

  if (json)
    {
      print_json (self, words[change], FALSE);
      return;
    }
  g_print (_("%s is ready: %s"), self->directory, names);
  g_print ("\n\n%s\n", _("What to do next:"));
  if (change == BREVET_HUB_CHANGE_RESTART)
    {
      g_print ("  * ");
      g_print (_("Start the hub, or start it again: mosquitto -c %s/%s"), self->directory, BREVET_HUB_CONFIG_MAIN);
      g_print ("\n");
    }
  else if (change == BREVET_HUB_CHANGE_RELOAD)
    g_print ("  * %s\n", _("Let a running hub read its files again: systemctl reload mosquitto, or send it SIGHUP"));
  else
    g_print ("  * %s\n", _("Nothing: all files are as they were"));
  print_lists (self->trust);
}

void
brevet_hub_config_print (const BrevetHubConfig *self, gboolean json)
{
  g_autofree char *text = brevet_hub_config_render_all (self);

  if (json)
    print_json (self, NULL, TRUE);
  else
    g_print ("%s", text);
}

static void
warn_about (GPtrArray *names, const char *format)
{
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *name = brevet_command_make_printable (g_ptr_array_index (names, i));
      g_auto(GStrv) parts = g_strsplit (format, "%s", 2);

      g_printerr ("brevet-dps: %s%s%s\n", parts[0], name, parts[1] != NULL ? parts[1] : "");
    }
}

static void
warn_about_lists (const BrevetHubTrust *trust)
{
  if (brevet_hub_trust_is_revocable (trust))
    {
      warn_about (trust->without_list, _("The certificate authority “%s” publishes no revocation list; the hub refuses its "
                                         "devices"));
      warn_about (trust->earlier_without_list, _("What “%s” stood for earlier gives no revocation list any more; the hub refuses "
                                                 "the devices that still have its certificates"));
      warn_about (trust->uncovered, _("There are certificates of “%s” in use, but no revocation list; the hub refuses them. Keep a "
                                      "group [ca NAME] for this issuer until they have ended"));
      return;
    }
  warn_about (trust->without_list, _("The certificate authority “%s” publishes no revocation list; without it the hub can use "
                                     "none, and accepts revoked certificates. To refuse its devices instead, add --require-lists"));
  warn_about (trust->earlier_without_list, _("What “%s” stood for earlier gives no revocation list any more; without it the hub "
                                             "can use none, and accepts revoked certificates. Bring its key back, or add "
                                             "--require-lists to refuse the devices that still have its certificates"));
}

void
brevet_hub_config_warn (const BrevetHubConfig *self)
{
  const BrevetHubTrust *trust = self->trust;

  warn_about (trust->without_trust, _("The certificate authority “%s” does not say what is to be trusted; the hub refuses its "
                                      "devices unless another one shares its root"));
  warn_about (trust->stored, _("The certificate authority “%s” does not answer; what it said last is used"));
  warn_about (trust->left_out, _("The certificate authority “%s” does not answer and no device uses it; the hub refuses its "
                                 "devices until this command has run again"));
  warn_about_lists (trust);
}
