#include "views.h"

void view_account(struct buf *b, const struct account *who)
{
    json_begin(b);
    json_put_uuid(b, "id", who->id);
    json_put_text(b, "email", who->email_typed);
    json_put_text(b, "first_name", who->first_name);
    json_put_text(b, "last_name", who->last_name);
    json_put_text(b, "role", who->role);
    json_put_bool(b, "is_active", !who->disabled);
    json_put_bool(b, "email_verified", who->email_verified);
    json_put_time(b, "created_at", who->created_at);
    json_put_time(b, "updated_at", who->updated_at);
    json_end(b);
}

void view_tokens(struct buf *b, const struct tokens *t)
{
    json_begin(b);
    json_put_text(b, "access_token", t->access.text);
    json_put_text(b, "refresh_token", t->refresh.text);
    json_put_text(b, "token_type", STR("bearer"));
    json_put_int(b, "expires_in", t->access_ttl_s);
    json_put_int(b, "refresh_expires_in", t->refresh_ttl_s);
    json_end(b);
}

void view_session(struct buf *b, const struct session_info *s, struct uuid current)
{
    json_begin(b);
    json_put_uuid(b, "id", s->id);
    json_put_bool(b, "current", uuid_eq(s->id, current));
    json_put_time(b, "created_at", s->created_at);
    json_put_time(b, "last_used_at", s->used_at);
    json_put_time(b, "expires_at", s->expires_at);
    json_put_text(b, "ip_address", s->address);
    json_put_text(b, "user_agent", s->agent);
    json_end(b);
}
