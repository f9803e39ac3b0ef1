"""Prints the figures that postern is built to reach; see docs/performance.md.

  scripts/bench               all of them, in about five minutes
  scripts/bench live start    some parts: live, argon2, storm, refresh, start, memory, calls
  scripts/bench --json        for machines

What is compared is measured in one run, in turns (A B B A ...), and given as a
median, so that whatever else the machine does hits both alike. CPU time counts
the server's own work only: on a busy machine it is the figure to trust.
"""
import argparse
import contextlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

EMAIL, PASSWORD = "bench@example.com", "correct horse battery 42"
LOGIN = json.dumps({"email": EMAIL, "password": PASSWORD})
CORES = sorted(os.sched_getaffinity(0))
TICKS = os.sysconf("SC_CLK_TCK")
READY_S = 20
WARM_S = 0.3


class Figures:
    def __init__(self):
        self.rows = []

    def add(self, what, measured, unit="", least=None, most=None, note=""):
        """One line; `least` or `most` is what it should reach."""
        goal, verdict = "", ""
        if least is not None or most is not None:
            goal = f"≥ {least:g}" if most is None else f"≤ {most:g}"
            reached = measured is not None and (measured >= least if most is None else measured <= most)
            verdict = "not measured" if measured is None else "reached" if reached else "MISSED"
        self.rows.append({"figure": what, "measured": measured, "unit": unit, "reach": goal,
                          "verdict": verdict, "note": note})
        print(f"  {what}: {shown(measured)} {unit}  {verdict}", file=sys.stderr)

    def table(self):
        head = ("figure", "measured", "reach", "verdict", "")
        lines = [head] + [(r["figure"], f"{shown(r['measured'])} {r['unit']}".strip(), r["reach"],
                           r["verdict"], r["note"]) for r in self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(4)]
        for line in lines:
            print("  ".join(line[i].ljust(widths[i]) for i in range(4)) + "  " + line[4])


def shown(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


# --- what runs ---

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port, method, path, body=None, token=None):
    """Status and data of one request on a connection of its own; status 0: nobody is there."""
    headers = {"Content-Type": "application/json"} if body else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "{}").get("data")
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()


class Server:
    """postern on a directory of its own, or the bare responder."""

    def __init__(self, bench, directory=None, core=None, under=(), **environment):
        self.port = free_port()
        env = {"PATH": os.environ["PATH"], "PORT": str(self.port), "ADMIN_EMAIL": EMAIL,
               "ADMIN_PASSWORD": PASSWORD, **environment}
        if directory:
            env["DATA_DIR"] = os.path.join(directory, "data")
            env["LOG_FILE"] = os.path.join(directory, "log")
            command = [*under, bench.program("postern"), "serve"]
        else:
            command = [bench.program("tests/bench/bench_responder"), str(self.port)]
        if core is not None:
            command = ["taskset", "-c", str(core), *command]
        began = time.monotonic()
        self.process = subprocess.Popen(command, env=env, cwd=directory, stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        while ask(self.port, "GET", "/health/ready")[0] != 200:
            if self.process.poll() is not None or time.monotonic() - began > READY_S:
                raise SystemExit(f"bench: {' '.join(command)} does not come up")
            time.sleep(0.0002)
        self.start_ms = (time.monotonic() - began) * 1000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def token(self):
        status, data = ask(self.port, "POST", "/api/v1/auth/login", LOGIN)
        if status != 200:
            raise SystemExit(f"bench: the login answers {status}")
        return data["access_token"]

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self):
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) / 1024


class Bench:
    def __init__(self, build, directory, seconds):
        self.build, self.top, self.seconds = build, directory, seconds
        self.figures = Figures()

    def program(self, name):
        return os.path.join(self.build, name)

    def directory(self):
        return tempfile.mkdtemp(dir=self.top)

    def load_start(self, server, *options, seconds, core=None):
        """The generator with all its connections open, in its warm-up."""
        command = [self.program("tests/bench/load"), "-t", str(seconds), "-w", str(WARM_S),
                   *map(str, options), str(server.port)]
        if core is not None:
            command = ["taskset", "-c", str(core), *command]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if process.stdout.readline() != "begun\n":
            raise SystemExit("bench: the load generator failed")
        return process

    def load_end(self, process):
        out, _ = process.communicate()
        if process.returncode != 0:
            raise SystemExit("bench: the load generator failed")
        return json.loads(out)

    def load(self, server, *options, seconds=None, core=None):
        """The generator's report, and the server's CPU microseconds for an answer."""
        seconds = seconds or self.seconds
        process = self.load_start(server, *options, seconds=seconds, core=core)
        before, began = server.cpu_s(), time.monotonic()
        result = self.load_end(process)
        used = server.cpu_s() - before
        # The warm-up is in `used` but not in the answers: it has the same speed.
        answers = result["answers"] * (1 + WARM_S / seconds)
        result["cpu_us"] = used * 1e6 / answers if answers else 0
        result["busy"] = used / (time.monotonic() - began)
        return result


def statuses(result):
    return ", ".join(f"{n['count']} x {status}" for status, n in result["status"].items())


def median(results, key):
    return statistics.median(r[key] for r in results)


def in_turns(rounds, *measures):
    """A B B A A B B A ...: a list of results for each measure."""
    results = [[] for _ in measures]
    for i in range(rounds):
        order = range(len(measures)) if i % 2 == 0 else reversed(range(len(measures)))
        for k in order:
            results[k].append(measures[k]())
    return results


# --- the parts ---

def part_live(bench):
    """GET /health/live beside the bare responder: the server on one core, the generator on another."""
    here, there = CORES[0], CORES[-1]
    with Server(bench, core=here) as bare, \
            Server(bench, bench.directory(), core=here, JWT_ALGORITHM="ES256") as postern:
        token = postern.token()
        ours, theirs, me = in_turns(
            6, lambda: bench.load(postern, core=there), lambda: bench.load(bare, core=there),
            lambda: bench.load(postern, "-g", "/api/v1/users/me", "-b", token, core=there))
    rates = [median(r, "per_s") for r in (ours, theirs)]
    costs = [median(r, "cpu_us") for r in (ours, theirs)]
    busy = [median(r, "busy") for r in (ours, theirs)]
    bench.figures.add("live: requests/s, share of the bare responder's", rates[0] / rates[1], least=0.75,
                      note=f"{rates[0]:,.0f} of {rates[1]:,.0f}/s, core {busy[0]:.0%} and {busy[1]:.0%} busy")
    bench.figures.add("live: the same by CPU time per request", costs[1] / costs[0], least=0.75,
                      note=f"{costs[0]:.1f} µs against {costs[1]:.1f} µs")
    bench.figures.add("users/me: requests/s on one core", median(me, "per_s"), "/s",
                      note=f"{median(me, 'cpu_us'):.1f} µs of CPU each; token checked, account read")


def argon2_run(bench, *arguments):
    return subprocess.run([bench.program("tests/bench/bench_argon2"), *arguments], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def raw_hashes(bench):
    return float(re.search(r"cores: ([\d.]+) hashes/s", argon2_run(bench, "cores"))[1])


def part_argon2(bench):
    """Raw argon2id, the distribution's library, and logins on the same cores."""
    text = argon2_run(bench)
    packaged = re.search(r"libargon2\.so\.1\s+([\d.]+)", text)
    kernels = re.findall(r"(\w+), huge pages kept\s+([\d.]+)", text)
    kernel, best_ms = min(kernels, key=lambda k: float(k[1]))
    bench.figures.add("argon2id: times the distribution's library",
                      float(packaged[1]) / float(best_ms) if packaged else None, least=2.0,
                      note=f"{kernel} {best_ms} ms" + (f" against {packaged[1]} ms" if packaged
                                                        else "; libargon2.so.1 is not installed"))
    with Server(bench, bench.directory()) as server:
        raw, logins = in_turns(
            6, lambda: raw_hashes(bench),
            lambda: bench.load(server, "-c", 8, "-g", "/api/v1/auth/login", "-d", LOGIN))
    raw, served = statistics.median(raw), median(logins, "per_s")
    bench.figures.add("logins/s, share of raw argon2id on the same cores", served / raw, least=0.90,
                      note=f"{served:.0f} of {raw:.0f}/s, {len(CORES)} cores; {statuses(logins[-1])}")


def part_storm(bench):
    """Liveness while logins arrive at ten times what can be served."""
    login = ("-g", "/api/v1/auth/login", "-d", LOGIN)
    with Server(bench, bench.directory()) as server:
        before = bench.load(server, "-c", 8, *login)["per_s"]
        seconds = bench.seconds * 4
        storm = bench.load_start(server, "-c", 1024, "-r", before * 10, *login, seconds=seconds)
        live = bench.load_start(server, "-c", 16, "-r", 500, seconds=seconds)
        live, storm = bench.load_end(live), bench.load_end(storm)
        after = bench.load(server, "-c", 8, *login)["per_s"]
    capacity = (before + after) / 2
    served = storm["status"].get("200", {"count": 0})["count"] / seconds
    refused = storm["status"].get("503")
    bench.figures.add("storm: p99 of live", live["status"]["200"]["p99_ms"], "ms", most=5,
                      note=f"max {live['status']['200']['max_ms']:.1f} ms; {statuses(live)}")
    bench.figures.add("storm: share of the capacity still served", served / capacity, least=0.9,
                      note=f"{served:.0f} of {capacity:.0f} logins/s while {before * 10:.0f}/s came")
    bench.figures.add("storm: p99 of refusing", refused["p99_ms"] if refused else None, "ms", most=10,
                      note=f"{statuses(storm)}, {storm['unanswered']} unanswered"
                      + (f"; p50 {refused['p50_ms']:.1f} ms" if refused else ""))


def part_refresh(bench):
    """64 connections, each refreshing its session: ES256, synchronous=FULL."""
    refresh = ("-f", "-g", "/api/v1/auth/login", "-d", LOGIN)
    directory = bench.directory()
    with Server(bench, directory, JWT_ALGORITHM="ES256") as server:
        results = [bench.load(server, *refresh) for _ in range(5)]
    # strace sees only the syncs (seccomp), so the rest runs at its own speed.
    strace = shutil.which("strace")
    each = None
    if strace:
        counts = os.path.join(directory, "syncs")
        under = (strace, "-D", "-f", "--seccomp-bpf", "-c", "-U", "name,calls", "-o", counts,
                 "-e", "trace=fsync,fdatasync")
        with Server(bench, directory, under=under, JWT_ALGORITHM="ES256") as server:
            result = bench.load(server, *refresh)
        each = result["answers"] * (1 + WARM_S / bench.seconds) / syncs_counted(counts)
    bench.figures.add("refreshes/s, ES256, synchronous=FULL, 64 connections", median(results, "per_s"),
                      "/s", least=6000,
                      note=f"{median([r['status']['200'] for r in results], 'p99_ms'):.1f} ms p99;"
                      f" {median(results, 'cpu_us'):.0f} µs of CPU each")
    bench.figures.add("refreshes for each fsync", each, note="" if strace else "strace is not installed")


def syncs_counted(path):
    for _ in range(100):  # strace writes it after the server has gone
        with contextlib.suppress(OSError):
            with open(path) as f:
                if counts := re.findall(r"^\s*f(?:data)?sync\s+(\d+)", f.read(), re.M):
                    return sum(map(int, counts))
        time.sleep(0.05)
    raise SystemExit("bench: strace has counted nothing")


def part_start(bench):
    """From exec to the first 200 of /health/ready."""
    first, again = [], []
    for i in range(5):
        directory = bench.directory()
        with Server(bench, directory) as server:
            first.append(server.start_ms)
        for _ in range(3):
            with Server(bench, directory) as server:
                again.append(server.start_ms)
    bench.figures.add("start to ready, existing data", statistics.median(again), "ms", most=50,
                      note=f"{min(again):.0f} to {max(again):.0f}")
    bench.figures.add("start to ready, the first (RS256)", statistics.median(first), "ms", most=1000,
                      note=f"{min(first):.0f} to {max(first):.0f}; tables, keys and an administrator")


def part_memory(bench):
    """Resident memory after a start, and what 10,000 idle connections add."""
    directory = bench.directory()
    with Server(bench, directory):
        pass
    with Server(bench, directory) as server:
        time.sleep(1)
        at_rest = server.resident_mib()
        idle = bench.load_start(server, "-i", "-c", 10000, seconds=30)
        with_idle = server.resident_mib()
        idle.kill()
        idle.communicate()
    bench.figures.add("resident after start", at_rest, "MiB", most=12)
    bench.figures.add("added by 10,000 idle connections", with_idle - at_rest, "MiB", most=32)


def part_calls(bench):
    """System calls for a keep-alive request, counted by strace."""
    strace = shutil.which("strace")
    if not strace:
        bench.figures.add("system calls for a keep-alive request", None, most=2.5,
                          note="strace is not installed")
        return
    counts = os.path.join(bench.top, "calls")
    with Server(bench, bench.directory()) as server:
        tracer = subprocess.Popen([strace, "-f", "-c", "-o", counts, "-U", "name,calls", "-p",
                                   str(server.pid)], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        result = bench.load(server, "-c", 16)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
    with open(counts) as f:
        calls = {name: int(n) for name, n in re.findall(r"^\s*(\w+)\s+(\d+)$", f.read(), re.M)}
    calls.pop("total", None)
    answers = result["answers"] * (1 + WARM_S / bench.seconds)
    most = sorted(calls.items(), key=lambda c: -c[1])[:4]
    bench.figures.add("system calls for a keep-alive request",
                      sum(calls.values()) / answers if calls and answers else None, most=2.5,
                      note=", ".join(f"{name} {n / answers:.2f}" for name, n in most))


PARTS = {"live": part_live, "argon2": part_argon2, "storm": part_storm, "refresh": part_refresh,
         "start": part_start, "memory": part_memory, "calls": part_calls}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("parts", nargs="*", metavar="part", help=" ".join(PARTS))
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--seconds", type=float, default=2, help="of one measurement (default: 2)")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {' '.join(sorted(unknown))}; there are {' '.join(PARTS)}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    build = os.path.abspath(options.build)
    # In the build directory, whose disk is a real one; /tmp may be memory.
    with tempfile.TemporaryDirectory(dir=build, prefix="bench-") as directory:
        bench = Bench(build, directory, options.seconds)
        for name in options.parts or PARTS:
            print(f"{name}: {PARTS[name].__doc__}", file=sys.stderr)
            PARTS[name](bench)
    if options.json:
        print(json.dumps({"cores": len(CORES), "load": os.getloadavg()[0],
                          "figures": bench.figures.rows}, indent=2, ensure_ascii=False))
    else:
        print()
        bench.figures.table()


main()
