/* json_tree.h - the strict parser under json.c and json_view.c. */
#ifndef BASE_JSON_TREE_H
#define BASE_JSON_TREE_H

#include "base/arena.h"

#include <yyjson.h>

/* Past this a JavaScript client would have rounded (RFC 8259 6). */
#define JSON_INT_MAX ((INT64_C(1) << 53) - 1)

/* The root of a strict RFC 8259 text, in the arena; NULL: *why says what is
 * wrong. Names that come twice are still in it. */
yyjson_val *json_tree(struct arena *a, struct str text, struct str *why);

#endif
