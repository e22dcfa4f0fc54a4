"""How a check grows with the number of rules: an access list before a router, from 100 to a million rules.

    python benchmarks/rules_scale.py [--only REGEX] [--largest 1000000] [--limit 900] [--data FILE] [--plot FILE]

``lowered``: rules are read, made flows of by our own lowering, and checked. ``foreign``: the same rules are written as
somebody else's flows (shuffled, prefixes cut in two, other priorities, rules that are never met), with three errors;
all three have to be found, and nothing else. ``filters``: likewise, as tc flower filters; ``u32``: as u32 filters.
``upgrade``: flows as a compiler writes them against those foreign ones, without a program; again just the three errors
have to be found. ``insert``: the mean time of one more route (a rule and a flow that come in together, as text) once
flows of a compiler were accepted; ``insert-flower`` and ``insert-u32``: likewise with filters. A point
is processor time in a process of its own; ``--data`` keeps the points in a JSON file and does
not measure again what is there. A point that takes longer than ``--limit`` is shown as stopped, with the memory it had
then. Exit code 1 if a verdict is not what it has to be.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from p4verify import targets
from p4verify.collecting import collect_all_rarely
from p4verify.inputs import read_rules
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.scale import Large, LargePair, check_large
from p4verify.scale.watching import CHANGE, ArtifactSide, Asked, RulesSide, Watched
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import NOWHERE
from tests.support import large_rules
from tests.support.log_plot import log_plot

WAYS: Final = ("lowered", "foreign", "filters", "u32", "upgrade", "insert", "insert-flower", "insert-u32")
TARGETS: Final = {"filters": "flower", "u32": "u32", "insert-flower": "flower", "insert-u32": "u32"}
"""Where it is not OpenFlow."""
OPEN_FROM: Final = 20
SEED: Final = 1
INSERTED: Final = 2000


def main() -> int:
    """Run; see the module's text for the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="REGEX", help="ways that have this")
    parser.add_argument("--largest", type=int, default=1_000_000, help="rules (default 1000000)")
    parser.add_argument("--limit", type=int, default=900, help="seconds of processor time for a point (default 900)")
    parser.add_argument("--data", type=Path, help="keeps the points")
    parser.add_argument("--plot", type=Path, help="writes the curves as SVG")
    parser.add_argument("--point", nargs=2, metavar=("WAY", "N"), help="measure one point here, as JSON")
    arguments = parser.parse_args()
    if arguments.point:
        collect_all_rarely()  # as the command does
        print(json.dumps(_point(arguments.point[0], int(arguments.point[1]))))
        return 0
    known: dict[str, dict[str, Any]] = {}
    if arguments.data is not None and arguments.data.exists():
        known = json.loads(arguments.data.read_text())
    wrong = 0
    for way in (way for way in WAYS if re.search(arguments.only, way)):
        count = 100
        while count <= arguments.largest:
            points = known.setdefault(way, {})
            if str(count) not in points:
                points[str(count)] = _measured(way, count, arguments.limit)
                if arguments.data is not None:
                    arguments.data.write_text(json.dumps(known, indent=1))
            print(way, count, points[str(count)], flush=True)
            wrong += points[str(count)]["right"] is False
            count *= 10
    if arguments.plot is not None:
        arguments.plot.write_text(_plot(known))
    return 1 if wrong else 0


def _measured(way: str, count: int, limit: int) -> dict[str, Any]:
    """A point, measured in a process of its own, which the system ends when the limit is over."""
    command = [sys.executable, __file__, "--point", way, str(count)]
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        bounded = partial(resource.setrlimit, resource.RLIMIT_CPU, (limit, limit + 5))
        process = subprocess.Popen(command, stdout=said, stderr=complained, preexec_fn=bounded)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            spent = round(usage.ru_utime + usage.ru_stime)
            return {"right": None, "stopped": f"after {spent} s of processor time", "MiB": usage.ru_maxrss >> 10}
        if process.returncode:
            return {"right": False, "why": complained.read().strip().rpartition("\n")[2]}
        return json.loads(said.read())  # type: ignore[no-any-return]


def _point(way: str, count: int) -> dict[str, Any]:
    rules = large_rules.generate(count, SEED)
    if way == "upgrade":
        return _upgraded(rules)
    target = targets.find(TARGETS.get(way, "openflow"))
    plain = way == "lowered" or way in TARGETS
    flows = "\n".join(_written(way, rules))
    with tempfile.TemporaryDirectory() as folder:
        program, given = Path(folder) / "x.p4", Path(folder) / "x.cli"
        program.write_text(large_rules.PLAIN_PROGRAM if plain else large_rules.PROGRAM)
        given.write_text("\n".join(large_rules.command_lines(rules)))
        laps = {"start": time.process_time()}
        loaded = load_program(str(program))
        installed = read_rules(str(given), loaded)
    laps["rules read"] = time.process_time()
    artifact = target.lower(loaded, installed, {}) if way == "lowered" else target.read(flows.encode(), "x.flows")
    laps["flows made" if way == "lowered" else "flows read"] = time.process_time()
    engine = Engine.within(None)
    large = Large(loaded, installed, target, artifact, machines_confirm=False, open_from=OPEN_FROM)
    if way.startswith("insert"):
        return _inserted(large, rules)
    proof = check_large(large, engine, time.monotonic())
    laps["check"] = time.process_time()
    right = proof.verdict is Verdict.ACCEPT if way == "lowered" else len(proof.regions) == 3
    return _told(proof, laps, right=right)


def _upgraded(rules: large_rules.Rules) -> dict[str, Any]:
    """Two lists of flows against each other."""
    target = targets.find("openflow")
    lists = large_rules.flows(rules), large_rules.foreign_flows(rules, 7, 3)
    texts = ["\n".join(lines).encode() for lines in lists]
    laps = {"start": time.process_time()}
    first, second = ((target, target.read(text, f"{i}.flows")) for i, text in enumerate(texts))
    pair = LargePair(first, second, machines_confirm=False, open_from=OPEN_FROM)
    laps["flows read"] = time.process_time()
    proof = check_large(pair, Engine.within(None), time.monotonic())
    laps["check"] = time.process_time()
    return _told(proof, laps, right=len(proof.regions) == 3)


def _told(proof: Proof, laps: dict[str, float], *, right: bool) -> dict[str, Any]:
    times = list(laps.items())
    parts = {name: round(t - before, 2) for (_, before), (name, t) in pairwise(times)}
    return {
        "right": right, "seconds": round(times[-1][1] - times[0][1], 2), "MiB": _memory(),
        "verdict": proof.verdict.value, "regions": len(proof.regions), **parts,
        **({} if right else {"why": proof.reason}),
    }  # fmt: skip


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _written(way: str, rules: large_rules.Rules) -> list[str]:
    """The lines of the artifact."""
    foreign = {"foreign": large_rules.foreign_flows, "filters": large_rules.foreign_filters,
               "u32": large_rules.foreign_u32}  # fmt: skip
    if way in foreign:
        return foreign[way](rules, 7, 3)
    own = {"insert": large_rules.flows, "insert-flower": large_rules.filters, "insert-u32": large_rules.u32_filters}
    return own[way](rules) if way in own else []


def _inserted(large: Large, rules: large_rules.Rules) -> dict[str, Any]:
    """Seconds for one more route, on both sides, from its text on; and whether none was said to make a difference."""
    chance = random.Random(SEED)
    sides = RulesSide(0, large.program, large.rules, lowest=True), ArtifactSide(1, large.target, large.artifact, "x")
    watched = Watched(sides, lambda: Engine.within(None), _never, machines_confirm=False, open_from=OPEN_FROM)
    taken = {route.prefix for route in rules.routes}
    right, spent, done = watched.whole().proof.verdict is Verdict.ACCEPT, 0.0, 0
    for route in chance.choices(rules.routes, k=INSERTED):
        value, length = route.prefix
        new = replace(route, prefix=(value ^ 1 << (32 - length), length))
        if new.prefix in taken:
            continue
        taken.add(new.prefix)
        (rule,) = large_rules.command_lines(large_rules.Rules((), (new,)))
        entry = large_rules.route_line(large.target.name, new.prefix, new.hop)
        started = time.process_time()
        answer = watched.change({0: Asked([rule]), 1: Asked([entry])}, NOWHERE)
        spent, done = spent + time.process_time() - started, done + 1
        right = right and answer.how == CHANGE and answer.proof.verdict is Verdict.ACCEPT
    return {"right": right, "seconds": spent / done, "MiB": _memory(), "routes": done}


def _never() -> Proof:
    raise AssertionError("not of the form that is compared by regions")


def _plot(known: dict[str, dict[str, Any]]) -> str:
    curves, styles = {}, {}
    for colour, way in enumerate(WAYS):
        points = sorted((int(n), p) for n, p in known.get(way, {}).items() if p["right"])
        if not points:
            continue
        name = {
            "lowered": "own flows: s",
            "foreign": "foreign flows: s",
            "filters": "foreign flower filters: s",
            "u32": "foreign u32 filters: s",
            "upgrade": "two lists of flows: s",
            "insert": "one more route, flows: s",
            "insert-flower": "one more route, flower: s",
            "insert-u32": "one more route, u32: s",
        }[way]
        curves[name] = [(float(n), max(p["seconds"], 1e-6)) for n, p in points]
        styles[name] = (colour % 5, 0) if not way.startswith("insert") else (colour % 5, 2)
        if not way.startswith("insert"):
            memory = f"{name.split(':')[0]}: GiB"
            curves[memory] = [(float(n), p["MiB"] / 1024) for n, p in points]
            styles[memory] = colour, 1
    return log_plot(curves, styles, "rules", "processor time, memory", 1.0)


if __name__ == "__main__":
    sys.exit(main())
