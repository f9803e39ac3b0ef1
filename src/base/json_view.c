/* A view is a pointer into yyjson's tree. What the tree lets through, names
 * that come twice, is looked for once, when it is made; objects are kept small
 * enough for comparing each name with each. */
#include "base/json_view.h"

#include "json_tree.h"

static struct str text_of(yyjson_val *v)
{
    return str_span(yyjson_get_str(v), yyjson_get_len(v));
}

static bool is_first_of_its_name(yyjson_val *object, yyjson_val *key)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_val *other;

    while ((other = yyjson_obj_iter_next(&iter)) != key)
        if (str_eq(text_of(other), text_of(key))) return false;
    return true;
}

/* Recursion ends at JSON_DEPTH_MAX, which json_tree has seen to. */
static bool names_differ(yyjson_val *v)
{
    yyjson_obj_iter members = yyjson_obj_iter_with(v); /* empty if it is none */
    yyjson_arr_iter items = yyjson_arr_iter_with(v);
    yyjson_val *at;

    if (yyjson_obj_size(v) > JSON_VIEW_MEMBERS_MAX) return false;
    while ((at = yyjson_obj_iter_next(&members)))
        if (!is_first_of_its_name(v, at) || !names_differ(yyjson_obj_iter_get_val(at)))
            return false;
    while ((at = yyjson_arr_iter_next(&items)))
        if (!names_differ(at)) return false;
    return true;
}

enum err json_view_read(struct arena *a, struct str text, struct json_view *out)
{
    struct str why;
    yyjson_val *root = json_tree(a, text, &why);

    if (!yyjson_is_obj(root) || !names_differ(root)) return E_BAD_JSON;
    *out = (struct json_view){ root };
    return OK;
}

struct json_view json_view_member(struct json_view object, const char *name)
{
    return (struct json_view){ yyjson_obj_get(object.value, name) };
}

bool json_view_text(struct json_view v, struct str *out)
{
    if (!yyjson_is_str(v.value) || str_find(text_of(v.value), '\0') >= 0) return false;
    *out = text_of(v.value);
    return true;
}

bool json_view_int(struct json_view v, int64_t *out)
{
    bool minus_zero = yyjson_is_sint(v.value) && yyjson_get_sint(v.value) == 0;

    if (!yyjson_is_int(v.value) || minus_zero) return false;
    if (yyjson_is_uint(v.value) && yyjson_get_uint(v.value) > JSON_INT_MAX) return false;
    if (yyjson_get_sint(v.value) < -JSON_INT_MAX) return false;
    *out = yyjson_get_sint(v.value);
    return true;
}

bool json_view_texts(struct arena *a, struct json_view v, struct json_texts *out)
{
    struct json_texts texts = { ARENA_ARRAY(a, struct str, yyjson_arr_size(v.value)), 0 };
    yyjson_arr_iter iter;
    yyjson_val *item;

    if (!yyjson_arr_iter_init(v.value, &iter)) return false;
    while ((item = yyjson_arr_iter_next(&iter)))
        if (!json_view_text((struct json_view){ item }, &texts.at[texts.count++])) return false;
    *out = texts;
    return true;
}
