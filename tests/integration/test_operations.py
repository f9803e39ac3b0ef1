"""Probes, first start, logs and what is kept to itself: CASES group M, SPEC 5."""
import concurrent.futures
import json
import re
import signal
import stat
import subprocess
import time
import unicodedata

import pytest

from conftest import ADMIN_PASSWORD, BINARY, PASSWORD, Server


def test_the_probes_answer(server):
    for path, word in [("/health/live", "ok"), ("/health/ready", "ready"),
                       ("/health/startup", "started")]:
        answer = server.get(path)
        assert answer.status == 200 and answer.json["status"] == word
        assert answer.headers["Cache-Control"] == "no-store"
        assert server.get("/api" + path).status == 404  # never under /api


def test_probes_are_answered_whatever_the_host_is_called(server):
    for host in ["10.0.0.7:8000", "postern.default.svc.cluster.local"]:
        assert server.get("/health/ready", headers={"Host": host}).status == 200


def test_h026_a_host_that_nobody_configured_is_misdirected(server):
    answer = server.get("/api/v1/users/me", headers={"Host": "evil.example"})
    assert answer.status == 421 and b"evil.example" not in answer.body
    assert "evil.example" not in str(answer.headers)


def test_h026_further_names_can_be_configured(make_server):
    s = make_server(ALLOWED_HOSTS="id.internal, auth.example.com",
                    PUBLIC_URL="https://login.example.com")
    for host, status in [("id.internal", 401), ("auth.example.com:8000", 401),
                         ("LOGIN.example.com", 401), ("localhost", 401), ("[::1]:8000", 401),
                         ("example.com", 421), ("login.example.com.evil.net", 421)]:
        assert s.get("/api/v1/users/me", headers={"Host": host}).status == status, host


@pytest.mark.parametrize("path", ["/metrics", "/debug", "/admin", "/docs", "/openapi.json",
                                  "/.env", "/data/master.key", "/..", "//", "/%2e%2e/data"])
def test_p008_nothing_else_is_served(server, path):
    assert server.get(path).status == 404


def test_p005_readiness_is_false_while_draining(make_server):
    s = make_server(ARGON2_MEMORY_KIB="131072", ARGON2_TIME_COST="8", ARGON2_CONCURRENCY="1")
    with s.connect() as probe, concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(s.post, "/api/v1/auth/register",
                           {"email": "slow@example.com", "password": PASSWORD})
        probe.sendall(b"GET /health/ready HTTP/1.1\r\nHost: x\r\n")  # its end comes later
        time.sleep(0.15)
        s.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
        probe.sendall(b"\r\n")
        got = probe.recv(4096)
        assert b" 503 " in got.split(b"\r\n")[0] and b"draining" in got
        assert b"\r\nRetry-After: 1\r\n" in got  # U1
        assert slow.result().status in (201, 503)
    assert s.process.wait(30) == 0


def test_p012_request_ids_are_taken_when_sane(server):
    assert server.get("/health/live", headers={"X-Request-ID": "a.B-9_"}).headers[
        "X-Request-ID"] == "a.B-9_"
    for bad in ["x" * 65, "a b", "ä".encode(), "<script>", "a\tb", ""]:
        got = server.get("/health/live", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", got) and got != bad


def test_every_error_has_the_documented_shape(server):
    for answer in [server.get("/nothing"), server.request("PUT", "/api/v1/users/me"),
                   server.post("/api/v1/auth/login", b"{"), server.me("x"),
                   server.post("/api/v1/auth/register", {"email": 1})]:
        body = answer.json
        assert body["status"] == "error" and re.fullmatch("[a-z_]+", body["error"])
        assert body["message"] and body["request_id"] == answer.headers["X-Request-ID"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", body["timestamp"])
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert "Date" in answer.headers and "Content-Security-Policy" in answer.headers


def test_h037_other_methods_are_refused_with_what_is_allowed(server):
    assert server.get("/api/v1/auth/login").headers["Allow"] == "POST, OPTIONS"
    answer = server.request("PUT", "/api/v1/users/me")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD, PATCH, DELETE, OPTIONS"
    options = server.request("OPTIONS", "/api/v1/users/me")
    assert options.status == 204 and options.headers["Allow"] == answer.headers["Allow"]


def test_h070_head_is_get_without_the_body(server):
    token = server.person()["access_token"]
    for path in ["/health/live", "/.well-known/jwks.json", "/api/v1/users/me", "/nothing"]:
        get = server.get(path, token=token)
        head = server.request("HEAD", path, token=token)
        assert head.status == get.status and head.body == b""
        if path != "/nothing":  # an error page names its request
            assert head.headers["Content-Length"] == get.headers["Content-Length"]


@pytest.mark.parametrize("kind", [None, "text/plain", "multipart/form-data; boundary=x",
                                  "application/json; charset=utf-16",
                                  "application/json; charset=utf-7",
                                  "application/x-www-form-urlencoded"])
def test_j014_j015_other_media_types(server, kind):
    import http.client
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    connection.putrequest("POST", "/api/v1/auth/login")
    if kind:
        connection.putheader("Content-Type", kind)
    connection.putheader("Content-Length", "2")
    connection.endheaders(b"{}")
    answer = connection.getresponse()
    assert answer.status == 415
    assert json.loads(answer.read())["error"] == "unsupported_media_type"
    connection.close()


def test_j014_the_media_type_twice(server):
    got = server.raw(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Type: application/json\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")
    assert got.split()[1] == b"415"


def test_j010_a_body_over_the_limit(server):
    answer = server.post("/api/v1/auth/login", b'{"email":"' + b"a" * 65536 + b'"}')
    assert answer.status == 413 and answer.error == "payload_too_large"


@pytest.mark.parametrize("body", [b"", b"{}{}", b"{}x", b"{}\0", b"[]", b"1", b'"x"', b"null",
                                  b'{"email":"a@example.com","email":"b@example.com"}',
                                  b'{"a":1,}', b"{/*c*/}", b"\xef\xbb\xbf{}", b'{"a":"\xff"}',
                                  b'{"a":"\\ud800"}', b'{"a":' + b"[" * 33 + b"]" * 33 + b"}",
                                  b"[" * 30000, b'{"a":1e400}', b'{"a":18446744073709551616}'])
def test_j001_j004_j012_j013_what_is_no_json_object(server, body):
    answer = server.post("/api/v1/auth/login", body)
    assert answer.status == 400 and answer.error in ("invalid_json", "invalid_request"), body


def test_p015_p016_a_first_start_makes_one_administrator_and_says_so_once(make_server):
    real = {"ADMIN_PASSWORD": None, "ENVIRONMENT": "development", "ARGON2_MEMORY_KIB": None,
            "ARGON2_TIME_COST": None}
    s = make_server(**real)
    email = re.search(r"e-mail\s+(\S+)", s.output())[1]
    password = re.search(r"password\s+(\S+)", s.output())[1]
    assert email == "admin@example.com" and len(password) >= 20
    assert s.me(s.login(email, password)["access_token"]).data["role"] == "superuser"
    assert password not in s.log()
    s.restart()
    second = s.out_path.read_text()
    assert password not in second and "password" not in second
    other = make_server(**real)
    assert password not in other.output()
    assert other.post("/api/v1/auth/login", {"email": email, "password": password}).status == 401


def test_p016_first_starts_at_once_make_one_administrator(tmp_path):
    work = tmp_path / "race"
    work.mkdir()

    def first(n):
        own = work / f"cwd{n}"
        own.mkdir()
        try:
            return Server(own, {"DATA_DIR": str(work / "data"), "ADMIN_EMAIL": "a@example.com"})
        except AssertionError as e:
            return str(e)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = list(pool.map(first, range(4)))
    running = [s for s in made if isinstance(s, Server)]
    assert len(running) == 4, made
    people = running[0].cli("user", "list", "--output", "json")
    for s in running:
        s.login("a@example.com", ADMIN_PASSWORD)
        s.kill()
    assert people.stdout.count("a@example.com") == 1, people


def test_production_without_a_terminal_shows_no_password(make_server):
    s = make_server(ENVIRONMENT="production", ADMIN_PASSWORD=None, HOST="127.0.0.1",
                    PUBLIC_URL="https://id.example.com", ARGON2_MEMORY_KIB="7168",
                    ARGON2_TIME_COST="5")
    assert "password" not in s.output()
    s.wait_for("admin.not_made")
    s.restart()  # it is still true
    s.stop()
    assert len(s.events("admin.not_made")) == 2


def test_an_administrators_password_obeys_the_policy_and_is_normalized(make_server):
    weak = make_server(start=False, ADMIN_PASSWORD="password1")
    done = weak.cli("serve")
    assert done.returncode == 1 and "most common passwords" in done.stderr, done.stderr
    decomposed = "schwa\u0308ne im regen 42"
    s = make_server(ADMIN_PASSWORD=decomposed)
    assert s.login("admin@example.com", unicodedata.normalize("NFC", decomposed))
    assert s.login("admin@example.com", decomposed)


def test_an_ipv6_address_is_written_as_a_url(make_server):
    s = make_server(start=False, HOST="::1")
    with subprocess.Popen([BINARY, "serve"], cwd=s.work, env=s.env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as p:
        line = p.stdout.readline()
        p.terminate()
    if not line:
        pytest.skip("there is no IPv6 here")
    assert re.search(r"ready at http://\[::1\]:\d+$", line)


def test_what_is_made_is_for_the_owner_only(make_server):
    s = make_server()
    assert stat.S_IMODE((s.work / "data").stat().st_mode) == 0o700
    for path in (s.work / "data").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_p014_a_master_key_that_others_can_read_refuses_the_start(make_server):
    s = make_server()
    s.stop()
    key = s.work / "data" / "master.key"
    key.chmod(0o644)
    with pytest.raises(AssertionError, match="chmod 600"):
        s.start()


def test_a_database_without_its_key_refuses_the_start(make_server):
    s = make_server()
    s.stop()
    (s.work / "data" / "master.key").unlink()
    with pytest.raises(AssertionError, match="master.key"):
        s.start()
    assert not (s.work / "data" / "master.key").exists()


def test_p017_p018_the_process_keeps_its_memory_to_itself(make_server):
    s = make_server()
    status = open(f"/proc/{s.pid}/status").read()
    assert re.search(r"NoNewPrivs:\s+1", status)
    limits = open(f"/proc/{s.pid}/limits").read()
    assert re.search(r"Max core file size\s+0\s+0", limits)


def test_p009_each_event_is_logged_once_with_who_and_what(make_server):
    s = make_server(LOG_LEVEL="INFO")
    me = s.person()
    s.post("/api/v1/auth/login", {"email": me["email"], "password": "wrong " + PASSWORD},
           headers={"X-Request-ID": "wrong-one"})
    s.post("/api/v1/auth/logout", token=me["access_token"])
    s.wait_for("session.ended", reason="logout")
    for name in ["register.ok", "login.ok", "login.failed", "session.ended"]:
        found = s.events(name)
        assert len(found) == 1, name
        assert found[0]["request_id"] and found[0]["account"] and found[0]["timestamp"]
        assert found[0]["logger"] == name.split(".")[0] and found[0]["level"] == "INFO"
    assert s.events("login.failed")[0]["request_id"] == "wrong-one"
    assert me["email"] not in s.log()


def test_p013_secrets_are_nowhere_in_the_log(make_server):
    s = make_server(LOG_LEVEL="DEBUG")
    secret = "canary horse battery 99"
    me = s.login(s.register(password=secret), secret)
    s.refresh(me["refresh_token"])
    s.refresh(me["refresh_token"][:-3] + "AAA")
    s.me(me["access_token"][:-3] + "AAA")
    s.post("/api/v1/auth/password/change",
           {"current_password": secret, "new_password": "another " + secret},
           token=me["access_token"])
    s.post("/api/v1/auth/login", {"email": secret, "password": secret, "x": secret})
    s.post("/api/v1/auth/login?password=" + secret.replace(" ", "+"), b"{" + secret.encode())
    s.stop()
    log = s.log() + s.output()
    for word in [secret, secret.replace(" ", "+"), me["refresh_token"], me["access_token"],
                 me["refresh_token"][20:], me["access_token"].split(".")[2][:40]]:
        assert word not in log


def test_sigusr1_shows_what_requests_wait_for(make_server):
    s = make_server(ARGON2_MEMORY_KIB="131072", ARGON2_TIME_COST="10", ARGON2_CONCURRENCY="1")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(s.post, "/api/v1/auth/register",
                           {"email": "slow@example.com", "password": PASSWORD},
                           headers={"X-Request-ID": "the-slow-one"})
        time.sleep(0.2)
        s.process.send_signal(signal.SIGUSR1)
        slow.result()
    s.wait_for("fiber.waiting", request_id="the-slow-one")


def test_the_log_file_is_opened_again_for_rotation(make_server):
    s = make_server(LOG_FILE="postern.log")
    s.register()
    time.sleep(0.2)
    (s.work / "postern.log").rename(s.work / "postern.log.1")
    s.process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    s.register()
    time.sleep(0.3)
    assert "register.ok" in (s.work / "postern.log").read_text()
    assert "register.ok" in (s.work / "postern.log.1").read_text()


def test_a_port_that_is_taken_is_said_plainly(server, make_server):
    with pytest.raises(AssertionError, match="cannot listen"):
        make_server(PORT=str(server.port))


def test_two_servers_on_one_database_know_of_each_other(make_server):
    one = make_server()
    two = Server(one.work, {})
    try:
        me = one.person()
        assert two.me(me["access_token"]).status == 200
        successor = two.refresh(me["refresh_token"]).data
        assert one.refresh(me["refresh_token"]).data["refresh_token"] == successor["refresh_token"]
        one.post("/api/v1/auth/logout", token=me["access_token"])
        time.sleep(1.0)
        assert two.me(me["access_token"]).status == 401
    finally:
        two.kill()


def test_all_mistakes_of_the_configuration_are_said_together(tmp_path):
    with pytest.raises(AssertionError) as caught:
        Server(tmp_path, {"PORT": "99999", "JWT_ALGORITHM": "none", "LOG_LEVEL": "LOUD",
                          "REDIS_URL": "redis://localhost", "WORKERS": "4"})
    for name in ["PORT", "JWT_ALGORITHM", "LOG_LEVEL", "REDIS_URL", "WORKERS"]:
        assert name in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_browsers_stay_on_https_where_the_public_address_is(server, make_server):
    s = make_server(PUBLIC_URL="https://id.example.com")
    assert "max-age=" in s.get("/health/live").headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in server.get("/health/live").headers
