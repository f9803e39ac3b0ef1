"""Builds and runs postern's tests. The last line is the total, alone:
"N passed, N failed", with ", N skipped" when there were any.

  scripts/test                        everything: gcc, clang and sanitizer builds, unit and
                                      integration tests, kill -9 rounds, fuzzing, dress
  scripts/test --quick                unit and integration tests of one build
  scripts/test unit/base/test_str     one unit test program
  scripts/test unit/base              those of one floor
  scripts/test integration            integration tests ...
  scripts/test integration/test_x.py  ... or a file, or a file::test
  scripts/test --build asan ...       with another build than gcc
  scripts/test --fuzz SECONDS         the fuzz targets only, so long each (scripts/fuzz)

A test is passed, failed or skipped; a build, a sanitizer's report, a fuzz
target, the ledger and each look at the source count as one.
"""
import argparse
import concurrent.futures
import fcntl
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = os.cpu_count() or 1
FUZZ_SECONDS = 60
LEDGER_ROUNDS = 50

# A warning is a failure with the compilers of Debian 12: others warn of other things, and
# sanitizers' checks confuse gcc's flow analysis.
with open("/etc/os-release") as release:
    STRICT = ["-Dwerror=true"] if 'VERSION_CODENAME=bookworm' in release.read() else []
SANITIZE = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1"]
BUILDS = {    # name: (compiler, meson arguments)
    "gcc": ("gcc", STRICT),
    "clang": ("clang", STRICT),
    "asan": ("gcc", SANITIZE),
    "fuzz": ("clang", SANITIZE + ["-Dfuzz=true", "-Dtests=disabled"]),
}


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed=0, failed=0, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def line(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


totals = Totals()
began = time.monotonic()


def say(text):
    print(f"[{int(time.monotonic() - began):4} s] {text}", flush=True)


def show(output, lines=100):
    for line in output.rstrip().split("\n")[-lines:]:
        print("    " + (line if len(line) <= 240 else line[:240] + "..."), flush=True)


def run(command, **options):
    """Output and exit status; the output is everything it said."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, errors="replace", **options)
    return done.stdout, done.returncode


# --- builds ------------------------------------------------------------------

def build_dir(name):
    return os.path.join(TOP, "build", name)


def configure(name):
    folder = build_dir(name)
    compiler, arguments = BUILDS[name]
    if os.path.exists(os.path.join(folder, "build.ninja")):
        return True
    output, status = run([os.path.join(TOP, "scripts/configure"), folder, *arguments],
                         env=dict(os.environ, CC=compiler))
    if status:
        show(output)
        shutil.rmtree(folder, ignore_errors=True)
        totals.add(failed=1)
        say(f"{name}: configure FAILED")
    return status == 0


def build(name, targets=()):
    """A build that fails is a failure of its own. No targets: all."""
    if not configure(name):
        return False
    output, status = run(["ninja", "-k", "0", "-C", build_dir(name), *targets])
    if status:
        lines = output.split("\n")
        first = next((i for i, line in enumerate(lines) if line.startswith("FAILED")), 0)
        show("\n".join(line for line in lines[first:] if not re.match(r"\[\d+/\d+\]", line)))
        totals.add(failed=1)
        say(f"{name}: build FAILED")
        return False
    totals.add(passed=1)
    say(f"{name}: built")
    return True


# --- sanitizers --------------------------------------------------------------

class Reports:
    """Where sanitizers write. Any file there is a failure: a leak, or a report
    of a process whose end nobody looked at, fails no test by itself."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="postern-reports-")

    def environment(self, **more):
        at = os.path.join(self.folder, "report")
        return dict(
            os.environ,
            # Fibers: a frame lives on a stack ASan did not make.
            ASAN_OPTIONS=f"detect_stack_use_after_return=0:print_legend=0:log_path={at}",
            UBSAN_OPTIONS=f"print_stacktrace=1:halt_on_error=1:log_path={at}",
            LSAN_OPTIONS=f"suppressions={os.path.join(TOP, 'tests/lsan.supp')}:print_suppressions=0"
            if os.path.exists(os.path.join(TOP, "tests/lsan.supp")) else "print_suppressions=0",
            **more)

    def collect(self):
        texts = []
        for path in sorted(glob.glob(os.path.join(self.folder, "*"))):
            with open(path, errors="replace") as f:
                text = f.read().strip()
            if text:
                texts.append(text)
        shutil.rmtree(self.folder, ignore_errors=True)
        return texts


# --- unit tests --------------------------------------------------------------

def unit_programs(name, wanted):
    """(name, program) of the test programs that `wanted` (floor, floor/test) names."""
    output = subprocess.run(["meson", "introspect", "--tests", build_dir(name)],
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    found = [(t["name"], t["cmd"][0]) for t in json.loads(output)]
    if not wanted:
        return found
    return [(n, p) for n, p in found
            if any(n == w or n.startswith(w.rstrip("/") + "/") for w in wanted)]


def unit_run(program, timeout=600):
    """One Criterion program: (passed, failed, skipped, what to show)."""
    reports = Reports()
    with tempfile.TemporaryDirectory(prefix="postern-unit-") as folder:
        result = os.path.join(folder, "result.xml")
        try:
            output, status = run([program, "-j1", f"--xml={result}"], cwd=TOP, timeout=timeout,
                                 env=reports.environment(TMPDIR=folder))
        except subprocess.TimeoutExpired as e:
            output, status = (e.stdout or b"").decode(errors="replace") + "\ntimed out", 1
        text = ""
        if os.path.exists(result):
            with open(result, errors="replace") as f:
                text = f.read()
    # Not with an XML parser: messages may hold what XML may not.
    states = re.findall(r'<testcase name="[^"]*"[^>]*? status="([A-Z]+)"', text)
    passed, skipped = states.count("PASSED"), states.count("SKIPPED")
    failed = len(states) - passed - skipped
    found = reports.collect()
    failed += len(found)
    if status and not failed:
        failed = 1
    if not states:
        failed = max(failed, 1)
    shown = "\n".join([output if failed else "", *found]).strip()
    return passed, failed, skipped, shown


def unit_tests(name, wanted=()):
    programs = unit_programs(name, wanted)
    sums = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for (test, _), (passed, failed, skipped, shown) in zip(
                programs, pool.map(lambda each: unit_run(each[1]), programs)):
            if failed:
                say(f"{name}: unit/{test}: {failed} FAILED")
                show(shown)
            sums = [a + b for a, b in zip(sums, (passed, failed, skipped))]
    totals.add(*sums)
    say(f"{name}: unit: {sums[0]} passed, {sums[1]} failed, {sums[2]} skipped"
        f" in {len(programs)} programs")


# --- integration tests -------------------------------------------------------

def integration_tests(name, wanted=()):
    """pytest against the program of one build; $POSTERN names it."""
    folder = os.path.join(TOP, "tests/integration")
    if not glob.glob(os.path.join(folder, "**/test_*.py"), recursive=True):
        if wanted:
            say("there are no integration tests")
            totals.add(failed=1)
        return
    reports = Reports()
    with tempfile.TemporaryDirectory(prefix="postern-integration-") as scratch:
        result = os.path.join(scratch, "result.xml")
        output, status = run(
            ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
             f"--basetemp={scratch}/tmp", f"--junitxml={result}",
             *([os.path.join(TOP, "tests", w) for w in wanted] or [folder])],
            cwd=TOP,
            env=reports.environment(POSTERN=os.path.join(build_dir(name), "postern"),
                                    POSTERN_BUILD=name))
        passed = failed = skipped = 0
        if os.path.exists(result):
            for suite in xml.etree.ElementTree.parse(result).getroot().iter("testsuite"):
                bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
                off = int(suite.get("skipped", 0))
                failed += bad
                skipped += off
                passed += max(int(suite.get("tests", 0)) - bad - off, 0)
    found = reports.collect()
    failed += len(found)
    if status and not failed:
        failed = 1
    if failed:
        show("\n".join([output, *found]), lines=200)
    totals.add(passed, failed, skipped)
    say(f"{name}: integration: {passed} passed, {failed} failed, {skipped} skipped")


# --- the ledger --------------------------------------------------------------

def ledger(name):
    """Whatever the server acknowledged survives kill -9."""
    script = os.path.join(TOP, "tests/ledger/ledger.py")
    if not os.path.exists(script):
        return
    output, status = run(["/usr/bin/python3", "-B", script, "--rounds", str(LEDGER_ROUNDS),
                          os.path.join(build_dir(name), "postern")], cwd=TOP)
    if status:
        show(output)
        totals.add(failed=1)
    else:
        totals.add(passed=1)
    say(f"{name}: ledger, {LEDGER_ROUNDS} rounds of kill -9: {'FAILED' if status else 'passed'}")


# --- fuzzing -----------------------------------------------------------------

def fuzz_one(program, seconds):
    name = os.path.basename(program)
    work = os.path.join(build_dir("fuzz"), "found", name)
    corpus = os.path.join(work, "corpus")
    os.makedirs(corpus, exist_ok=True)
    seeds = os.path.join(TOP, "tests/fuzz/corpus", name.removeprefix("fuzz_"))
    command = [program, corpus, *([seeds] if os.path.isdir(seeds) else []),
               f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
               "-print_final_stats=1", f"-artifact_prefix={work}/"]
    environment = dict(os.environ, ASAN_OPTIONS="detect_stack_use_after_return=0",
                       UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
    try:
        output, status = run(command, env=environment, timeout=seconds * 3 + 60)
    except subprocess.TimeoutExpired as e:
        output, status = (e.stdout or b"").decode(errors="replace") + "\ndid not end", 1
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    executed = int(executed[1]) if executed else 0
    return name, status == 0 and executed > 0, executed, output


def fuzz(seconds=FUZZ_SECONDS):
    if not glob.glob(os.path.join(TOP, "tests/fuzz/fuzz_*.c")):
        return
    if not build("fuzz"):
        return
    programs = sorted(p for p in glob.glob(os.path.join(build_dir("fuzz"), "tests/fuzz/fuzz_*"))
                      if os.path.isfile(p) and os.access(p, os.X_OK))
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, fine, executed, output in pool.map(lambda p: fuzz_one(p, seconds), programs):
            if not fine:
                show(output)
            totals.add(passed=int(fine), failed=int(not fine))
            say(f"fuzz: {name}: {executed} inputs, {'passed' if fine else 'FAILED'}")


# --- the source itself -------------------------------------------------------

def dress():
    for title, command in (("format", ["scripts/format", "--check"]),
                           ("floors", ["scripts/floors"])):
        output, status = run(command, cwd=TOP)
        if status == 77:
            totals.add(skipped=1)
        elif status:
            show(output)
            totals.add(failed=1)
        else:
            totals.add(passed=1)
        say(f"{title}: {'skipped' if status == 77 else 'FAILED' if status else 'passed'}")


# --- what to do --------------------------------------------------------------

def everything():
    dress()
    built = {name: build(name) for name in ("gcc", "asan", "clang")}
    for name in ("gcc", "asan", "clang"):
        if built[name]:
            unit_tests(name)
    for name in ("gcc", "asan"):
        if built[name]:
            integration_tests(name)
    if built["gcc"]:
        ledger("gcc")
    fuzz()


def some(name, wanted):
    """What the arguments name, of one build, and no more is built than that."""
    for w in wanted:
        if not re.match(r"(unit|integration)(/|$)", w):
            say(f"{w}: what is that? unit/... or integration/...")
            totals.add(failed=1)
            return
    units = [w[len("unit/"):] for w in wanted if w.startswith("unit/")]
    integration = [w for w in wanted if w.startswith("integration")]
    with_units = units or "unit" in wanted or not wanted
    if not configure(name):
        return
    targets = []
    if wanted:
        if with_units:
            run(["ninja", "-C", build_dir(name), "build.ninja"])
            targets += [os.path.relpath(p, build_dir(name)) for _, p in unit_programs(name, units)]
        if integration:
            targets.append("postern")
        if not targets:
            say(f"no unit test is named {' '.join(wanted)}")
            totals.add(failed=1)
            return
    if not build(name, targets):
        return
    if with_units:
        unit_tests(name, units)
    if integration or not wanted:
        integration_tests(name, integration)


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="unit and integration tests of one build")
    parser.add_argument("--build", choices=["gcc", "clang", "asan"], default=None)
    parser.add_argument("--fuzz", type=int, metavar="SECONDS")
    parser.add_argument("test", nargs="*")
    options = parser.parse_args()
    # An interrupted run takes its children along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    os.makedirs(os.path.join(TOP, "build"), exist_ok=True)
    lock = open(os.path.join(TOP, "build/.test.lock"), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another scripts/test is at work in this checkout; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)

    wanted = [re.sub(r"^(\./)?tests/|\.c$", "", w) for w in options.test]
    if options.fuzz:
        fuzz(options.fuzz)
    elif wanted or options.quick or options.build:
        some(options.build or "gcc", wanted)
    else:
        everything()
    print(totals.line(), flush=True)
    sys.exit(1 if totals.failed or not totals.passed else 0)


main()
