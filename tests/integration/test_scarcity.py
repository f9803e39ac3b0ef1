"""Memory, threads and randomness that are not to be had: X-049, X-051."""
import http.client
import os
import pathlib
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import ADMIN_PASSWORD, PASSWORD

pytestmark = pytest.mark.skipif(os.environ.get("POSTERN_BUILD") == "asan",
                                reason="sanitizers bring an allocator of their own")
HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    out = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(out),
                    str(HERE / "fault_shim.c"), "-ldl", "-lpthread"], check=True)
    return str(out)


def story(s, tag):
    """A short life; what was acknowledged, as far as the server lived to say so."""
    acked = {}
    try:
        email = f"story{tag}@example.com"
        body = {"email": email, "password": PASSWORD}
        if s.post("/api/v1/auth/register", body, timeout=10).status == 201:
            acked["account"] = email
        wrong = s.post("/api/v1/auth/login", body | {"password": "wrong " + PASSWORD}, timeout=10)
        assert wrong.status in (401, 500, 503)  # U12
        answer = s.post("/api/v1/auth/login", body, timeout=10)
        if answer.status == 200:
            acked["session"] = answer.data["refresh_token"]
            assert s.me(answer.data["access_token"][:-2] + "AA").status in (401, 500, 503)
            answer = s.refresh(acked["session"])
            if answer.status == 200:
                acked["session"] = answer.data["refresh_token"]
    except (OSError, http.client.HTTPException):
        pass
    return acked


def ending(s, acked):
    """How the server took it; it is not running afterwards."""
    time.sleep(0.05)
    if s.process.poll() is None:
        s.stop()
        return "lived"
    last = s.log_path.read_text()[-500:]
    # A library that cannot go on is a broken invariant: abort instead of _exit(70).
    assert s.process.returncode in (70, -signal.SIGABRT), last
    assert "out of memory" in last or "broken invariant" in last, last
    s.log_path.unlink()
    return "ended"


def whole_afterwards(s, acked):
    """U11, without the shim."""
    s.env = {k: v for k, v in s.env.items() if not k.startswith("SHIM_") and k != "LD_PRELOAD"}
    s.start()
    s.login("admin@example.com", ADMIN_PASSWORD)
    if "account" in acked:
        s.login(acked["account"])
    if "session" in acked:
        assert s.refresh(acked["session"]).status == 200
    s.stop()


@pytest.mark.parametrize("forever", [False, True])
def test_x049_memory_that_ends_while_serving_loses_nothing(make_server, shim, forever):
    s = make_server()
    s.stop()
    endings = set()
    for n in [*range(1, 24, 2), *range(24, 160, 8), *range(160, 700, 60)]:
        s.env |= {"LD_PRELOAD": shim, "SHIM_MALLOC": str(n), "SHIM_ON_SIGNAL": "1"}
        s.env |= {"SHIM_FOREVER": "1"} if forever else {}
        s.start()
        s.process.send_signal(signal.SIGRTMIN + 1)
        acked = story(s, f"{n}{forever}")
        endings.add(ending(s, acked))
        whole_afterwards(s, acked)
    with sqlite3.connect(s.work / "data" / "postern.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert "ended" in endings


def test_x049_memory_that_ends_during_the_start_refuses_it(make_server, shim):
    s = make_server()
    s.stop()
    refused = 0
    for n in [1, 3, 10, 30, 100, 200, 300, 500, 800, 1300, 2000]:
        s.env |= {"LD_PRELOAD": shim, "SHIM_MALLOC": str(n), "SHIM_FOREVER": "1"}
        try:
            s.start()
        except AssertionError:
            assert s.process.poll() not in (None, 0)
            refused += 1
        else:
            s.kill()
        if s.log_path.exists():
            s.log_path.unlink()
    assert refused > 5
    whole_afterwards(s, {})


@pytest.mark.parametrize("how", ["fail", "short"])
def test_x051_without_randomness_nothing_starts(make_server, shim, how):
    s = make_server()
    s.stop()
    s.env |= {"LD_PRELOAD": shim, "SHIM_RANDOM": how}
    with pytest.raises(AssertionError, match="random"):
        s.start()
    assert s.process.poll() not in (None, 0)


@pytest.mark.parametrize("n", range(1, 9))
def test_x051_a_thread_that_cannot_be_made_refuses_the_start_or_is_not_needed(make_server, shim, n):
    s = make_server()
    s.stop()
    s.env |= {"LD_PRELOAD": shim, "SHIM_THREADS": str(n)}
    try:
        s.start()
    except AssertionError:
        # libuv aborts when it cannot have its pool; what matters is that it is no hang.
        assert s.process.poll() not in (None, 0)
        return
    me = s.person()
    assert s.refresh(me["refresh_token"]).status == 200
