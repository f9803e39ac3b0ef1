"""kill -9 in the middle of everything: nothing acknowledged is lost.

  tests/ledger/ledger.py [--rounds N] [--seed N] path/to/postern

A round: clients register, log in and refresh as fast as they can and write
down what the server acknowledged; the server is killed at a random moment and
started again on the same directory; then every account in the ledger must be
able to log in and every session must be refreshable by its owner, with the
last token the owner has seen. An answer that was lost leaves either the old
token's successor or the old token itself: the owner cannot tell and need not.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

CLIENTS = 8
CHECKED = 40  # accounts of earlier rounds that log in again after each kill


class Client(threading.Thread):
    """One connection's worth of people; `accounts` and `sessions` are the ledger."""

    def __init__(self, number, ledger, port, stop):
        super().__init__(daemon=True)
        self.number, self.ledger, self.port, self.stop = number, ledger, port, stop
        self.requests = 0
        self.surprise = None

    def ask(self, path, body):
        self.connection.request("POST", "/api/v1/auth/" + path, json.dumps(body),
                                {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        data = response.read()
        self.requests += 1
        return response.status, json.loads(data)

    def run(self):
        try:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            while not self.stop.is_set():
                self.step()
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            pass  # the server was killed
        except Exception as e:  # what the main thread must hear of
            self.surprise = repr(e)

    def step(self):
        email = f"c{self.number}-{self.ledger.fresh()}@example.com"
        password = f"kettle orbit {email}".replace("@example.com", "")
        status, answer = self.ask("register", {"email": email, "password": password})
        if status == 503:
            return
        if status != 201:
            raise AssertionError(f"register: {status} {answer}")
        self.ledger.accounts[email] = password
        status, answer = self.ask("login", {"email": email, "password": password})
        if status == 503:
            return
        if status != 200:
            raise AssertionError(f"login: {status} {answer}")
        self.ledger.sessions[email] = answer["data"]["refresh_token"]
        for _ in range(random.randrange(6)):
            status, answer = self.ask("refresh", {"refresh_token": self.ledger.sessions[email]})
            if status == 503:
                return
            if status != 200:
                raise AssertionError(f"refresh: {status} {answer}")
            self.ledger.sessions[email] = answer["data"]["refresh_token"]


class Ledger:
    def __init__(self):
        self.accounts, self.sessions = {}, {}
        self.number = 0
        self.lock = threading.Lock()

    def fresh(self):
        with self.lock:
            self.number += 1
            return self.number


class Postern:
    def __init__(self, binary, work):
        self.binary, self.work = binary, work
        self.environment = dict(
            os.environ, ENVIRONMENT="testing", PORT="0", PUBLIC_URL="http://127.0.0.1:8000", ARGON2_MEMORY_KIB="64",
            ARGON2_TIME_COST="1", JWT_ALGORITHM="ES256", REFRESH_TOKEN_GRACE_SECONDS="300",
            ADMIN_EMAIL="admin@example.com", ADMIN_PASSWORD="quite another horse 77 battery",
            LOG_LEVEL="WARNING")

    def start(self):
        out = self.work / "out.log"
        with open(out, "wb") as o, open(self.work / "err.log", "ab") as e:
            self.process = subprocess.Popen([self.binary, "serve"], cwd=self.work, stdout=o,
                                            stderr=e, stdin=subprocess.DEVNULL,
                                            env=self.environment)
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            text = out.read_text()
            if "ready at http://" in text:
                return int(text.split("ready at http://", 1)[1].split()[0].rsplit(":", 1)[1])
            time.sleep(0.005)
        raise AssertionError("did not start: " + (self.work / "err.log").read_text()[-2000:])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def check(port, ledger, lost):
    """Every session goes on, and accounts log in."""
    client = Client(-1, ledger, port, threading.Event())
    client.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for email, token in list(ledger.sessions.items()):
        status, answer = client.ask("refresh", {"refresh_token": token})
        if status == 200:
            ledger.sessions[email] = answer["data"]["refresh_token"]
        else:
            lost.append(f"session of {email}: {status} {answer.get('error')}")
            del ledger.sessions[email]
    newest = list(ledger.accounts)[-CHECKED:]
    older = random.sample(list(ledger.accounts), min(CHECKED, len(ledger.accounts)))
    for email in {*newest, *older}:
        body = {"email": email, "password": ledger.accounts[email]}
        status, answer = client.ask("login", body)
        if status != 200:
            lost.append(f"account {email}: {status} {answer.get('error')}")
    client.connection.close()


def check_database(path, ledger, lost):
    with sqlite3.connect(path) as db:
        found = db.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            lost.append(f"integrity_check: {found}")
        stored = {row[0] for row in db.execute("SELECT email FROM account")}
    lost.extend(f"account {email}: not in the database"
                for email in ledger.accounts if email not in stored)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("binary")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    random.seed(seed)
    print(f"seed {seed}", flush=True)

    ledger, lost, requests = Ledger(), [], 0
    with tempfile.TemporaryDirectory(prefix="postern-ledger-") as folder:
        work = pathlib.Path(folder)
        postern = Postern(str(pathlib.Path(options.binary).resolve()), work)
        port = postern.start()
        for number in range(options.rounds):
            stop = threading.Event()
            clients = [Client(i, ledger, port, stop) for i in range(CLIENTS)]
            for c in clients:
                c.start()
            time.sleep(random.uniform(0.01, 0.25))
            postern.kill()
            stop.set()
            for c in clients:
                c.join(20)
                requests += c.requests
                if c.surprise:
                    lost.append(f"round {number}: {c.surprise}")
            port = postern.start()
            check(port, ledger, lost)
            # What has been checked often enough makes room, so that rounds stay short.
            for email in list(ledger.sessions)[:-200]:
                del ledger.sessions[email]
            if lost:
                break
        postern.process.send_signal(signal.SIGTERM)
        if postern.process.wait(40) != 0:
            lost.append("the last stop was not clean")
        databases = list(work.glob("data/*.db"))
        check_database(databases[0], ledger, lost)
    print(f"{options.rounds} rounds, {requests} requests acknowledged,"
          f" {len(ledger.accounts)} accounts, {len(lost)} lost", flush=True)
    for line in lost[:20]:
        print("  " + line)
    return 1 if lost or not requests else 0


sys.exit(main())
