/* Register, log in, refresh, log out, change the password (SPEC 2.1, 2.2). */
#include "api/api.h"

#include "core/name.h"
#include "core/policy.h"
#include "core/session.h"
#include "core/token.h"
#include "driver/password.h"
#include "views.h"

#include <stddef.h>

enum { TEXT_MAX = 4096 }; /* of a member; the rules proper are stricter and say why */

struct register_input {
    struct str email;
    struct secret password;
    struct str first_name, last_name;
};

static const struct json_field register_fields[] = {
    { "email", JSON_TEXT, .required = true, .offset = offsetof(struct register_input, email),
      .max = TEXT_MAX, .help = "The address to log in with." },
    { "password", JSON_SECRET, .required = true,
      .offset = offsetof(struct register_input, password), .help = "See the password policy." },
    { "first_name", JSON_TEXT, .nullable = true,
      .offset = offsetof(struct register_input, first_name), .max = TEXT_MAX },
    { "last_name", JSON_TEXT, .nullable = true,
      .offset = offsetof(struct register_input, last_name), .max = TEXT_MAX },
};
const struct json_schema register_schema = { "RegisterRequest", register_fields,
                                             COUNT(register_fields),
                                             sizeof(struct register_input) };

struct login_input {
    struct str email;
    struct secret password;
};

static const struct json_field login_fields[] = {
    { "email", JSON_TEXT, .required = true, .offset = offsetof(struct login_input, email) },
    { "password", JSON_SECRET, .required = true, .offset = offsetof(struct login_input, password) },
};
const struct json_schema login_schema = { "LoginRequest", login_fields, COUNT(login_fields),
                                          sizeof(struct login_input) };

struct refresh_input {
    struct secret refresh_token;
};

static const struct json_field refresh_fields[] = {
    { "refresh_token", JSON_SECRET, .required = true,
      .offset = offsetof(struct refresh_input, refresh_token) },
};
const struct json_schema refresh_schema = { "RefreshRequest", refresh_fields, COUNT(refresh_fields),
                                            sizeof(struct refresh_input) };

static const struct json_field logout_fields[] = {
    { "refresh_token", JSON_SECRET, .offset = offsetof(struct refresh_input, refresh_token),
      .help = "Instead of an access token, when that has expired." },
};
const struct json_schema logout_schema = { "LogoutRequest", logout_fields, COUNT(logout_fields),
                                           sizeof(struct refresh_input) };

struct logout_all_input {
    struct json_bool except_current;
};

static const struct json_field logout_all_fields[] = {
    { "except_current", JSON_BOOL, .offset = offsetof(struct logout_all_input, except_current),
      .help = "Keep the session that asks." },
};
const struct json_schema logout_all_schema = { "LogoutAllRequest", logout_all_fields,
                                               COUNT(logout_all_fields),
                                               sizeof(struct logout_all_input) };

struct password_change_input {
    struct secret current_password, new_password;
};

static const struct json_field password_change_fields[] = {
    { "current_password", JSON_SECRET, .required = true,
      .offset = offsetof(struct password_change_input, current_password) },
    { "new_password", JSON_SECRET, .required = true,
      .offset = offsetof(struct password_change_input, new_password) },
};
const struct json_schema password_change_schema = { "PasswordChangeRequest", password_change_fields,
                                                    COUNT(password_change_fields),
                                                    sizeof(struct password_change_input) };

SUSPENDS static enum err reply_tokens(struct request *rq, const struct tokens *t)
{
    reply_no_store(rq);
    view_tokens(reply_data(rq, 200), t);
    return reply_end(rq);
}

SUSPENDS enum err api_register(struct request *rq)
{
    struct register_input *in = rq->input;
    struct account_new new = { .role = STR("user") };
    struct secret password;
    struct account who;

    TRY(address_read(&rq->ctx, in->email, &new.email));
    TRY(name_read(&rq->ctx, "first_name", in->first_name, &new.first_name));
    TRY(name_read(&rq->ctx, "last_name", in->last_name, &new.last_name));
    TRY(policy_check(&rq->ctx, "password", in->password, new.email.canonical, &password));

    /* Spares the hash; the unique constraint decides. */
    enum err found = account_by_email(&rq->ctx, new.email.canonical, &who);
    if (found == OK) return E_USER_EXISTS;
    if (found != E_NOT_FOUND) return found;

    TRY(password_hash(&rq->ctx, password, &new.password_hash));
    TRY(account_create(&rq->ctx, &new, &who));
    log_info(&rq->ctx, "register.ok", KV("account", who.id));
    view_account(reply_data(rq, 201), &who);
    return reply_end(rq);
}

/* Better parameters at the next login. Never a reason to refuse one. */
SUSPENDS static void upgrade_hash(struct ctx *ctx, const struct account *who,
                                  struct secret password)
{
    struct secret hash;
    bool stored = false;
    enum err e = password_hash(ctx, password, &hash);

    if (e == OK) e = account_upgrade_hash(ctx, who, hash, &stored);
    if (e != OK)
        log_warn(ctx, "password.not_upgraded", KV("account", who->id), KV("error", e));
    else if (stored)
        log_info(ctx, "password.upgraded", KV("account", who->id));
}

/* Wrong password, unknown or impossible address and disabled account are told apart in the
 * log only: same answer, same work. */
SUSPENDS enum err api_login(struct request *rq)
{
    struct login_input *in = rq->input;
    struct address email;
    struct secret password;
    struct account who = { 0 };
    struct tokens tokens;
    bool upgrade = false;
    enum err found = E_NOT_FOUND;

    if (address_read(&rq->ctx, in->email, &email) == OK)
        found = account_by_email(&rq->ctx, email.canonical, &who);
    if (found != OK && found != E_NOT_FOUND) return found;
    rq->ctx.details.count = 0; /* an impossible address is an unknown one */

    if (policy_normalize(&rq->ctx, in->password, &password) != OK) return E_BAD_CREDENTIAL;
    enum err e = password_check(&rq->ctx, who.password_hash, password, &upgrade);
    if (e == OK && found != OK) e = E_BAD_CREDENTIAL;
    if (e == OK) e = session_open(&rq->ctx, &who, &tokens);
    if (e == E_BAD_CREDENTIAL)
        log_info(&rq->ctx, "login.failed", KV("account", who.id),
                 KV("why", found != OK    ? "unknown"
                           : who.disabled ? "disabled"
                                          : "password"));
    TRY(e);

    log_info(&rq->ctx, "login.ok", KV("account", who.id), KV("session", tokens.session));
    if (upgrade) upgrade_hash(&rq->ctx, &who, password);
    return reply_tokens(rq, &tokens);
}

SUSPENDS enum err api_refresh(struct request *rq)
{
    struct refresh_input *in = rq->input;
    struct tokens tokens;

    enum err e = session_refresh(&rq->ctx, (struct token){ in->refresh_token.text }, &tokens);
    if (e != OK) {
        log_info(&rq->ctx, "refresh.failed", KV("error", e));
        return e;
    }
    log_debug(&rq->ctx, "refresh.ok", KV("session", tokens.session));
    return reply_tokens(rq, &tokens);
}

/* By access token or by refresh token, and of a session that has ended too:
 * whoever logs out twice is logged out. */
SUSPENDS enum err api_logout(struct request *rq)
{
    struct refresh_input *in = rq->input;
    const struct identity *who = rq->identity;
    struct uuid session, account;

    if (in->refresh_token.text.at)
        TRY(session_of_refresh(&rq->ctx, (struct token){ in->refresh_token.text }, &session,
                               &account));
    else if (who) {
        session = who->session;
        account = who->account;
    } else {
        return request_header(rq, "Authorization").at ? E_BAD_TOKEN : E_NO_TOKEN;
    }
    enum err e = session_end(&rq->ctx, account, session, "logout");
    if (e != OK && e != E_NOT_FOUND) return e;
    return reply_empty(rq, 204);
}

SUSPENDS enum err api_logout_all(struct request *rq)
{
    struct logout_all_input *in = rq->input;
    const struct identity *who = rq->identity;
    struct uuid keep = in->except_current.value ? who->session : UUID_NIL;

    TRY(session_end_all(&rq->ctx, who->account, keep, "logout_all"));
    return reply_empty(rq, 204);
}

SUSPENDS enum err api_password_change(struct request *rq)
{
    struct password_change_input *in = rq->input;
    const struct identity *id = rq->identity;
    struct account who;
    struct secret current, new, hash;
    bool upgrade;

    enum err found = account_by_id(&rq->ctx, id->account, &who);
    if (found == E_NOT_FOUND) return E_BAD_TOKEN;
    TRY(found);
    if (policy_normalize(&rq->ctx, in->current_password, &current) != OK) return E_BAD_CREDENTIAL;
    enum err e = password_check(&rq->ctx, who.password_hash, current, &upgrade);
    if (e == E_BAD_CREDENTIAL) log_info(&rq->ctx, "password.refused", KV("account", who.id));
    TRY(e);

    TRY(policy_check(&rq->ctx, "new_password", in->new_password, who.email, &new));
    if (str_eq_secret(current.text, new.text)) {
        details_add(&rq->ctx.details, STR("new_password"), "unchanged",
                    STR("The new password is the present one."));
        return E_WEAK_PASSWORD;
    }
    TRY(password_hash(&rq->ctx, new, &hash));
    TRY(account_set_password(&rq->ctx, &who, hash, id->session));
    log_info(&rq->ctx, "password.changed", KV("account", who.id));
    return reply_empty(rq, 204);
}
