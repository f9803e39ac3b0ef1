"""A postern of its own for the tests, and a client for it.

The binary is $POSTERN. Each server runs in a directory of its own on a free
port, with a password hash that is cheap unless a test asks for the real one.
"""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("POSTERN", str(ROOT / "build" / "gcc" / "postern"))
PASSWORD = "correct horse battery staple 42"
ADMIN_PASSWORD = "quite another horse 77 battery"
START_S = 30

CHEAP = {
    "ENVIRONMENT": "testing",
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "DEBUG",
    "ARGON2_MEMORY_KIB": "64",
    "ARGON2_TIME_COST": "1",
    "JWT_ALGORITHM": "ES256",
    "ADMIN_EMAIL": "admin@example.com",
    "ADMIN_PASSWORD": ADMIN_PASSWORD,
}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        return self.json["data"]

    @property
    def error(self):
        return self.json["error"]


class Server:
    """One running postern; `work` is its directory."""

    def __init__(self, work, env=None, start=True, preexec_fn=None):
        self.work = pathlib.Path(work)
        self.env = {k: v for k, v in os.environ.items()
                    if k in ("PATH", "HOME", "LANG") or k.endswith("SAN_OPTIONS")}
        self.env |= CHEAP | {"PORT": "0"} | (env or {})
        self.env = {k: v for k, v in self.env.items() if v is not None}
        self.process = None
        self.starts = 0
        self.preexec_fn = preexec_fn
        if start:
            self.start()

    # --- life ---

    def start(self):
        self.starts += 1
        self.log_path = self.work / f"stderr-{self.starts}.log"
        self.out_path = self.work / f"stdout-{self.starts}.log"
        with open(self.log_path, "wb") as err, open(self.out_path, "wb") as out:
            self.process = subprocess.Popen([BINARY, "serve"], cwd=self.work, env=self.env,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            preexec_fn=self.preexec_fn)
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            found = re.search(rb"ready at http://([^:\s]+):(\d+)", self.out_path.read_bytes())
            if found:
                self.host, self.port = found[1].decode(), int(found[2])
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        raise AssertionError(f"postern did not start: {self.log()}")

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def stop(self, sig=signal.SIGTERM, timeout=40):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(timeout)
        return self.process.returncode if self.process else None

    def kill(self):
        return self.stop(signal.SIGKILL)

    def restart(self):
        self.stop()
        return self.start()

    def is_alive(self):
        return self.process.poll() is None

    def log(self):
        return "".join(p.read_text(errors="replace") for p in sorted(self.work.glob("stderr-*.log")))

    def events(self, name=None):
        found = []
        for line in self.log().splitlines():
            if line.startswith("{"):
                event = json.loads(line)
                if name is None or event["event"] == name:
                    found.append(event)
        return found

    def wait_for(self, name, **fields):
        """The first event of that name with these fields; lines come a moment late."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            for event in self.events(name):
                if fields.items() <= event.items():
                    return event
            time.sleep(0.01)
        raise AssertionError(f"no {name} with {fields} in the log")

    def output(self):
        return "".join(p.read_text() for p in sorted(self.work.glob("stdout-*.log")))

    def cli(self, *words, stdin="", env=None):
        return subprocess.run([BINARY, *words], cwd=self.work, env=self.env | (env or {}),
                              input=stdin, capture_output=True, text=True, timeout=60)

    # --- requests ---

    def connect(self, timeout=20):
        return socket.create_connection((self.host, self.port), timeout=timeout)

    def raw(self, data, timeout=10, half_close=False):
        """Sends bytes, answers all that comes until the server closes or falls silent."""
        with self.connect(timeout) as s:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            got = b""
            try:
                while chunk := s.recv(65536):
                    got += chunk
            except (TimeoutError, ConnectionResetError):
                pass
            return got

    def request(self, method, path, body=None, token=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, body=body, **kw)

    def register(self, email=None, password=PASSWORD, **more):
        email = email or f"u{uuid.uuid4().hex[:12]}@example.com"
        answer = self.post("/api/v1/auth/register", {"email": email, "password": password} | more)
        assert answer.status == 201, answer.body
        return email

    def login(self, email, password=PASSWORD, headers=None):
        answer = self.post("/api/v1/auth/login", {"email": email, "password": password},
                           headers=headers)
        assert answer.status == 200, answer.body
        return answer.data

    def refresh(self, token, headers=None):
        return self.post("/api/v1/auth/refresh", {"refresh_token": token}, headers=headers)

    def person(self, **more):
        """Registers somebody and logs in: what the login answered, and `email`."""
        email = self.register(**more)
        return self.login(email) | {"email": email}

    def me(self, token):
        return self.get("/api/v1/users/me", token=token)

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_kib(self):
        for line in open(f"/proc/{self.pid}/status"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1])


def check_invariants(server, secrets=()):
    """CASES group 0, as far as they can be seen from outside: U2, U3, U6, U8."""
    assert server.is_alive()  # U2
    answer = server.get("/health/live")
    assert answer.status == 200  # U3
    assert answer.headers["X-Content-Type-Options"] == "nosniff"  # U8
    assert "Server" not in answer.headers
    canary = server.person()
    assert server.refresh(canary["refresh_token"]).status == 200
    log = server.log()
    for secret in [PASSWORD, ADMIN_PASSWORD, canary["access_token"], canary["refresh_token"],
                   *secrets]:
        assert secret not in log  # U6
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", log)  # U6
    for event in server.events("request_end"):
        assert event["status"] < 500 or event["status"] in (501, 503, 504, 505)  # U1


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("postern"))
    yield s
    assert s.stop() == 0
    check_log_is_clean(s)


@pytest.fixture
def server(shared_server):
    """The server that most tests share; after each test the invariants hold."""
    yield shared_server
    check_invariants(shared_server)


@pytest.fixture
def make_server(tmp_path):
    """Servers of a test's own: make_server(NAME="value", ...)."""
    made = []

    def make(work=None, preexec_fn=None, start=True, **env):
        if work is None:
            work = tmp_path / f"server-{len(made)}"
            work.mkdir()
        s = Server(work, env, start=start, preexec_fn=preexec_fn)
        made.append(s)
        return s

    yield make
    for s in made:
        s.kill()
        check_log_is_clean(s)


def check_log_is_clean(server):
    log = server.log()
    for word in ("AddressSanitizer", "LeakSanitizer", "runtime error:", "broken invariant",
                 "out of memory"):
        assert word not in log, log[-4000:]
