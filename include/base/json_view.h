/* json_view.h - a look at JSON whose members are not ours to list.
 *
 * For JWS headers and claims, and other documents that may say more than we
 * know. As strict about the text as json_object, and a name given twice is
 * refused at any depth; unknown names are let be. Values are read one by one,
 * and only as what they are: nothing is converted.
 */
#ifndef BASE_JSON_VIEW_H
#define BASE_JSON_VIEW_H

#include "base/json.h"

#define JSON_VIEW_MEMBERS_MAX 64 /* of one object */

struct yyjson_val;

struct json_view {
    struct yyjson_val *value; /* in the arena; NULL: absent */
};

/* E_BAD_JSON: not one such object. */
enum err json_view_read(struct arena *a, struct str text, struct json_view *out);

struct json_view json_view_member(struct json_view object, const char *name);

/* False, and *out untouched: absent, or something else. Texts hold no U+0000,
 * integers are whole and less than 2^53 on either side. */
bool json_view_text(struct json_view v, struct str *out);
bool json_view_int(struct json_view v, int64_t *out);
bool json_view_texts(struct arena *a, struct json_view v, struct json_texts *out);

#endif
