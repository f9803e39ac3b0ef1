/* Secrets come in by three ways, and none of them leaves a trace: a file, the
 * standard input, or the terminal with its echo off. A signal that comes while
 * the echo is off waits until it is on again. */
#include "app/command_line.h"
#include "base/config.h"
#include "base/random.h"
#include "core/policy.h"
#include "driver/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum { GENERATED_LEN = 19, GENERATED_TRIES = 100 };

void secret_input_done(struct secret_input *in)
{
    wipe(in, sizeof *in);
}

/* Takes the line's end away; `len` bytes of in->text are set. */
static bool settle(struct secret_input *in, size_t len, const char *where)
{
    if (len && in->text[len - 1] == '\n') len--;
    if (len && in->text[len - 1] == '\r') len--;
    struct str text = { in->text, len };

    if (len == 0)
        command_say("%s holds no password", where);
    else if (len > PASSWORD_BYTES_MAX)
        command_say("%s holds more than %d bytes", where, PASSWORD_BYTES_MAX);
    else if (str_find(text, '\n') >= 0)
        command_say("%s holds more than one line", where);
    else
        in->secret.text = text;
    return in->secret.text.at != NULL;
}

static bool read_all(int fd, struct secret_input *in, const char *where)
{
    size_t len = 0;
    ssize_t n;

    in->secret.text = STR_NONE;
    do {
        n = read(fd, in->text + len, sizeof in->text - len);
        if (n > 0) len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0) {
        command_say("%s cannot be read: %s", where, strerror(errno));
        return false;
    }
    return settle(in, len, where);
}

bool secret_from_stdin(struct secret_input *in)
{
    return read_all(STDIN_FILENO, in, "standard input");
}

bool secret_from_file(struct str path, struct secret_input *in)
{
    int fd = open(path.at, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        command_say("%s cannot be opened: %s", path.at, strerror(errno));
        return false;
    }
    bool done = read_all(fd, in, path.at);
    close(fd);
    return done;
}

/* Without the letters and digits that look alike: each has 5.8 bits, in groups
 * of four. Not every one has what the policy may want. */
SUSPENDS enum err secret_generate(struct ctx *ctx, struct str email, struct secret *out)
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    size_t wanted = (size_t)config.password_min_length;
    size_t len = wanted > GENERATED_LEN ? wanted : GENERATED_LEN;
    char *text = ARENA_ARRAY(ctx->arena, char, len);
    struct secret same;
    enum err e = E_WEAK_PASSWORD;

    *out = (struct secret){ { text, len } };
    for (unsigned tries = 0; e == E_WEAK_PASSWORD && tries < GENERATED_TRIES; tries++) {
        ctx->details.count = 0;
        for (size_t i = 0; i < len; i++)
            text[i] = i % 5 == 4 ? '-' : letters[random_below(sizeof letters - 1)];
        e = policy_check(ctx, "password", *out, email, &same);
    }
    return e;
}

/* --- the terminal ----------------------------------------------------------- */

static int open_terminal(void)
{
    return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

/* Those that end or stop a program from its terminal. */
static sigset_t terminal_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGTSTP);
    return set;
}

/* A line, or 0 when one of the signals, which are blocked, is due. */
static ssize_t read_line(int tty, const sigset_t *signals, void *out, size_t size)
{
    int due = signalfd(-1, signals, SFD_CLOEXEC);
    struct pollfd ready[] = { { .fd = tty, .events = POLLIN }, { .fd = due, .events = POLLIN } };

    if (due < 0) return -1;
    int any = poll(ready, COUNT(ready), -1);
    close(due);
    return any > 0 && !ready[1].revents ? read(tty, out, size) : 0;
}

/* One line, without echo; what is longer than the buffer is thrown away. */
static bool read_hidden(int tty, const char *question, struct secret_input *in)
{
    sigset_t signals = terminal_signals(), mask;
    struct termios before, silent;

    in->secret.text = STR_NONE;
    if (tcgetattr(tty, &before) != 0) {
        command_say("the terminal cannot be silenced: %s", strerror(errno));
        return false;
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    sigprocmask(SIG_BLOCK, &signals, &mask);
    tcsetattr(tty, TCSAFLUSH, &silent);
    dprintf(tty, "%s: ", question);
    ssize_t n = read_line(tty, &signals, in->text, sizeof in->text);
    tcsetattr(tty, TCSAFLUSH, &before);
    dprintf(tty, "\n");
    sigprocmask(SIG_SETMASK, &mask, NULL); /* what was due comes now */
    return settle(in, n > 0 ? (size_t)n : 0, "the answer");
}

bool secret_from_prompt(const char *question, struct secret_input *in)
{
    CLEANUP(secret_input_done) struct secret_input again = { 0 };
    int tty = open_terminal();

    if (tty < 0) {
        command_say("there is no terminal to ask for the password;"
                    " say --password-file FILE or --password-stdin");
        return false;
    }
    bool done = read_hidden(tty, question, in) && read_hidden(tty, "Once more", &again);
    close(tty);
    if (!done) return false;
    if (str_eq_secret(in->secret.text, again.secret.text)) return true;
    command_say("the two passwords are not the same");
    return false;
}

bool command_confirm(const char *fmt, ...)
{
    char answer[64] = "";
    va_list args;
    int tty = open_terminal();

    if (tty < 0) {
        command_say("there is no terminal to ask whether this is meant; say --yes");
        return false;
    }
    va_start(args, fmt);
    vdprintf(tty, fmt, args);
    va_end(args);
    dprintf(tty, " [y/N] ");
    ssize_t n = read(tty, answer, sizeof answer);
    close(tty);
    struct str word = str_trim(str_span(answer, n > 1 ? (size_t)n - 1 : 0));
    if (str_eq_nocase(word, STR("y")) || str_eq_nocase(word, STR("yes"))) return true;
    command_say("nothing was done");
    return false;
}
