/* From a request to its row of the table, and through what the row asks for.
 *
 * route_plan runs on the loop's stack as soon as the header section is there;
 * route_run on the request's fiber. Refusing by default: a path that matches
 * no row letter for letter is not found, however else it might be read.
 */
#include "app/route.h"
#include "core/tenant.h"
#include "core/token.h"
#include "ops/health.h"

enum { BODY_MAX = 64 * 1024 };

#define API STR("/api/")
#define API_V1 STR("/api/v1/")

static struct str own_host, more_hosts;

void route_start(struct str public_url, struct str allowed_hosts)
{
    ptrdiff_t scheme_end = str_find(public_url, ':');
    struct str authority = str_from(public_url, (size_t)scheme_end + 3);
    struct str rest = authority;

    authority = str_cut(&rest, '/');
    if (authority.len && authority.at[0] == '[') { /* IPv6: an address, always fine */
        own_host = STR_NONE;
    } else {
        rest = authority;
        own_host = str_cut(&rest, ':');
    }
    more_hosts = allowed_hosts;
}

static bool is_address(struct str host)
{
    if (host.len && host.at[0] == '[') return true;
    for (size_t i = 0; i < host.len; i++)
        if (host.at[i] != '.' && (host.at[i] < '0' || host.at[i] > '9')) return false;
    return host.len > 0;
}

/* A name that nobody configured may be an attacker's (DNS rebinding, poisoned
 * links); an address cannot be. */
static bool host_is_ours(struct str host)
{
    struct str rest = more_hosts;

    if (!host.at || is_address(host) || str_eq_nocase(host, STR("localhost"))) return true;
    if (str_eq_nocase(host, own_host)) return true;
    while (rest.at)
        if (str_eq_nocase(host, str_trim(str_cut(&rest, ',')))) return true;
    return false;
}

/* Segment by segment; {name} takes one that is not empty. */
static bool path_matches(const char *pattern, struct str path, struct str param[HTTP_PARAMS_MAX])
{
    struct str p = str_of(pattern), want, have;
    unsigned n = 0;

    if (str_find(p, '{') < 0) return str_eq(p, path);
    while (p.at && path.at) {
        want = str_cut(&p, '/');
        have = str_cut(&path, '/');
        if (want.len && want.at[0] == '{') {
            if (have.len == 0 || n == HTTP_PARAMS_MAX) return false;
            param[n++] = have;
        } else if (!str_eq(want, have)) {
            return false;
        }
    }
    return !p.at && !path.at;
}

/* "/api/x" is "/api/v1/x". */
static struct str canonical_path(struct request *rq)
{
    if (!str_starts(rq->path, API) || str_starts(rq->path, API_V1)) return rq->path;
    return arena_fmt(rq->ctx.arena, STR_FMT STR_FMT, STR_ARG(API_V1),
                     STR_ARG(str_from(rq->path, API.len)));
}

static const char *const method_names[] = {
    [HTTP_M_GET] = "GET, HEAD", [HTTP_M_POST] = "POST",     [HTTP_M_PUT] = "PUT",
    [HTTP_M_PATCH] = "PATCH",   [HTTP_M_DELETE] = "DELETE",
};

/* The row for this method and path; else NULL, and what the path does allow
 * ("" when there is nothing there). */
static const struct route *route_find(struct request *rq, struct str *allow)
{
    struct str path = canonical_path(rq);

    *allow = STR("");
    for (size_t i = 0; i < route_count; i++) {
        if (!path_matches(routes[i].path, path, rq->param)) continue;
        if (routes[i].method == rq->method) return &routes[i];
        *allow = arena_fmt(rq->ctx.arena, STR_FMT "%s, ", STR_ARG(*allow),
                           method_names[routes[i].method]);
    }
    if (allow->len) *allow = arena_fmt(rq->ctx.arena, STR_FMT "OPTIONS", STR_ARG(*allow));
    return NULL;
}

SUSPENDS static enum err answer_options(struct request *rq)
{
    return reply_empty(rq, 204);
}

/* "application/json", perhaps with charset=utf-8, once (J-014). */
static bool media_type_is_json(const struct request *rq)
{
    struct str rest = request_header(rq, "Content-Type");

    if (request_header_count(rq, "Content-Type") != 1) return false;
    if (!str_eq_nocase(str_trim(str_cut(&rest, ';')), STR("application/json"))) return false;
    if (!rest.at) return true;
    rest = str_trim(rest);
    struct str name = str_cut(&rest, '=');
    return str_eq_nocase(name, STR("charset")) &&
           (str_eq_nocase(rest, STR("utf-8")) || str_eq_nocase(rest, STR("\"utf-8\"")));
}

/* RFC 6750 2.1. OK with an absent token: there is no Authorization header. */
static enum err bearer_of(struct request *rq, struct token *out)
{
    struct str value = request_header(rq, "Authorization");
    struct str scheme, rest = value;

    *out = (struct token){ STR_NONE };
    if (request_header_count(rq, "Authorization") > 1) return E_BAD_REQUEST;
    if (!value.at) return OK;
    scheme = str_cut(&rest, ' ');
    if (!str_eq_nocase(scheme, STR("Bearer"))) return E_BAD_TOKEN;
    ptrdiff_t comma = str_find(rest, ',');
    if (comma >= 0 && str_find(str_trim(str_from(rest, (size_t)comma + 1)), ' ') >= 0)
        return E_BAD_REQUEST; /* a second scheme behind it */
    if (rest.len == 0) return E_BAD_TOKEN;
    *out = (struct token){ rest };
    return OK;
}

SUSPENDS static enum err authenticate(struct request *rq, enum route_auth auth)
{
    struct identity *who = ARENA_NEW(rq->ctx.arena, struct identity);
    struct token token;

    if (auth == AUTH_NONE) return OK;
    TRY(bearer_of(rq, &token));
    if (!token.text.at) return auth == AUTH_BEARER ? E_NO_TOKEN : OK;
    if (auth == AUTH_BEARER)
        TRY(token_check(&rq->ctx, token, who));
    else if (token_read(&rq->ctx, token, who) != OK)
        return OK; /* the handler may have something better to go by */
    rq->identity = who;
    return OK;
}

SUSPENDS static enum err route_run(struct request *rq)
{
    const struct route *r = rq->route;

    TRY(authenticate(rq, r->auth));
    if (r->input != INPUT_NONE) {
        bool nothing = r->input == INPUT_OPTIONAL && rq->body.len == 0;
        if (!nothing && !media_type_is_json(rq)) return E_BAD_MEDIA_TYPE;
        rq->input = arena_alloc(rq->ctx.arena, r->schema->size, _Alignof(max_align_t));
        TRY(json_object(rq->ctx.arena, nothing ? STR("{}") : rq->body, r->schema, rq->input,
                        &rq->ctx.details));
    }
    return r->handle(rq);
}

static struct http_plan refuse(enum err e)
{
    return (struct http_plan){ .refuse = e };
}

struct http_plan route_plan(struct request *rq)
{
    struct str allow;
    bool has_type = request_header_count(rq, "Content-Type") > 0;

    rq->ctx.tenant = default_tenant;
    if (rq->method == HTTP_M_OPTIONS && str_eq(rq->path, STR("*"))) {
        reply_header(rq, "Allow", STR("GET, HEAD, POST, PATCH, DELETE, OPTIONS"));
        return (struct http_plan){ .handle = answer_options };
    }
    const struct route *r = route_find(rq, &allow);
    if (!(r && r->probe) && !host_is_ours(rq->host)) return refuse(E_MISDIRECTED);
    if (!r && allow.len == 0) return refuse(E_NOT_FOUND);
    if (!r) {
        reply_header(rq, "Allow", allow);
        if (rq->method == HTTP_M_OPTIONS) return (struct http_plan){ .handle = answer_options };
        return refuse(E_BAD_METHOD);
    }
    rq->route = r;
    if (r->probe) return (struct http_plan){ .handle = r->handle, .quiet = true };
    if (!health_is_started()) return refuse(E_OVERLOADED);
    bool typed = r->input == INPUT_JSON || (r->input == INPUT_OPTIONAL && has_type);
    if (typed && !media_type_is_json(rq)) return refuse(E_BAD_MEDIA_TYPE);
    return (struct http_plan){ .handle = route_run, .body_max = BODY_MAX };
}
