/* policy.c - guessing comes before hashing.
 *
 * An attacker tries the common passwords first, then those made from them and
 * from what is known of the person. So a password is looked at as the attacker
 * would make it: case-folded, a repetition taken once, up to four digits or
 * signs behind a common word taken off, digits that stand for letters read as
 * letters, and runs along the keyboard or the alphabet counted as one step.
 *
 * common-passwords.txt is in the program as it is: lines in lower case,
 * sorted by byte, searched by halves.
 */
#include "core/policy.h"

#include "base/config.h"
#include "common_passwords.h" /* made by scripts/embed */
#include "driver/password.h"
#include "driver/unicode.h"

enum {
    KNOWN_WORD_MIN = 4,  /* shorter local parts are in many a good password */
    COMMON_WORD_MIN = 4, /* so are shorter words of the list */
    TAIL_MAX = 4,        /* "password2024" is "password" */
    RUN_MIN = 3,         /* "abc" */
    PARTS_MIN = 4,       /* runs and single characters, together */
};

#define SERVICE_NAME STR("postern")

static const char *const rows[] = {
    "0123456789",
    "1234567890",
    "!@#$%^&*()",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "qazwsxedcrfvtgbyhnujmikolp",
};

/* What is being judged, and where the complaints go. */
struct judged {
    struct ctx *ctx;
    struct str field;
    struct str nfc, folded;
    unsigned broken; /* rules */
};

static void complain(struct judged *j, const char *code, struct str message)
{
    details_add(&j->ctx->details, j->field, code, message);
    j->broken++;
}

static void check_length(struct judged *j)
{
    if (utf8_length(j->nfc) >= (size_t)config.password_min_length) return;
    complain(j, "too_short",
             arena_fmt(j->ctx->arena, "Use at least %d characters.", config.password_min_length));
}

/* What is unassigned today may get another normal form with the next Unicode. */
static void check_characters(struct judged *j)
{
    struct unicode_kinds has = unicode_kinds_in(j->nfc);

    if (!unicode_is_assigned(j->nfc))
        complain(j, "invalid_character", STR("A character of it is not in Unicode yet."));
    if (config.password_require_uppercase && !has.upper)
        complain(j, "needs_uppercase", STR("Use an upper-case letter."));
    if (config.password_require_numbers && !has.number)
        complain(j, "needs_number", STR("Use a digit."));
    if (config.password_require_special && !has.other)
        complain(j, "needs_special", STR("Use a character that is neither letter nor digit."));
}

/* Code points of `s` outside the places where it says `word`. */
static size_t length_without(struct str s, struct str word)
{
    size_t left = utf8_length(s);
    const char *found;

    while ((found = memmem(s.at, s.len, word.at, word.len)) != NULL) {
        left -= utf8_length(word);
        s = str_from(s, (size_t)(found - s.at) + word.len);
    }
    return left;
}

/* What an attacker knows counts for nothing: the rest must be long enough. */
static bool leans_on(const struct judged *j, struct str word)
{
    size_t least = (size_t)config.password_min_length, left;

    if (word.len < KNOWN_WORD_MIN) return false;
    left = length_without(j->folded, word);
    return left < least && left < utf8_length(j->folded);
}

static void check_context(struct judged *j, struct str email)
{
    struct str domain = email, local = str_cut(&domain, '@');

    if (leans_on(j, email) || leans_on(j, local) || leans_on(j, domain))
        complain(j, "contains_email", STR("Too little is left of it without your address."));
    if (leans_on(j, SERVICE_NAME))
        complain(j, "too_common", STR("Too little is left of it without this service's name."));
}

/* The shortest text that `s` is a repetition of; the last one may be cut. */
static struct str unit_of(struct str s)
{
    for (size_t n = 1; n <= s.len / 2; n++)
        if (memcmp(s.at, s.at + n, s.len - n) == 0) return str_upto(s, n);
    return s;
}

static struct str check_repetition(struct judged *j)
{
    struct str unit = unit_of(j->folded);

    if (unit.len < j->folded.len && utf8_length(unit) < (size_t)config.password_min_length)
        complain(j, "repeated", STR("It repeats something short."));
    return unit;
}

/* How much of the head of `s` goes along `row`, forwards or backwards. */
static size_t run_on(struct str s, const char *row, int step)
{
    const char *at = s.at[0] ? strchr(row, s.at[0]) : NULL;
    size_t n = 1;

    if (!at) return 0;
    while (n < s.len && !(step < 0 && at == row) && at[step] && at[step] == s.at[n]) {
        at += step;
        n++;
    }
    return n;
}

static size_t run_length(struct str s)
{
    size_t longest = 1;

    while (longest < s.len && s.at[longest] == s.at[0]) longest++;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t up = run_on(s, rows[i], 1), down = run_on(s, rows[i], -1);
        if (up > longest) longest = up;
        if (down > longest) longest = down;
    }
    return longest;
}

static void check_sequence(struct judged *j)
{
    unsigned parts = 0;

    for (struct str s = j->folded; s.len > 0 && parts < PARTS_MIN; parts++) {
        size_t run = run_length(s);
        s = str_from(s, run >= RUN_MIN ? run : 1);
    }
    if (parts < PARTS_MIN)
        complain(j, "sequence", STR("It follows the alphabet, the digits or the keyboard."));
}

/* The line that holds offset `at`. */
static struct str line_at(struct str list, size_t at)
{
    size_t start = at, end = at;

    while (start > 0 && list.at[start - 1] != '\n') start--;
    while (end < list.len && list.at[end] != '\n') end++;
    return str_span(list.at + start, end - start);
}

static int compare(struct str a, struct str b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool is_listed(struct str word)
{
    struct str list = str_span(common_passwords[0].at, common_passwords[0].len);
    size_t low = 0, high = list.len;

    while (low < high) {
        struct str line = line_at(list, low + (high - low) / 2);
        int order = compare(word, line);
        if (order == 0) return true;
        if (order < 0)
            high = (size_t)(line.at - list.at);
        else
            low = (size_t)(line.at - list.at) + line.len + 1;
    }
    return false;
}

static char letter_meant(char c)
{
    static const char digits[] = "013457@$!", letters[] = "oleastasi";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? letters[found - digits] : c;
}

static struct str letters_meant(struct arena *a, struct str s)
{
    char *out = arena_alloc(a, s.len + 1, 1);
    for (size_t i = 0; i < s.len; i++) out[i] = letter_meant(s.at[i]);
    return str_span(out, s.len);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c & 0x80);
}

static bool is_common(struct arena *a, struct str s)
{
    struct str meant = letters_meant(a, s);

    for (size_t tail = 0; tail <= TAIL_MAX; tail++) {
        size_t len = s.len - tail;
        if (is_listed(str_upto(s, len)) || is_listed(str_upto(meant, len))) return true;
        if (len <= COMMON_WORD_MIN || is_letter(s.at[len - 1])) return false;
    }
    return false;
}

enum err policy_normalize(struct ctx *ctx, struct secret typed, struct secret *normalized)
{
    if (typed.text.len > PASSWORD_BYTES_MAX) return E_BAD_VALUE;
    TRY(unicode_nfc(ctx->arena, typed.text, &normalized->text));
    return normalized->text.len <= PASSWORD_BYTES_MAX ? OK : E_BAD_VALUE;
}

static void complain_unusable(struct judged *j, struct str typed)
{
    if (!utf8_valid(typed))
        complain(j, "invalid_character", STR("It is not UTF-8."));
    else
        complain(j, "too_long",
                 arena_fmt(j->ctx->arena, "Use at most %d bytes.", PASSWORD_BYTES_MAX));
}

enum err policy_check(struct ctx *ctx, const char *field, struct secret typed,
                      struct str email_canonical, struct secret *normalized)
{
    struct judged j = { .ctx = ctx, .field = str_of(field) };

    if (policy_normalize(ctx, typed, normalized) != OK) {
        complain_unusable(&j, typed.text);
        return E_WEAK_PASSWORD;
    }
    j.nfc = normalized->text;
    j.folded = unicode_casefold_nfc(ctx->arena, j.nfc);

    check_length(&j);
    check_characters(&j);
    check_context(&j, email_canonical);
    struct str unit = check_repetition(&j);
    check_sequence(&j);
    if (is_common(ctx->arena, unit))
        complain(&j, "too_common", STR("It is among the most common passwords."));
    return j.broken == 0 ? OK : E_WEAK_PASSWORD;
}
