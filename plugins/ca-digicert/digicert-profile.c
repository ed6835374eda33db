/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What DigiCert says about a profile of Trust Lifecycle Manager: whom to trust, and whether brevet can use it. */

#include "brevet-ca-digicert-private.h"

#include "digicert-trouble.h"

#include "brevet-ca-error.h"
#include "brevet-clock.h"

#define DAY 86400

static void
on_profile (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autoptr(GError) problem = NULL;
  g_autoptr(DigicertReply) reply = digicert_session_ask_finish (DIGICERT_SESSION (source), result, &error);
  DigicertProfile *profile = reply != NULL ? digicert_answer_read_profile (reply->body, &problem) : NULL;

  if (profile != NULL)
    g_task_return_pointer (task, profile, (GDestroyNotify) digicert_profile_free);
  else
    g_task_return_error (task, error != NULL ? error
                                             : digicert_trouble_new_misread (DIGICERT_VERB_READ, reply, problem->message));
}

/* The question that get_trust and check have in common. */
static void
ask_profile_async (BrevetCaDigicert *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *path = g_strconcat ("/mpki/api/v2/profile/", self->configuration->profile, NULL);
  DigicertQuestion question = { DIGICERT_VERB_READ, "GET", path, NULL, NULL, NULL };

  g_task_set_source_tag (task, ask_profile_async);
  digicert_session_ask_async (self->session, &question, cancellable, on_profile, g_steal_pointer (&task));
}

static DigicertProfile *
ask_profile_finish (BrevetCaDigicert *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* --- trust --- */

static BrevetTrustBundle *
make_trust (BrevetCaDigicert *self, DigicertProfile *profile, GError **error)
{
  g_autoptr(BrevetTrustBundle) trust = NULL;
  gboolean has_root = FALSE;

  for (guint i = 0; i < profile->issuers->len; i++)
    has_root |= brevet_certificate_is_self_issued (profile->issuers->pdata[i]);
  if (!has_root)
    {
      g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "DigiCert names no root for the profile %s; put the roots into "
                   "a PEM file and name that with the key trust", self->configuration->profile);
      return NULL;
    }
  trust = brevet_trust_bundle_new (profile->issuers);
  digicert_trust_set (self->trust, trust);
  return g_steal_pointer (&trust);
}

/* An issuer does not become untrustworthy because nobody can be asked about it just now. */
static BrevetTrustBundle *
use_known (BrevetCaDigicert *self, const GError *error)
{
  BrevetTrustBundle *known = NULL;

  if (error->domain == BREVET_CA_ERROR && brevet_ca_error_classify (error) == BREVET_CA_ERROR_CLASS_RETRYABLE)
    known = digicert_trust_get (self->trust);
  if (known != NULL)
    g_message ("What DigiCert's profile %s trusts is used as it was last known: %s", self->configuration->profile, error->message);
  return known;
}

static void
on_profile_for_trust (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetCaDigicert *self = BREVET_CA_DIGICERT (source);
  GError *error = NULL;
  g_autoptr(DigicertProfile) profile = ask_profile_finish (self, result, &error);
  BrevetTrustBundle *trust = profile != NULL ? make_trust (self, profile, &error) : use_known (self, error);

  if (trust == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_clear_error (&error);
  g_task_return_pointer (task, trust, (GDestroyNotify) brevet_trust_bundle_unref);
}

void
digicert_get_trust_async (BrevetCaBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetCaDigicert *self = BREVET_CA_DIGICERT (backend);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, digicert_get_trust_async);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (digicert_trust_is_fresh (self->trust))
    g_task_return_pointer (task, digicert_trust_get (self->trust), (GDestroyNotify) brevet_trust_bundle_unref);
  else
    ask_profile_async (self, cancellable, on_profile_for_trust, g_steal_pointer (&task));
}

BrevetTrustBundle *
digicert_get_trust_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* --- check --- */

/* The soonest end of an issuer; those that have ended are of no use any more and say nothing about the others. */
static gint64
find_end (GPtrArray *issuers, gint64 now)
{
  gint64 end = 0;

  for (guint i = 0; i < issuers->len; i++)
    {
      gint64 not_after = brevet_certificate_get_not_after (issuers->pdata[i]);

      if (not_after > now && (end == 0 || not_after < end))
        end = not_after;
    }
  return end;
}

static gboolean
differs (const char *value, const char *wanted)
{
  return value != NULL && g_ascii_strcasecmp (value, wanted) != 0;
}

/* What makes it useless, in words of an operator; NULL if nothing does. */
static char *
find_obstacle (DigicertProfile *profile)
{
  if (differs (profile->status, "Active"))
    return g_strdup_printf ("it is %s; activate it", profile->status);
  if (differs (profile->enrollment_method, "rest_api"))
    return g_strdup_printf ("its enrollment method is %s; brevet needs rest_api", profile->enrollment_method);
  if (differs (profile->authentication_method, "third_party_app"))
    return g_strdup_printf ("its authentication method is %s; brevet needs third_party_app, since nobody is there to confirm it",
                            profile->authentication_method);
  return NULL;
}

/* What works today and fails one day. */
static char *
find_risk (const DigicertConfiguration *configuration, DigicertProfile *profile)
{
  if (!profile->allows_duplicates)
    return g_strdup ("it refuses a second certificate while the first one lives, so a device that renews, or loses its key, gets "
                     "none; set its duplicate certificate policy to allow them");
  if (profile->demands != NULL)
    return g_strdup_printf ("it demands %s in the subject, and brevet sends the common name only; make them optional or fixed",
                            profile->demands);
  if (configuration->validity && !profile->allows_validity)
    return g_strdup ("it does not let requests choose the lifetime; allow it there, or remove override-validity");
  return NULL;
}

static BrevetCaHealth *
judge (BrevetCaDigicert *self, DigicertProfile *profile, gint64 now)
{
  const char *name = profile->name != NULL ? profile->name : self->configuration->profile;
  g_autofree char *obstacle = find_obstacle (profile);
  g_autofree char *risk = find_risk (self->configuration, profile);
  gint64 end = find_end (profile->issuers, now);
  g_autofree char *message = NULL;

  if (obstacle != NULL || risk != NULL)
    message = g_strdup_printf ("The DigiCert profile “%s” %s: %s", name,
                               obstacle != NULL ? "cannot be used" : "can be used, but", obstacle != NULL ? obstacle : risk);
  else if (end > 0)
    message = g_strdup_printf ("The DigiCert profile “%s” can issue; the first of its issuers ends in %" G_GINT64_FORMAT " days",
                               name, (end - now) / DAY);
  else
    message = g_strdup_printf ("The DigiCert profile “%s” can issue", name);
  if (obstacle != NULL)
    return brevet_ca_health_new (BREVET_CA_HEALTH_DOWN, message, end);
  return brevet_ca_health_new (risk != NULL ? BREVET_CA_HEALTH_DEGRADED : BREVET_CA_HEALTH_OK, message, end);
}

/* A CA that is down is a finding. */
static void
return_finding (GTask *task, BrevetCaHealth *health, GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_task_return_error (task, error);
      return;
    }
  if (error != NULL)
    health = brevet_ca_health_new (BREVET_CA_HEALTH_DOWN, error->message, 0);
  g_clear_error (&error);
  g_task_return_pointer (task, health, (GDestroyNotify) brevet_ca_health_unref);
}

static void
on_profile_for_check (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetCaDigicert *self = BREVET_CA_DIGICERT (source);
  GError *error = NULL;
  g_autoptr(DigicertProfile) profile = ask_profile_finish (self, result, &error);

  return_finding (task, profile != NULL ? judge (self, profile, brevet_clock_now_seconds ()) : NULL, error);
}

static void
on_records (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autoptr(DigicertReply) reply = digicert_session_ask_finish (DIGICERT_SESSION (source), result, &error);
  BrevetCaHealth *health = NULL;

  if (reply != NULL)
    health = brevet_ca_health_new (BREVET_CA_HEALTH_OK, "IoT Trust Manager answers and accepts the API key; whether the enrollment "
                                   "profile can issue shows when it is used", 0);
  return_finding (task, health, error);
}

/* IoT Trust Manager documents no question about profiles; one about a certificate that no CA makes shows if the key is good. */
static void
ask_iot (BrevetCaDigicert *self, GTask *task, GCancellable *cancellable)
{
  DigicertQuestion question = { DIGICERT_VERB_READ, "GET", "/iot/api/v1/certificate/", "serial_number=00", NULL, NULL };

  digicert_session_ask_async (self->session, &question, cancellable, on_records, task);
}

void
digicert_check_async (BrevetCaBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetCaDigicert *self = BREVET_CA_DIGICERT (backend);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, digicert_check_async);
  if (self->configuration->api == DIGICERT_API_IOT)
    ask_iot (self, g_steal_pointer (&task), cancellable);
  else
    ask_profile_async (self, cancellable, on_profile_for_check, g_steal_pointer (&task));
}

BrevetCaHealth *
digicert_check_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
