/* What people see and change of themselves. */
#include "api/api.h"

#include "core/name.h"
#include "core/session.h"
#include "core/token.h"
#include "views.h"

#include <stddef.h>

enum { TEXT_MAX = 4096 };

struct profile_input {
    struct str first_name, last_name;
};

static const struct json_field profile_fields[] = {
    { "first_name", JSON_TEXT, .nullable = true,
      .offset = offsetof(struct profile_input, first_name), .max = TEXT_MAX,
      .help = "null or empty takes it away." },
    { "last_name", JSON_TEXT, .nullable = true, .offset = offsetof(struct profile_input, last_name),
      .max = TEXT_MAX },
};
const struct json_schema profile_schema = { "ProfileRequest", profile_fields, COUNT(profile_fields),
                                            sizeof(struct profile_input) };

/* A token whose account has just gone is no token any more. */
static enum err gone(enum err e)
{
    return e == E_NOT_FOUND ? E_BAD_TOKEN : e;
}

static enum err reply_account(struct request *rq, const struct account *who)
{
    reply_no_store(rq);
    view_account(reply_data(rq, 200), who);
    return reply_end(rq);
}

SUSPENDS enum err api_me(struct request *rq)
{
    const struct identity *id = rq->identity;
    struct account who;

    TRY(gone(account_by_id(&rq->ctx, id->account, &who)));
    return reply_account(rq, &who);
}

SUSPENDS enum err api_me_patch(struct request *rq)
{
    const struct identity *id = rq->identity;
    struct profile_input *in = rq->input;
    struct str first_name, last_name;
    struct account who;

    TRY(name_read(&rq->ctx, "first_name", in->first_name, &first_name));
    TRY(name_read(&rq->ctx, "last_name", in->last_name, &last_name));
    TRY(gone(account_rename(&rq->ctx, id->account, first_name, last_name, &who)));
    return reply_account(rq, &who);
}

SUSPENDS enum err api_me_delete(struct request *rq)
{
    const struct identity *id = rq->identity;

    TRY(gone(account_delete(&rq->ctx, id->account)));
    log_info(&rq->ctx, "account.deleted", KV("account", id->account));
    return reply_empty(rq, 204);
}

SUSPENDS enum err api_my_sessions(struct request *rq)
{
    const struct identity *id = rq->identity;
    struct session_info *sessions;
    size_t count;

    TRY(session_list(&rq->ctx, id->account, &sessions, &count));
    reply_no_store(rq);
    struct buf *b = reply_data(rq, 200);
    json_begin_array(b);
    for (size_t i = 0; i < count; i++) view_session(b, &sessions[i], id->session);
    json_end_array(b);
    json_key(b, "page");
    json_begin(b);
    json_put_text(b, "next_cursor", STR_NONE);
    json_end(b);
    return reply_end(rq);
}

SUSPENDS enum err api_my_session_end(struct request *rq)
{
    const struct identity *id = rq->identity;
    struct uuid session;

    if (!uuid_parse(rq->param[0], &session)) {
        details_add(&rq->ctx.details, STR("id"), "invalid_format", STR("Not a UUID."));
        return E_BAD_REQUEST;
    }
    TRY(session_end(&rq->ctx, id->account, session, "ended_by_owner"));
    return reply_empty(rq, 204);
}
