"""HTTP as the whole product speaks it: CASES group A.

What is a request and what is not is tried row by row, in all segmentations, in
tests/unit/driver/test_http_*.c. Here are the rows that need real routes, real
defaults or many connections."""
import concurrent.futures
import json
import re
import resource
import select
import socket
import time

import pytest

from conftest import PASSWORD, ROOT, check_invariants

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
# What llhttp takes for methods of HTTP; CONNECT has a target of another kind.
METHODS = """DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH
    SEARCH UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE
    UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK UNLINK SOURCE QUERY TRACK""".split()


def route_table():
    """(method, path) of every row, read from the table itself."""
    text = (ROOT / "src" / "app" / "routes.c").read_text()
    rows = re.findall(r'\{ HTTP_M_(\w+),\s+(V1 )?"([^"]+)",\s+(\w+),', text)
    assert len(rows) > 10
    return [(method, ("/api/v1" if v1 else "") + path, auth) for method, v1, path, auth in rows]


def concrete(path):
    return path.replace("{id}", "0190b1a0-0000-7000-8000-000000000000")


def post(path, body, *fields, length=True):
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *fields]
    if length:
        head.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


def answers(got):
    """[(status, headers, body)] of all that came; nothing may be left over."""
    found = []
    while got:
        head, _, rest = got.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        assert lines[0].startswith("HTTP/1.1 "), lines[0]
        fields = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        assert len(fields) == len(lines) - 1, lines
        assert fields["x-content-type-options"] == "nosniff" and fields["x-request-id"]  # U8
        assert "server" not in fields
        length = int(fields.get("content-length", 0))
        if length:
            assert "charset=utf-8" in fields["content-type"].lower()
        found.append((int(lines[0].split()[1]), fields, rest[:length]))
        got = rest[length:]
    return found


def statuses(got):
    return [status for status, _, _ in answers(got)]


def open_reader(s, timeout=20):
    """All that comes until the server closes."""
    s.settimeout(timeout)
    got = b""
    while chunk := s.recv(65536):
        got += chunk
    return got


def test_h016_trailers_are_no_headers(server):
    token = server.person()["access_token"]
    chunked = post("/api/v1/auth/logout-all", b"", "Transfer-Encoding: chunked",
                   "Connection: close", length=False)
    assert statuses(server.raw(chunked + b"0\r\n\r\n")) == [401]
    trailer = f"0\r\nAuthorization: Bearer {token}\r\nCookie: a=b\r\nHost: evil\r\n\r\n"
    assert statuses(server.raw(chunked + trailer.encode())) == [401]
    assert server.me(token).status == 200


def test_h026_a_host_nobody_configured_is_not_answered(server):
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil"):
        got = server.raw(f"GET /.well-known/jwks.json HTTP/1.1\r\nHost: {host}\r\n"
                         "Connection: close\r\n\r\n".encode())
        assert statuses(got) == [421]
        assert b"evil" not in got


@pytest.mark.parametrize("method", METHODS)
def test_h035_h037_unlisted_methods_are_refused_on_every_route(server, method):
    table = route_table()
    for path in sorted({path for _, path, _ in table}):
        listed = {m for m, p, _ in table if p == path}
        if method in listed | {"OPTIONS"} or (method == "HEAD" and "GET" in listed):
            continue
        got = server.raw(f"{method} {concrete(path)} HTTP/1.1\r\nHost: localhost\r\n"
                         "X-Echo: canary\r\nConnection: close\r\n\r\n".encode())
        [(status, fields, body)] = answers(got) or [(0, {}, b"")]
        assert status == 405, path
        if method not in ("CONNECT", "TRACK"):
            assert listed <= set(fields["allow"].split(", ")), path
        assert "allow" in fields
        assert b"canary" not in got
        assert body or method == "HEAD"


@pytest.mark.parametrize("method", ["get", "GETX", "FOO", "Post", "PR\xd6PFIND", "G(T"])
def test_h036_unknown_methods_get_the_same_answer_every_time(server, method):
    request = f"{method} /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1")
    seen = {tuple(statuses(server.raw(request + LIVE))) for _ in range(3)}
    assert seen in ({(400,)}, {(501,)})


def test_h038_the_method_is_the_one_in_the_request_line(server):
    token = server.person()["access_token"]
    for fields in ({"X-HTTP-Method-Override": "DELETE"}, {"X-Method-Override": "DELETE"}):
        assert server.get("/api/v1/users/me", token=token, headers=fields).status == 200
    assert server.get("/api/v1/users/me?_method=DELETE", token=token).status == 200
    assert server.me(token).status == 200


def test_h046_silent_connections_harm_nobody(server):
    silent = [server.connect() for _ in range(500)]
    times = []
    for _ in range(200):
        began = time.monotonic()
        assert server.get("/health/live").status == 200
        times.append(time.monotonic() - began)
    assert sorted(times)[len(times) // 2] < 0.1
    for s in silent:
        s.close()


def test_h043_h046_the_header_section_has_ten_seconds(server):
    silent, started, trickle = server.connect(), server.connect(), server.connect()
    began = time.monotonic()
    started.sendall(LIVE[:10])
    for i in range(9):
        trickle.sendall(LIVE[i:i + 1])
        time.sleep(1)
    assert statuses(open_reader(started)) == [408]
    assert open_reader(silent) == b""
    assert statuses(open_reader(trickle)) == [408]
    assert 9 < time.monotonic() - began < 15


def test_h044_h050_bodies_that_do_not_come_harm_nobody(server):
    held = []
    for _ in range(300):
        s = server.connect()
        s.sendall(post("/api/v1/auth/login", b"{\"email\"", "Expect-Nothing: 1")
                  .replace(b"Content-Length: 8", b"Content-Length: 9999"))
        held.append(s)
    too_large = post("/api/v1/auth/login", b"{}").replace(b"Length: 2", b"Length: 99999")
    assert statuses(server.raw(too_large)) == [413]
    began = time.monotonic()
    assert server.get("/health/live").status == 200
    server.person()
    assert time.monotonic() - began < 5
    for s in held:
        s.close()


def test_h048_a_half_closed_client_gets_its_answer(server):
    email = server.register()
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    got = server.raw(post("/api/v1/auth/login", body), half_close=True)
    assert statuses(got) == [200]


def test_h051_h052_pipelined_requests_are_answered_in_order(server):
    assert statuses(server.raw(LIVE * 99 + LAST)) == [200] * 100
    assert statuses(server.raw(LIVE * 3 + b"GARBAGE\r\n\r\n" + LIVE)) == [200] * 3 + [400]


def test_h053_fast_requests_wait_behind_a_slow_login(server):
    email = server.register()
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    got = answers(server.raw(post("/api/v1/auth/login", body) + LIVE * 49 + LAST))
    assert [status for status, _, _ in got] == [200] * 51
    assert b"access_token" in got[0][2]


def test_h054_nothing_is_done_behind_the_last_request(server):
    email = f"behind{time.monotonic_ns()}@example.com"
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    assert statuses(server.raw(LAST + post("/api/v1/auth/register", body))) == [200]
    assert server.post("/api/v1/auth/login", {"email": email, "password": PASSWORD}).status == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_h055_a_body_where_none_belongs_is_swallowed(server, method):
    for path in ("/health/live", "/api/v1/users/me", "/.well-known/jwks.json", "/no"):
        request = (f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
                   f"Content-Length: {len(LAST)}\r\n\r\n").encode()
        got = server.raw(request + LAST + LAST.replace(b"/health/live", b"/behind"))
        assert b"404 Not Found" in got  # the second request, once
        assert got.count(b"HTTP/1.1 ") == 2


def test_h058_a_body_that_is_a_request_is_no_request(server):
    """CL.0 on routes that never read a body."""
    inner = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    table = route_table()
    for path in [concrete(p) for _, p, _ in table] + ["/no", "/", "/api", "/favicon.ico"]:
        for kind in ("application/json", "text/plain"):
            request = post(path, inner).replace(b"application/json", kind.encode())
            got = server.raw(request + LAST)
            found = answers(got)
            assert len(found) == 2 and found[1][0] == 200, (path, found)
            assert found[0][0] in (400, 401, 404, 405, 415), (path, found[0])
    assert not [e for e in server.events("request_end") if e.get("path") == "/smuggled"]


@pytest.mark.parametrize("bytes_", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x1b[2Jcanary\n\r\x07",
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"*1\r\n$4\r\nPING\r\n",
    b"EHLO mail.example\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + LIVE,
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + LIVE,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
], ids=["tls", "ssh", "redis", "smtp", "proxy1", "proxy2", "h2"])
def test_h060_h073_other_protocols_are_refused_at_once(server, bytes_):
    began = time.monotonic()
    [status] = statuses(server.raw(bytes_))
    assert status in (400, 505)
    assert time.monotonic() - began < 5
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", server.log_path.read_bytes())


def test_h066_no_byte_of_a_request_makes_a_header_line(server):
    for poison in ("%0d%0aX-Evil:%201", "%00", "%0aX-Evil:1", "a%E5%98%8AX-Evil:1"):
        for place in ("/{}", "/health/live?state={}", "/api/v1/users/me/sessions/{}"):
            got = server.raw(f"GET {place.format(poison)} HTTP/1.1\r\nHost: localhost\r\n"
                             f"Connection: close\r\n\r\n".encode())
            assert "x-evil" not in answers(got)[0][1]


def test_h068_conditions_and_ranges_we_do_not_know_are_ignored(server):
    for name, value in [("Range", "bytes=0-0,,5-"), ("If-Match", "\"x"), ("If-Range", "-"),
                        ("If-Modified-Since", "yesterday"), ("If-Unmodified-Since", "0")]:
        assert server.get("/health/live", headers={name: value}).status == 200


def test_h069_an_odd_path_opens_nothing(server):
    protected = [p for _, p, auth in route_table() if auth == "AUTH_BEARER"]
    for path in {concrete(p) for p in protected}:
        last = path.rsplit("/", 1)[1]
        for odd in (path + "/", "/" + path, path.upper(), path + "%20", path + "/.", path + ";a",
                    path.replace("/api", "/./api"), path.replace("/api", "/x/../api"),
                    path.replace("/api", "/%61pi"), path.replace("/api", "/api%2f", 1),
                    path.replace(last, "%2e/" + last), path + "%00", path + "?", path + "%2f",
                    path + "\\", path + "#x", path + "%c0%af", "http://localhost" + path):
            got = server.raw(f"GET {odd} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                             .encode())
            assert answers(got)[0][0] in (400, 401, 404, 405), odd


def test_h070_head_says_what_get_would(server):
    token = server.person()["access_token"]
    for path in [concrete(p) for m, p, _ in route_table() if m == "GET"]:
        for authorization in ("", f"Authorization: Bearer {token}\r\n"):
            request = (f"%s {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}"
                       "Connection: close\r\n\r\n")
            get = server.raw((request % "GET").encode())
            head = server.raw((request % "HEAD").encode())
            assert head.endswith(b"\r\n\r\n") and head.count(b"\r\n\r\n") == 1
            [(status, fields, _)] = answers(get)
            lines = head.decode().split("\r\n")
            assert int(lines[0].split()[1]) == status
            varying = ("x-request-id", "date", "content-length")
            names = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if line)}
            assert names.keys() == fields.keys()
            for name in names.keys() - set(varying):
                assert names[name] == fields[name], (path, name)


def test_h071_one_byte_segments_make_no_difference(server):
    email = f"slowly{time.monotonic_ns()}@example.com"
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    chunks = b"".join(b"%x;x=y\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7])
                      for i in range(0, len(body), 7)) + b"0\r\nX: y\r\n\r\n"
    golden = [
        (LIVE, 200),
        (post("/api/v1/auth/register", body), 201),
        (post("/api/v1/auth/login", b"", "Transfer-Encoding: chunked", length=False) + chunks, 200),
        (post("/api/v1/auth/login", b"{"), 400),
        (b"GET /api/v1/users/me HTTP/1.1\r\nHost: localhost\r\n\r\n", 401),
        (b"GET /no HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (LAST, 200),
    ]
    with server.connect() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request, _ in golden:
            for i in range(len(request)):
                s.send(request[i:i + 1])
        assert statuses(open_reader(s)) == [status for _, status in golden]


def test_h072_headers_about_the_client_are_not_believed(server):
    me = server.register()
    spoof = {"X-Forwarded-For": "1.2.3.4", "X-Real-IP": "1.2.3.4", "Forwarded": "for=1.2.3.4",
             "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https",
             "X-Client-Cert": "x", "X-Forwarded-Uri": "/evil"}
    tokens = server.login(me, headers=spoof)
    sessions = server.get("/api/v1/users/me/sessions", token=tokens["access_token"], headers=spoof)
    assert "1.2.3.4" not in sessions.body.decode()
    assert "127.0.0.1" in sessions.body.decode()


def test_h074_a_probe_is_answered_when_every_place_is_taken(make_server):
    s = make_server(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)))
    s.person()  # opens what is opened at first use
    baseline = s.open_descriptors()
    silent = []
    for i in range(600):
        silent.append(s.connect())
        if i % 50 == 49:
            began = time.monotonic()
            assert s.get("/health/live").status == 200
            assert time.monotonic() - began < 1
    refused = s.get("/.well-known/jwks.json")
    assert refused.status == 503 and refused.headers["Retry-After"]
    closed = sum(bool(select.select([c], [], [], 0)[0]) for c in silent)
    assert closed >= 600 - 256
    for c in silent:
        c.close()
    end = time.monotonic() + 5
    while s.open_descriptors() > baseline and time.monotonic() < end:  # U5
        time.sleep(0.05)
    assert s.open_descriptors() <= baseline
    check_invariants(s)


def test_h075_many_cookies_are_no_matter(server):
    assert server.get("/health/live", headers={"Cookie": "a=b; " * 1000}).status == 200
    got = server.raw(LAST.replace(b"\r\n\r\n", b"\r\nCookie: " + b"a=b; " * 6554 + b"\r\n\r\n"))
    assert statuses(got) == [431]


def test_h078_a_request_inside_a_value_is_inert(server):
    inner = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = server.post("/api/v1/auth/login", {"email": inner, "password": inner})
    assert answer.status in (400, 401, 422)
    assert server.get("/health/live", headers={"X-Value": inner.replace("\r\n", " ")}).status == 200
    multipart = f"--b\r\nContent-Type: message/http\r\n\r\n{inner}--b--\r\n".encode()
    got = server.raw(post("/api/v1/auth/login", multipart)
                     .replace(b"application/json", b"multipart/form-data; boundary=b") + LAST)
    assert statuses(got) == [415, 200]


def test_parallel_connections_never_see_each_other(server):
    """U4: answers belong to their connection, also beside garbage."""
    def honest(n):
        seen = []
        for i in range(20):
            mine = f"c{n}-{i}"
            got = server.get("/health/live", headers={"X-Request-ID": mine})
            seen.append(got.headers["X-Request-ID"] == mine)
        return all(seen)

    def hostile(_):
        return all(statuses(server.raw(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                                       b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + LIVE)) == [400]
                   for _ in range(20))

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        done = [pool.submit(honest if n % 2 else hostile, n) for n in range(16)]
        assert all(d.result() for d in done)
