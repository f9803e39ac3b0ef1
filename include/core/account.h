/* account.h - people: who they are and what they are stored as. */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include "core/address.h"
#include "driver/store.h"

struct account {
    struct uuid id;
    struct str email;       /* canonical */
    struct str email_typed; /* as the person wrote it */
    bool email_verified;
    struct str first_name, last_name; /* absent when not given */
    struct str role;                  /* "user", "reviewer", "admin", "superuser" */
    struct secret password_hash;      /* PHC string */
    int64_t password_changed_at;
    bool disabled;
    int64_t created_at, updated_at; /* wall_ms */
};

struct account_new {
    struct address email;
    struct str first_name, last_name; /* absent or empty: none */
    struct str role;                  /* one of account_role_known */
    struct secret password_hash;
};

/* Texts of a found account live in ctx->arena. E_NOT_FOUND. */
SUSPENDS enum err account_by_email(struct ctx *ctx, struct str canonical, struct account *out);
SUSPENDS enum err account_by_id(struct ctx *ctx, struct uuid id, struct account *out);
SUSPENDS enum err account_create(struct ctx *ctx, const struct account_new *in,
                                 struct account *out); /* E_USER_EXISTS */
/* Names that are absent stay as they are; empty ones are taken away. */
SUSPENDS enum err account_rename(struct ctx *ctx, struct uuid id, struct str first_name,
                                 struct str last_name, struct account *out);
/* With everything that belongs to it; its access tokens die at once. */
SUSPENDS enum err account_delete(struct ctx *ctx, struct uuid id);

/* A person chose a new password: the other sessions end. E_CONFLICT: somebody
 * else has changed it since `who` was read (to upgrade its hash is no change). `keep`: nil ends every session. */
SUSPENDS enum err account_set_password(struct ctx *ctx, const struct account *who,
                                       struct secret new_hash, struct uuid keep);
/* The same password under better parameters; false when it changed meanwhile. */
SUSPENDS enum err account_upgrade_hash(struct ctx *ctx, const struct account *who,
                                       struct secret new_hash, bool *stored);
/* Disabling ends every session. E_NOT_FOUND. */
SUSPENDS enum err account_disable(struct ctx *ctx, struct uuid id, bool disabled);
SUSPENDS enum err account_set_role(struct ctx *ctx, struct uuid id, struct str role);
/* In order of creation, behind `after` (nil: from the start). */
SUSPENDS enum err account_list(struct ctx *ctx, struct uuid after, unsigned limit,
                               struct account **out, size_t *count);
SUSPENDS enum err account_any(struct ctx *ctx, bool *any);

bool account_role_known(struct str role);

#endif
