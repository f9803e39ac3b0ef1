"""The parts break: CASES group L, as far as there is one process and SQLite.

What a fault at the n-th system call does to the database is tried closer to it,
in tests/unit/driver (X-030, X-031, X-037)."""
import concurrent.futures
import os
import pathlib
import resource
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from conftest import ADMIN_PASSWORD, PASSWORD, check_invariants

sanitized = pytest.mark.skipif(os.environ.get("POSTERN_BUILD") == "asan",
                               reason="sanitizers need the resource that is taken away")


def database(server):
    return server.work / "data" / "postern.db"


def live_ms(server):
    began = time.monotonic()
    assert server.get("/health/live").status == 200
    return (time.monotonic() - began) * 1000


@pytest.fixture
def small_disk(tmp_path):
    """4 MiB that are the server's own; needs to be allowed to mount."""
    work = tmp_path / "disk"
    work.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(work)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("this user may not mount a tmpfs")
    yield work
    subprocess.run(["umount", "-l", str(work)], check=True)


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"\0" * 4096)
        except OSError:
            pass


def test_x032_a_full_disk_refuses_writes_and_heals(make_server, small_disk):
    s = make_server(work=small_disk, LOG_FILE="/dev/null")
    me = s.person()
    fill(small_disk)
    statuses = [s.post("/api/v1/auth/register",
                       {"email": f"full{i}@example.com", "password": PASSWORD,
                        "first_name": "x" * 90}).status for i in range(60)]
    assert 503 in statuses and set(statuses) <= {201, 503}
    refused = s.post("/api/v1/auth/login", {"email": me["email"], "password": PASSWORD})
    assert refused.status == 503 and refused.headers["Retry-After"]
    assert refused.error == "store_unavailable"
    assert s.me(me["access_token"]).status == 200  # reads go on
    assert s.get("/health/live").status == 200
    assert s.get("/health/ready").status == 503
    assert s.refresh(me["refresh_token"]).status == 503  # never "you are logged out"

    (small_disk / "filler").unlink()
    end = time.monotonic() + 2
    while s.get("/health/ready").status != 200:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert s.refresh(me["refresh_token"]).status == 200
    for i, status in enumerate(statuses):  # U11: wholly there or wholly not
        again = s.post("/api/v1/auth/register", {"email": f"full{i}@example.com",
                                                 "password": PASSWORD}).status
        assert again == (409 if status == 201 else 201)


def test_x033_a_locked_database_blocks_writers_not_the_loop(make_server):
    s = make_server()
    me = s.person()
    with sqlite3.connect(database(s), isolation_level=None) as db:
        db.execute("BEGIN IMMEDIATE")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(s.refresh, me["refresh_token"]) for _ in range(4)]
            time.sleep(0.3)
            slowest = max(live_ms(s) for _ in range(20))
            assert s.me(me["access_token"]).status == 200
            db.execute("COMMIT")
            answers = [w.result() for w in waiting]
    assert slowest < 100
    assert {a.status for a in answers} <= {200, 503}
    assert s.refresh(me["refresh_token"]).status == 200


def test_x034_a_pinned_reader_does_not_stop_writes(make_server):
    s = make_server()
    with sqlite3.connect(database(s), isolation_level=None) as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM account").fetchone()
        for _ in range(30):
            s.register()
        db.execute("COMMIT")
    s.register()
    check_invariants(s)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "newer", "empty", "text"])
def test_x035_a_database_that_is_not_whole_and_ours_refuses_the_start(make_server, damage):
    s = make_server()
    s.register()
    s.stop()
    path = database(s)
    for extra in ("-wal", "-shm"):
        pathlib.Path(str(path) + extra).unlink(missing_ok=True)
    if damage == "truncated":
        os.truncate(path, path.stat().st_size // 2)
    elif damage == "flipped":
        data = bytearray(path.read_bytes())
        for at in range(100, len(data), 97):
            data[at] ^= 0x55
        path.write_bytes(data)
    elif damage == "foreign":
        path.unlink()
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE theirs (x)")
    elif damage == "newer":
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 9999")
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.write_text("this is no database " * 500)
    before = path.read_bytes()
    if damage == "empty":  # nothing in it that could be lost, but nothing of ours either
        try:
            s.start()
        except AssertionError:
            pass
        return
    with pytest.raises(AssertionError) as caught:
        s.start()
    assert "postern.db" in str(caught.value)
    assert path.read_bytes() == before  # nothing was made over it


def test_x035_a_missing_database_beside_a_key_starts_anew_but_says_so(make_server):
    s = make_server()
    s.register()
    s.stop()
    for path in s.work.glob("data/postern.db*"):
        path.unlink()
    s.start()
    assert s.login("admin@example.com", ADMIN_PASSWORD)


def test_x035_a_database_replaced_while_running_is_noticed(make_server):
    s = make_server()
    me = s.person()
    path = database(s)
    copy = path.read_bytes()
    path.unlink()
    path.write_bytes(copy)
    deadline = time.monotonic() + 10
    status = None
    while time.monotonic() < deadline and status != 503:
        status = s.post("/api/v1/auth/register", {"email": f"w{time.monotonic()}@example.com",
                                                  "password": PASSWORD}).status
        time.sleep(0.1)
    assert status == 503  # acknowledging into a file nobody will read again is losing it
    assert s.get("/health/live").status == 200
    assert me


def test_x035_a_read_only_database_is_not_ready(make_server, tmp_path):
    s = make_server()
    s.stop()
    if os.geteuid() == 0:
        done = subprocess.run(["chattr", "+i", str(database(s))], capture_output=True)
        if done.returncode != 0:
            pytest.skip("root writes whatever the mode says, and there is no chattr here")
    else:
        database(s).chmod(0o400)
    try:
        with pytest.raises(AssertionError):
            s.start()
    finally:
        subprocess.run(["chattr", "-i", str(database(s))], capture_output=True)
        database(s).chmod(0o600)
    s.start()
    s.register()


def test_x037_a_kill_during_the_first_start_is_recoverable(make_server, tmp_path):
    s = make_server()
    s.kill()
    for delay in [0.001, 0.003, 0.006, 0.01, 0.015, 0.02, 0.03, 0.05]:
        work = tmp_path / f"first-{delay}"
        work.mkdir()
        with subprocess.Popen([s.process.args[0], "serve"], cwd=work, env=s.env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
            time.sleep(delay)
            p.kill()
        again = make_server(work=work)
        again.login("admin@example.com", ADMIN_PASSWORD)
        again.stop()


def test_x043_a_stop_under_load_fails_no_request_in_flight(make_server):
    s = make_server()
    email = s.register()
    failures, answered, stop = [], [0], threading.Event()

    def client():
        import http.client
        connection = http.client.HTTPConnection(s.host, s.port, timeout=20)
        body = '{"email":"%s","password":"%s"}' % (email, PASSWORD)
        sent = False
        try:
            while not stop.is_set():
                sent = False
                connection.request("POST", "/api/v1/auth/login", body,
                                   {"Content-Type": "application/json"})
                sent = True
                answer = connection.getresponse()
                answer.read()
                answered[0] += 1
                if answer.status not in (200, 503):
                    failures.append(answer.status)
                if answer.headers.get("Connection") == "close":
                    return
        except ConnectionRefusedError:
            return
        except (ConnectionError, http.client.HTTPException) as e:
            if sent and not s.process.poll() is not None:
                failures.append(repr(e))

    threads = [threading.Thread(target=client) for _ in range(20)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    began = time.monotonic()
    assert s.stop() == 0
    assert time.monotonic() - began < 25
    stop.set()
    for t in threads:
        t.join(20)
    assert answered[0] > 20
    # A request that met the closing of an idle connection was not in flight: HTTP/1.1
    # clients send it again (RFC 9112 9.5). It carries no answer, never half of one.
    assert all(isinstance(f, str) and "RemoteDisconnected" in f or "Reset" in str(f)
               for f in failures), failures
    assert len(failures) <= 2


def test_x043_liveness_and_readiness_while_draining(make_server):
    s = make_server(ARGON2_MEMORY_KIB="65536", ARGON2_TIME_COST="10", ARGON2_CONCURRENCY="1")
    with s.connect() as idle, concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(s.post, "/api/v1/auth/register",
                           {"email": "slow@example.com", "password": PASSWORD})
        time.sleep(0.1)
        s.process.send_signal(signal.SIGTERM)
        assert slow.result().status in (201, 503)
        assert idle.recv(100) == b""  # keep-alive connections are closed as they fall idle
    assert s.process.wait(30) == 0


def test_x044_signal_storms_have_one_orderly_outcome(make_server):
    s = make_server()
    for _ in range(100):
        s.process.send_signal(signal.SIGHUP)
        s.process.send_signal(signal.SIGUSR1)
    s.register()
    for _ in range(20):
        s.process.send_signal(signal.SIGTERM)
    assert s.process.wait(30) == 0


def test_x045_a_broken_configuration_leaves_the_old_one_in_force(make_server, tmp_path):
    work = tmp_path / "reload"
    work.mkdir()
    (work / ".env").write_text("LOG_LEVEL=INFO\n")
    s = make_server(work=work, LOG_LEVEL=None)
    (work / ".env").write_text("LOG_LEVEL=LOUD\n")
    s.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert s.is_alive()
    s.register()
    s.wait_for("register.ok")  # INFO still
    assert "LOG_LEVEL" in s.log()
    check = s.cli("config", "--check")
    assert check.returncode == 1 and "LOG_LEVEL" in check.stderr
    (work / ".env").write_text("LOG_LEVEL=WARNING\n")
    s.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    before = len(s.events("register.ok"))
    s.register()
    time.sleep(0.3)
    assert len(s.events("register.ok")) == before


def test_x047_a_pause_is_no_storm(make_server):
    s = make_server()
    me = s.person()
    s.process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    s.process.send_signal(signal.SIGCONT)
    assert s.me(me["access_token"]).status == 200
    assert s.refresh(me["refresh_token"]).status == 200
    assert len(s.events()) < 500
    check_invariants(s)


@sanitized
def test_x048_memory_stays_bounded_at_ten_times_the_capacity(make_server):
    s = make_server(ARGON2_MEMORY_KIB="19456", ARGON2_TIME_COST="2", LOG_LEVEL="WARNING")
    email = s.register()
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        def attempt(_):
            return s.post("/api/v1/auth/login", {"email": email, "password": PASSWORD}).status
        list(pool.map(attempt, range(64)))
        before = s.resident_kib()
        statuses = list(pool.map(attempt, range(800)))
    assert set(statuses) <= {200, 503} and 200 in statuses
    assert s.resident_kib() < before + 16 * 1024


@sanitized
def test_x050_a_few_descriptors_are_enough_for_the_probes(make_server):
    s = make_server(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    held = []
    for _ in range(120):
        try:
            held.append(socket.create_connection((s.host, s.port), timeout=1))
        except OSError:
            break
    cpu = time_used(s)
    time.sleep(1)
    assert time_used(s) - cpu < 0.5  # the accept loop does not spin
    answered = 0
    for _ in range(20):
        try:
            answered += s.get("/health/live", timeout=2).status == 200
        except OSError:
            pass
    assert answered > 0
    for h in held:
        h.close()
    time.sleep(0.5)
    check_invariants(s)


def time_used(server):
    with open(f"/proc/{server.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("target", ["pipe", "full", "closed"])
def test_x052_a_log_that_blocks_does_not_block_the_loop(make_server, tmp_path, target):
    work = tmp_path / target
    work.mkdir()
    s = make_server()
    s.stop()
    reader, writer = os.pipe()
    stderr = {"pipe": writer, "full": os.open("/dev/full", os.O_WRONLY),
              "closed": os.open("/dev/null", os.O_WRONLY)}[target]
    out = work / "out"
    with open(out, "wb") as o:
        s.process = subprocess.Popen(
            [s.process.args[0], "serve"], cwd=work, env=s.env, stdout=o, stderr=stderr,
            preexec_fn=(lambda: os.close(2)) if target == "closed" else None)
    try:
        end = time.monotonic() + 20
        while "ready at" not in out.read_text():
            assert time.monotonic() < end and s.is_alive()
            time.sleep(0.01)
        address = out.read_text().split("ready at http://", 1)[1].split()[0]
        s.host, s.port = address.rsplit(":", 1)[0], int(address.rsplit(":", 1)[1])
        me = s.person()
        for _ in range(1500):  # more lines than pipe and ring hold
            s.get("/health/live", headers={"X-Request-ID": "x" * 64})
        assert s.me(me["access_token"]).status == 200
        assert live_ms(s) < 200
        s.process.send_signal(signal.SIGTERM)
        assert s.process.wait(30) == 0
    finally:
        s.process.kill()
        s.process.wait()
        os.close(reader)
        os.close(writer)


def test_x054_a_nice_server_under_a_busy_machine_answers(make_server):
    s = make_server(preexec_fn=lambda: os.nice(19))
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count())]
    try:
        me = s.person()
        for _ in range(5):
            assert s.me(me["access_token"]).status == 200
        s.process.send_signal(signal.SIGSTOP)
        time.sleep(2)
        s.process.send_signal(signal.SIGCONT)
        assert s.refresh(me["refresh_token"]).status == 200
    finally:
        for b in busy:
            b.kill()
            b.wait()


@pytest.mark.parametrize("env", [{"TZ": "Pacific/Kiritimati"}, {"LANG": "tr_TR.UTF-8"},
                                 {"LC_ALL": "ja_JP.UTF-8"}, {"LC_NUMERIC": "de_DE.UTF-8"}])
def test_x056_the_place_changes_nothing(make_server, server, env):
    s = make_server(**env)
    me = s.person(first_name="İIıi")
    data = s.me(me["access_token"]).data
    assert data["first_name"] == "İIıi" and data["created_at"].endswith("Z")
    assert data["created_at"][:13] == time.strftime("%Y-%m-%dT%H", time.gmtime())
    s.login(me["email"].upper())
    there, here = s.get("/api/v1/users/me"), server.get("/api/v1/users/me")
    strip = ("Date", "X-Request-ID")
    assert there.status == here.status
    assert [h for h in there.headers.items() if h[0] not in strip] == \
        [h for h in here.headers.items() if h[0] not in strip]


def test_x057_peers_that_vanish_leave_nothing_behind(make_server):
    s = make_server()
    s.register()
    time.sleep(0.2)
    before = s.open_descriptors()
    for _ in range(50):
        c = s.connect()
        c.sendall(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n"
                  b"Content-Type: application/json\r\nContent-Length: 60\r\n\r\n{")
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close()  # RST
    end = time.monotonic() + 5
    while s.open_descriptors() > before and time.monotonic() < end:
        time.sleep(0.05)
    assert s.open_descriptors() <= before


def test_a027_at_most_so_many_hashes_and_the_rest_is_refused_at_once(make_server):
    s = make_server(ARGON2_MEMORY_KIB="19456", ARGON2_TIME_COST="2", ARGON2_CONCURRENCY="1",
                    LOG_LEVEL="WARNING")
    email = s.register()
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: s.post("/api/v1/auth/login",
                                                 {"email": email, "password": PASSWORD}),
                                range(300)))
    statuses = [a.status for a in answers]
    assert set(statuses) == {200, 503}
    refused = next(a for a in answers if a.status == 503)
    assert refused.error == "overloaded" and int(refused.headers["Retry-After"]) >= 1
    assert time.monotonic() - began < 60
    s.login(email)


def test_a028_callers_who_have_gone_cost_no_hash(make_server):
    s = make_server(ARGON2_MEMORY_KIB="65536", ARGON2_TIME_COST="6", ARGON2_CONCURRENCY="1")
    email = s.register()
    body = ('{"email":"%s","password":"%s"}' % (email, PASSWORD)).encode()
    began = time.monotonic()
    s.login(email)
    one = time.monotonic() - began
    gone = []
    for _ in range(10):
        c = s.connect()
        c.sendall(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                  b"application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        gone.append(c)
    time.sleep(0.02)
    for c in gone:
        c.close()
    began = time.monotonic()
    while s.post("/api/v1/auth/login", {"email": email, "password": PASSWORD}).status != 200:
        assert time.monotonic() - began < 30
    assert time.monotonic() - began < one * 7  # not behind ten others
    check_invariants(s)


def test_a029_a_stop_with_hashes_running_is_orderly(make_server):
    s = make_server(ARGON2_MEMORY_KIB="65536", ARGON2_TIME_COST="4", ARGON2_CONCURRENCY="2")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(s.post, "/api/v1/auth/register",
                             {"email": f"late{i}@example.com", "password": PASSWORD})
                 for i in range(6)]
        time.sleep(0.1)
        s.process.send_signal(signal.SIGTERM)
        statuses = []
        for a in asked:
            try:
                statuses.append(a.result().status)
            except OSError:
                statuses.append(None)  # came after the listener had gone
    assert set(statuses) <= {201, 503, None} and 201 in statuses
    assert s.process.wait(30) == 0
