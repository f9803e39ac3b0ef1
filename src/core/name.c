#include "core/name.h"

#include "driver/unicode.h"

/* More is refused unread: to put marks in order takes the square of their number. */
enum { TYPED_BYTES_MAX = 1024 };

static enum err refuse(struct ctx *ctx, const char *field, const char *code, struct str why)
{
    details_add(&ctx->details, str_of(field), code, why);
    return E_BAD_VALUE;
}

enum err name_read(struct ctx *ctx, const char *field, struct str typed, struct str *out)
{
    *out = typed;
    if (typed.len == 0) return OK;
    if (typed.len > TYPED_BYTES_MAX)
        return refuse(ctx, field, "too_long", STR("At most 100 characters."));
    if (unicode_nfc(ctx->arena, typed, out) != OK || !unicode_is_printable(*out))
        return refuse(ctx, field, "invalid_characters",
                      STR("Control and invisible characters have no place in a name."));
    if (utf8_length(*out) > NAME_MAX_LENGTH)
        return refuse(ctx, field, "too_long", STR("At most 100 characters."));
    return OK;
}
