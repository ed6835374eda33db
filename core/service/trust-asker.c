/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust-asker.h"

#include "brevet-clock.h"
#include "brevet-identifier.h"
#include "brevet-time-limit.h"
#include "service-chores.h"
#include "trust-bundle-follow.h"

/* Roots seldom change. */
#define REFRESH (600 * G_USEC_PER_SEC)
#define RETRY   (60 * G_USEC_PER_SEC)

/* For the turn and the answer together: one that says nothing must not keep others from their turns for ever. */
#define LIMIT_MILLISECONDS (60 * 1000)

struct _BrevetTrustAsker
{
  GHashTable *answers; /* folded name → BrevetTrustAnswer */
  GHashTable *asked;   /* folded name → Asked */
};

/* When one was asked. */
typedef struct {
  char *identity; /* which CA that was; NULL if none was reached */
  GWeakRef backend; /* what was asked: other settings after a reload may say something else */
  gint64 due;     /* when to ask that again, by the clock that never jumps */
  gboolean is_asked;
} Asked;

/* A question on its way. */
typedef struct {
  BrevetTrustAsker *asker;
  BrevetServiceContext *context;
  BrevetServiceChores *held; /* the job that asks does not wait for the answer */
  const char *chore;
  char *key;
  GCancellable *cancellable;
  BrevetTimeLimit *limit; /* NULL until the CA is known */
  BrevetAuthority *authority;
  BrevetAuthorityTurn *turn;
} Question;

static void
answer_free (gpointer data)
{
  BrevetTrustAnswer *answer = data;

  g_free (answer->identity);
  brevet_trust_bundle_unref (answer->trust);
  g_free (answer);
}

static void
asked_free (gpointer data)
{
  Asked *asked = data;

  g_weak_ref_clear (&asked->backend);
  g_free (asked->identity);
  g_free (asked);
}

BrevetTrustAsker *
brevet_trust_asker_new (void)
{
  BrevetTrustAsker *self = g_atomic_rc_box_new0 (BrevetTrustAsker);

  self->answers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, answer_free);
  self->asked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, asked_free);
  return self;
}

BrevetTrustAsker *
brevet_trust_asker_ref (BrevetTrustAsker *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
asker_clear (gpointer data)
{
  BrevetTrustAsker *self = data;

  g_hash_table_unref (self->answers);
  g_hash_table_unref (self->asked);
}

void
brevet_trust_asker_unref (BrevetTrustAsker *self)
{
  g_atomic_rc_box_release_full (self, asker_clear);
}

static void
question_free (Question *question)
{
  brevet_trust_asker_unref (question->asker);
  g_clear_pointer (&question->authority, brevet_authority_unref);
  g_clear_pointer (&question->limit, brevet_time_limit_free);
  g_clear_object (&question->cancellable);
  g_free (question->key);
  brevet_service_context_unref (question->context);
  brevet_service_chores_release (question->held);
  g_free (question);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Question, question_free)

static Asked *
look_up (BrevetTrustAsker *self, const char *key)
{
  Asked *asked = g_hash_table_lookup (self->asked, key);

  if (asked != NULL)
    return asked;
  asked = g_new0 (Asked, 1);
  g_weak_ref_init (&asked->backend, NULL);
  g_hash_table_insert (self->asked, g_strdup (key), asked);
  return asked;
}

static void
note_end (Question *question, gint64 pause)
{
  Asked *asked = look_up (question->asker, question->key);

  asked->is_asked = FALSE;
  asked->due = brevet_clock_monotonic () + pause;
  if (question->authority != NULL)
    {
      g_free (asked->identity);
      asked->identity = g_strdup (question->authority->identity);
      g_weak_ref_set (&asked->backend, question->authority->backend);
    }
}

/* Whatever a CA cannot tell, or not now, stays as it is: the log says it where the CA is checked. */
static void
note_failure (Question *question, const GError *error)
{
  note_end (question, RETRY);
  g_debug ("The certificate authority “%s” does not say what is to be trusted: %s", question->key, error->message);
}

static gboolean
is_news (Question *question, BrevetTrustBundle *trust)
{
  const BrevetTrustAnswer *known = g_hash_table_lookup (question->asker->answers, question->key);

  return known == NULL || g_strcmp0 (known->identity, question->authority->identity) != 0 ||
         g_strcmp0 (brevet_trust_bundle_get_etag (known->trust), brevet_trust_bundle_get_etag (trust)) != 0;
}

static void
on_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Question) question = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetTrustBundle) trust = brevet_ca_backend_get_trust_finish (BREVET_CA_BACKEND (source), result, &error);
  BrevetTrustAnswer *answer;

  brevet_authority_turn_end (question->turn, error);
  if (trust == NULL)
    {
      note_failure (question, error);
      return;
    }
  note_end (question, REFRESH);
  brevet_authority_pool_note_trust (question->context->authorities, question->authority, trust, question->context->chores);
  if (!is_news (question, trust))
    return;
  answer = g_new0 (BrevetTrustAnswer, 1);
  answer->identity = g_strdup (question->authority->identity);
  answer->trust = g_steal_pointer (&trust);
  g_hash_table_replace (question->asker->answers, g_strdup (question->key), answer);
  brevet_service_chores_poke (question->context->chores, question->chore);
}

static void
on_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Question) question = user_data;
  g_autoptr(GError) error = NULL;
  BrevetCaBackend *backend = question->authority->backend;
  GCancellable *cancellable = brevet_time_limit_get_cancellable (question->limit);

  question->turn = brevet_authority_traffic_enter_finish (result, &error);
  if (question->turn == NULL)
    note_failure (question, error);
  else
    brevet_ca_backend_get_trust_async (backend, cancellable, on_answered, g_steal_pointer (&question));
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Question) question = user_data;
  g_autoptr(GError) error = NULL;
  Asked *asked = look_up (question->asker, question->key);
  GCancellable *cancellable;
  BrevetAuthorityTraffic *traffic;
  g_autoptr(GObject) backend = NULL;

  question->authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &error);
  if (question->authority == NULL)
    {
      note_failure (question, error);
      return;
    }
  backend = g_weak_ref_get (&asked->backend);
  /* Another CA under the same name is asked at once, and so is the same one with other settings: it may publish another root. */
  if (backend == G_OBJECT (question->authority->backend) && g_strcmp0 (asked->identity, question->authority->identity) == 0 &&
      asked->due > brevet_clock_monotonic ())
    {
      asked->is_asked = FALSE;
      return;
    }
  question->limit = brevet_time_limit_new (NULL, LIMIT_MILLISECONDS, question->cancellable);
  cancellable = brevet_time_limit_get_cancellable (question->limit);
  traffic = question->authority->traffic;
  brevet_authority_traffic_enter_async (traffic, BREVET_AUTHORITY_PRIORITY_BACKGROUND, cancellable, on_entered,
                                        g_steal_pointer (&question));
}

void
brevet_trust_asker_ask (BrevetTrustAsker *self, BrevetServiceContext *context, const char *name, const char *chore,
                        GCancellable *cancellable)
{
  g_autofree char *key = brevet_identifier_fold (name);
  Asked *asked = look_up (self, key);
  Question *question;

  if (asked->is_asked)
    return;
  asked->is_asked = TRUE;
  question = g_new0 (Question, 1);
  question->asker = brevet_trust_asker_ref (self);
  question->context = brevet_service_context_ref (context);
  question->held = brevet_service_chores_hold (context->chores);
  question->chore = chore;
  question->key = g_steal_pointer (&key);
  question->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  brevet_authority_pool_resolve_async (context->authorities, name, NULL, cancellable, on_resolved, question);
}

GHashTable *
brevet_trust_asker_get_answers (BrevetTrustAsker *self)
{
  return self->answers;
}
