"""The command line (SPEC 1.1), as a person and as a script would use it."""
import base64
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import termios
import threading
import time
import uuid

import pytest

from conftest import BINARY, Server

COMMANDS = ["serve", "migrate", "config", "health", "user", "key", "calibrate", "version"]
NEW_PASSWORD = "an altogether new phrase 9"


@pytest.fixture
def place(tmp_path):
    """A directory where nothing runs; place.cli(...) runs a command in it."""
    return Server(tmp_path, start=False)


@pytest.fixture
def installed(place):
    """The same with a database and its keys."""
    assert place.cli("migrate", "up").returncode == 0
    return place


def unique():
    return f"u{uuid.uuid4().hex[:12]}@example.com"


def create(s, email, *more):
    done = s.cli("user", "create", email, "--password-stdin", "--output", "json", *more,
                 stdin=NEW_PASSWORD + "\n")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def show(s, who):
    done = s.cli("user", "show", who, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def keys(s):
    done = s.cli("key", "list", "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["keys"]


def eventually(claim, seconds=5):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.05)


# --- help and slips ---


def test_help_lists_every_command(place):
    done = place.cli("--help")
    assert done.returncode == 0 and done.stderr == ""
    assert [w for w in COMMANDS if re.search(rf"^  {w} +\S", done.stdout, re.M)] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(place, command):
    done = place.cli(command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(f"usage: postern {command}")
    assert "\nexample: " in done.stdout
    assert place.cli("help", command).stdout == done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 90


def test_without_a_command_the_way_is_shown(place):
    done = place.cli()
    assert done.returncode == 2 and done.stdout == ""
    assert "usage: postern COMMAND" in done.stderr


@pytest.mark.parametrize("words, hint", [
    (["sevre"], "did you mean 'serve'?"),
    (["help", "usr"], "did you mean 'user'?"),
    (["--versoin"], "did you mean '--version'?"),
    (["frobnicate"], "there is no command 'frobnicate'"),
    (["user", "lst"], "did you mean 'list'?"),
    (["user"], "list, show, create, disable, enable, set-password, set-role or delete"),
    (["user", "list", "--limt", "3"], "did you mean --limit?"),
    (["user", "list", "--limit", "0"], "from 1 to 1000, not '0'"),
    (["user", "list", "--limit"], "--limit needs a value"),
    (["user", "list", "x"], "does not take the word 'x'"),
    (["user", "list", "--after", "x"], "--after takes an id, not 'x'"),
    (["user", "list", "--output", "yaml"], "json or text, not 'yaml'"),
    (["user", "show"], "user show needs USER"),
    (["user", "show", "ada"], "neither an e-mail address nor an id"),
    (["user", "create", "ada@example"], "'ada@example' is not an e-mail address"),
    (["user", "create", "a@example.com", "--role", "root"], "user, reviewer, admin or superuser"),
    (["user", "create", "a@example.com", "--password", "hunter2"], "no option --password"),
    (["user", "create", "a@example.com", "--generate", "--password-stdin"], "say one of"),
    (["user", "set-role", "a@example.com"], "user set-role needs ROLE"),
    (["key", "rotate", "--alg", "rs256"], "RS256, PS256, ES256 or EdDSA, not 'rs256'"),
    (["key", "retire"], "key retire needs KID"),
    (["migrate", "up", "--to", "-1"], "not '-1'"),
    (["health", "well"], "live, ready and startup, not 'well'"),
    (["health", "--url", "https://localhost/"], "https is not spoken here"),
    (["health", "--url", "localhost:8000"], "it must begin with http://"),
    (["health", "--url", "http://:80"], "the host is missing"),
    (["health", "--url", "http://[::1"], "a ']' is missing"),
    (["health", "--url", "http://[::1]x"], "only a port can follow"),
    (["health", "--url", "http://h:0"], "a number from 1 to 65535"),
    (["health", "--url", "http://h\r\nX: y"], "characters that no address holds"),
    (["health", "--url", "http://h/x", "live"], "the URL has a path"),
    (["health", "--timeout", "0"], "from 1 to 300, not '0'"),
    (["version", "--ouput", "json"], "did you mean --output?"),
    (["config", "--chek"], "did you mean --check?"),
    (["calibrate", "now"], "does not take the word 'now'"),
])
def test_a_slip_gets_a_hint_and_status_2(place, words, hint):
    done = place.cli(*words)
    assert done.returncode == 2 and done.stdout == ""
    assert hint in done.stderr
    assert "postern" in done.stderr and "--help" in done.stderr
    assert os.listdir(place.work) == []


def test_output_that_cannot_be_written_is_a_failure(place):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr


# --- version, config ---


def test_version_says_what_it_is_made_of(place):
    told = json.loads(place.cli("version", "--output", "json").stdout)
    assert set(told) == {"version", "schema", "signer", "argon2"}
    assert place.cli("--version").stdout == f"postern {told['version']}\n"
    assert told["signer"] in place.cli("version").stdout


def test_config_prints_what_is_in_force_and_masks_secrets(place):
    secret = "0123456789abcdef" * 4
    env = {"PORT": "4711", "MASTER_KEY": secret, "ADMIN_PASSWORD": "do not show me 1"}
    text = place.cli("config", env=env)
    assert text.returncode == 0 and "PORT=4711" in text.stdout
    told = json.loads(place.cli("config", "--output", "json", env=env).stdout)
    assert told["PORT"]["value"] == "4711"
    for output in (text.stdout, json.dumps(told)):
        assert secret not in output and "do not show me" not in output


def test_config_check_only_judges(place):
    fine = place.cli("config", "--check")
    assert (fine.returncode, fine.stdout, fine.stderr) == (0, "", "")
    wrong = place.cli("config", "--check", env={"PORT": "x", "LOG_LEVEL": "loud"})
    assert wrong.returncode == 1 and wrong.stdout == ""
    assert "PORT" in wrong.stderr and "LOG_LEVEL" in wrong.stderr


# --- migrate ---


def test_the_schema_goes_up_and_down(place):
    def status():
        return json.loads(place.cli("migrate", "status", "--output", "json").stdout)

    newest = status()["newest"]
    assert status()["version"] == 0
    assert not any(m["applied"] for m in status()["migrations"])
    assert place.cli("migrate", "up").returncode == 0
    assert status()["version"] == newest
    assert all(m["applied"] for m in status()["migrations"])
    assert place.cli("migrate", "up").returncode == 0  # nothing left to do
    assert place.cli("migrate", "down", "--yes").returncode == 0
    assert status()["version"] == newest - 1
    assert place.cli("migrate", "up").returncode == 0
    assert place.cli("migrate", "down", "--to", "0", "--yes").returncode == 0
    assert status()["version"] == 0
    again = place.cli("migrate", "down", "--yes")
    assert again.returncode == 1 and "nothing to take back" in again.stderr


def test_what_migrate_makes_is_private_and_serve_goes_on_with_it(place):
    assert place.cli("migrate", "up").returncode == 0
    data = place.work / "data"
    assert data.stat().st_mode & 0o777 == 0o700
    for file in data.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    place.start()
    assert place.stop() == 0


def test_going_down_without_yes_needs_a_terminal(installed):
    done = installed.cli("migrate", "down")
    assert done.returncode == 1 and "--yes" in done.stderr
    status = json.loads(installed.cli("migrate", "status", "--output", "json").stdout)
    assert status["version"] == status["newest"]


@pytest.mark.parametrize("words", [["migrate", "status"], ["migrate", "up"],
                                   ["migrate", "down", "--yes"], ["user", "list"],
                                   ["key", "list"]])
def test_a_foreign_file_is_refused_and_left_alone(place, words):
    data = place.work / "data"
    data.mkdir()
    (data / "master.key").write_text("k" * 43 + "\n")
    (data / "master.key").chmod(0o600)
    (data / "postern.db").write_bytes(b"a letter to my aunt " * 100)
    done = place.cli(*words)
    assert done.returncode == 1 and "postern.db" in done.stderr
    assert (data / "postern.db").read_bytes() == b"a letter to my aunt " * 100


# --- health ---


def test_health_says_whether_a_server_is_well(server):
    for check in ([], ["ready"], ["live"], ["startup"]):
        done = server.cli("health", *check, "--url", server.url)
        assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
    told = json.loads(server.cli("health", "--url", server.url, "--output", "json").stdout)
    assert told["healthy"] is True and told["status"] == 200
    assert told["path"] == "/health/ready"


def test_health_finds_the_configured_port(server):
    assert server.cli("health", env={"PORT": str(server.port)}).returncode == 0
    assert server.cli("health", env={"PORT": str(server.port), "HOST": "0.0.0.0",
                                     "PUBLIC_URL": "http://127.0.0.1"}).returncode == 0


def test_health_says_that_it_cannot_know_a_port_of_0(place):
    done = place.cli("health", env={"PORT": "0"})
    assert done.returncode == 1 and "say --url" in done.stderr


def test_health_asks_for_the_path_of_the_url(server):
    assert server.cli("health", "--url", server.url + "/health/live").returncode == 0
    lost = server.cli("health", "--url", server.url + "/nowhere", "--output", "json")
    assert lost.returncode == 1
    assert json.loads(lost.stdout)["status"] == 404
    assert "/nowhere answers 404" in lost.stderr


def test_health_fails_when_nothing_listens(place):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        done = place.cli("health", "--url", f"http://127.0.0.1:{s.getsockname()[1]}")
    assert done.returncode == 1
    assert "nothing answers" in done.stderr


def answering(answer):
    """A listener that gives one caller this answer; None: silence."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        peer, _ = listener.accept()
        with peer:
            peer.recv(4096)
            if answer is None:
                time.sleep(5)
            else:
                peer.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_health_gives_up_in_time(place):
    began = time.monotonic()
    done = place.cli("health", "--url", answering(None), "--timeout", "1")
    assert done.returncode == 1 and "no answer in time" in done.stderr
    assert 0.9 < time.monotonic() - began < 4


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 2", b"HTTP/1.1 +20 "])
def test_health_is_not_fooled_by_another_protocol(place, answer):
    done = place.cli("health", "--url", answering(answer))
    assert done.returncode == 1 and "does not speak HTTP" in done.stderr


def test_health_shows_no_control_characters(place):
    done = place.cli("health", "--url",
                     answering(b"HTTP/1.1 503 Down\r\n\r\n\x1b[2J\x07database\x00"))
    assert done.returncode == 1
    assert "answers 503: ?[2J?database?" in done.stderr


# --- users ---


def test_a_life_of_a_user(installed):
    email = unique()
    made = create(installed, email, "--role", "admin", "--first-name", "Ada", "--last-name", "L")
    assert made["email"] == email and made["role"] == "admin" and made["is_active"]
    assert (made["first_name"], made["last_name"]) == ("Ada", "L")
    assert "password" not in made
    assert show(installed, email) == made == show(installed, made["id"].upper())

    assert installed.cli("user", "disable", email).returncode == 0
    assert show(installed, email)["is_active"] is False
    assert installed.cli("user", "enable", made["id"]).returncode == 0
    assert show(installed, email)["is_active"] is True
    assert installed.cli("user", "set-role", email, "reviewer").returncode == 0
    assert show(installed, email)["role"] == "reviewer"
    assert installed.cli("user", "delete", email, "--yes").returncode == 0
    for words in (["show"], ["disable"], ["enable"], ["delete", "--yes"], ["set-role"],
                  ["set-password", "--generate"]):
        tail = ["user"] if words == ["set-role"] else []
        done = installed.cli("user", words[0], email, *words[1:], *tail)
        assert done.returncode == 1 and done.stdout == ""
        assert f"there is no account '{email}'" in done.stderr


def test_create_prints_the_id_alone(installed):
    done = installed.cli("user", "create", unique(), "--password-stdin", stdin=NEW_PASSWORD)
    assert done.returncode == 0
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n", done.stdout)


def test_an_address_is_taken_once_however_it_is_written(installed):
    email = unique()
    create(installed, email)
    done = installed.cli("user", "create", email.upper(), "--generate")
    assert done.returncode == 1 and done.stdout == ""
    assert "already" in done.stderr


def test_a_weak_password_is_refused_with_every_reason(installed):
    done = installed.cli("user", "create", unique(), "--password-stdin", stdin="short")
    assert done.returncode == 1
    assert "8 characters" in done.stderr and "common" in done.stderr
    assert json.loads(installed.cli("user", "list", "--output", "json").stdout)["users"] == []


@pytest.mark.parametrize("text, why", [
    ("", "holds no password"),
    ("\n", "holds no password"),
    ("one line of it\nanother line\n", "more than one line"),
    ("x" * 1025, "more than 1024 bytes"),
    ("x" * 100000, "more than 1024 bytes"),
])
def test_what_is_no_password_is_refused(installed, text, why):
    file = installed.work / "pw"
    file.write_text(text)
    for done in (installed.cli("user", "create", unique(), "--password-stdin", stdin=text),
                 installed.cli("user", "create", unique(), "--password-file", str(file))):
        assert done.returncode == 1 and why in done.stderr
        assert "one line of it" not in done.stderr


def test_a_password_file_that_is_not_there_is_named(installed):
    done = installed.cli("user", "create", unique(), "--password-file", "nowhere")
    assert done.returncode == 1 and "nowhere cannot be opened: No such file" in done.stderr


def test_without_a_terminal_the_other_ways_are_named(installed):
    done = subprocess.run([BINARY, "user", "create", unique()], cwd=installed.work,
                          env=installed.env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, start_new_session=True)
    assert done.returncode == 1
    assert "--password-file" in done.stderr and "--password-stdin" in done.stderr


def test_people_are_listed_in_pages_in_the_order_of_creation(installed):
    emails = [unique() for _ in range(5)]
    for email in emails:
        create(installed, email)
    seen, after = [], []
    while True:
        page = json.loads(installed.cli("user", "list", "--limit", "2", "--output", "json",
                                        *after).stdout)
        assert len(page["users"]) <= 2
        seen += [u["email"] for u in page["users"]]
        if page["next_after"] is None:
            break
        assert page["next_after"] == page["users"][-1]["id"]
        after = ["--after", page["next_after"]]
    assert seen == emails

    text = installed.cli("user", "list", "--limit", "2")
    assert text.stdout.splitlines()[0].split() == ["ID", "E-MAIL", "ROLE", "STATE", "CREATED"]
    assert len(text.stdout.splitlines()) == 3
    assert "--after " + show(installed, emails[1])["id"] in text.stderr


def test_nothing_works_where_nothing_is_installed(place):
    for words in (["user", "list"], ["key", "list"]):
        done = place.cli(*words)
        assert done.returncode == 1 and done.stdout == "" and done.stderr != ""
    assert os.listdir(place.work) == []


# --- beside a running server ---


def test_an_account_made_here_logs_in_there(server):
    email = unique()
    made = create(server, email)
    login = server.login(email, NEW_PASSWORD)
    assert server.me(login["access_token"]).data["id"] == made["id"]


def test_a_generated_password_logs_in_and_is_shown_once(server):
    email = unique()
    done = server.cli("user", "create", email, "--generate")
    password = done.stdout.splitlines()[1]
    assert done.returncode == 0 and len(password) >= 16
    assert password not in done.stderr and password not in server.log()
    server.login(email, password)
    other = json.loads(server.cli("user", "set-password", email, "--generate", "--output",
                                  "json").stdout)["password"]
    assert other != password
    server.login(email, other)


def test_a_generated_password_obeys_the_policy(installed):
    env = {"PASSWORD_MIN_LENGTH": "40", "PASSWORD_REQUIRE_UPPERCASE": "true",
           "PASSWORD_REQUIRE_NUMBERS": "true", "PASSWORD_REQUIRE_SPECIAL_CHARS": "true"}
    for _ in range(5):
        done = installed.cli("user", "create", unique(), "--generate", env=env)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()[1]) >= 40


def test_a_new_password_ends_the_sessions_within_a_second(server):
    person = server.person()
    done = server.cli("user", "set-password", person["email"], "--password-stdin",
                      stdin=NEW_PASSWORD)
    assert done.returncode == 0 and done.stdout == ""
    eventually(lambda: server.me(person["access_token"]).status == 401)
    assert server.refresh(person["refresh_token"]).status == 401
    server.login(person["email"], NEW_PASSWORD)


def test_a_disabled_account_is_out_within_a_second(server):
    person = server.person()
    assert server.me(person["access_token"]).status == 200
    assert server.cli("user", "disable", person["email"]).returncode == 0
    eventually(lambda: server.me(person["access_token"]).status == 401)
    assert server.post("/api/v1/auth/login", {"email": person["email"],
                                              "password": "correct horse battery staple 42"}
                       ).status == 401
    assert server.cli("user", "enable", person["email"]).returncode == 0
    server.login(person["email"])


def test_many_commands_at_once_beside_a_busy_server(server):
    emails = [unique() for _ in range(8)]
    threads = [threading.Thread(target=create, args=(server, e)) for e in emails]
    for t in threads:
        t.start()
    for _ in range(10):
        server.person()
    for t in threads:
        t.join()
    for email in emails:
        server.login(email, NEW_PASSWORD)


# --- keys ---


def test_keys_go_through_their_states(installed):
    assert keys(installed) == []
    first = installed.cli("key", "generate").stdout.strip()
    assert [(k["kid"], k["alg"], k["state"]) for k in keys(installed)] == [(first, "ES256", "next")]
    twice = installed.cli("key", "generate")
    assert twice.returncode == 1 and "next key for ES256 already" in twice.stderr

    rotated = installed.cli("key", "rotate")
    assert rotated.stdout.strip() == first and "this key is new" in rotated.stderr
    second = installed.cli("key", "rotate").stdout.strip()
    states = {k["kid"]: k["state"] for k in keys(installed)}
    assert states == {first: "retiring", second: "active"}

    assert installed.cli("key", "retire", "--", first).returncode == 0
    signs = installed.cli("key", "retire", "--", second)
    assert signs.returncode == 1 and "--force" in signs.stderr
    assert installed.cli("key", "retire", "--force", "--", second).returncode == 0
    states = {k["kid"]: k["state"] for k in keys(installed)}
    assert states.pop(first) == states.pop(second) == "retired"
    assert list(states.values()) == ["active"]  # a successor took over
    gone = installed.cli("key", "retire", "--", first)
    assert gone.returncode == 1 and "there is no key" in gone.stderr


def test_a_key_of_another_algorithm_is_made_on_demand(installed):
    done = installed.cli("key", "generate", "--alg", "RS256", "--output", "json")
    assert json.loads(done.stdout)["alg"] == "RS256"
    assert keys(installed)[0]["alg"] == "RS256"


def test_hs256_has_no_keys_to_rotate(installed):
    env = {"JWT_ALGORITHM": "HS256", "JWT_SECRET_KEY": "s" * 40}
    for action in ("generate", "rotate"):
        done = installed.cli("key", action, env=env)
        assert done.returncode == 1 and "HS256 signs with JWT_SECRET_KEY" in done.stderr


def published(s):
    return {k["kid"] for k in s.get("/.well-known/jwks.json").json["keys"]}


def test_a_running_server_signs_with_the_rotated_key(make_server):
    s = make_server()
    before = s.person()
    kid = s.cli("key", "rotate").stdout.strip()
    eventually(lambda: kid in published(s))
    after = s.login(before["email"])
    assert s.me(before["access_token"]).status == 200
    assert s.me(after["access_token"]).status == 200
    header = after["access_token"].split(".")[0]
    padded = header + "=" * (-len(header) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded))["kid"] == kid


def test_a_running_server_refuses_the_tokens_of_a_retired_key(make_server):
    s = make_server()
    person = s.person()
    old = published(s).pop()
    assert s.me(person["access_token"]).status == 200
    kid = s.cli("key", "rotate").stdout.strip()
    assert s.cli("key", "retire", "--", old).returncode == 0
    eventually(lambda: s.me(person["access_token"]).status == 401)
    assert published(s) == {kid}
    assert s.refresh(person["refresh_token"]).status == 200  # the session lives


def test_another_master_key_is_refused(make_server):
    s = make_server()
    done = s.cli("user", "list", env={"MASTER_KEY": "another key, long enough for one 123"})
    assert done.returncode == 1 and done.stdout == ""
    assert "master key" in done.stderr


# --- at a terminal ---


class Terminal:
    """Runs a command whose terminal is ours."""

    def __init__(self, s, *words):
        self.main, side = pty.openpty()
        self.seen = ""

        def adopt():
            os.setsid()
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # as a shell would have it
            fcntl.ioctl(side, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([BINARY, *words], cwd=s.work, env=s.env, stdin=side,
                                        stdout=side, stderr=side, preexec_fn=adopt)
        self.side = side

    def expect(self, text, seconds=20):
        end = time.monotonic() + seconds
        start = len(self.seen)
        while text not in self.seen[start:]:
            ready, _, _ = select.select([self.main], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {text!r} in {self.seen!r}"
            self.seen += os.read(self.main, 4096).decode()

    def type(self, text):
        os.write(self.main, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.side)[3] & termios.ECHO)

    def ended(self):
        status = self.process.wait(30)
        while select.select([self.main], [], [], 0.1)[0]:
            self.seen += os.read(self.main, 4096).decode()
        os.close(self.main)
        os.close(self.side)
        return status


def test_a_prompted_password_is_not_echoed(installed):
    email = unique()
    t = Terminal(installed, "user", "create", email)
    t.expect("Password: ")
    assert not t.echoes()
    t.type(NEW_PASSWORD + "\n")
    t.expect("Once more: ")
    assert not t.echoes()
    t.type(NEW_PASSWORD + "\n")
    assert t.ended() == 0
    assert NEW_PASSWORD not in t.seen
    assert show(installed, email)["email"] == email


def test_two_prompted_passwords_must_be_the_same(installed):
    t = Terminal(installed, "user", "create", unique())
    t.expect("Password: ")
    t.type(NEW_PASSWORD + "\n")
    t.expect("Once more: ")
    t.type(NEW_PASSWORD + "x\n")
    assert t.ended() == 1
    assert "not the same" in t.seen


def test_ctrl_c_at_the_prompt_brings_the_echo_back(installed):
    t = Terminal(installed, "user", "create", unique())
    t.expect("Password: ")
    assert not t.echoes()
    t.type("half a pass\x03")
    t.process.wait(30)
    assert t.echoes()
    assert t.ended() == -signal.SIGINT


def test_deleting_asks_first(installed):
    email = unique()
    create(installed, email)
    for answer in ("n", "", "yess"):
        t = Terminal(installed, "user", "delete", email)
        t.expect(f"Delete {email} and all that belongs to this account? [y/N]")
        t.type(answer + "\n")
        assert t.ended() == 1 and "nothing was done" in t.seen
    show(installed, email)
    t = Terminal(installed, "user", "delete", email)
    t.expect("[y/N]")
    t.type("Y\n")
    assert t.ended() == 0
    assert installed.cli("user", "show", email).returncode == 1
