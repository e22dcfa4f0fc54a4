"""How the time of a check grows with a program: tables in sequence, parser states, headers, entries, rules.

    python benchmarks/growth.py [--only REGEX] [--largest 256] [--limit 200] [--data FILE] [--plot FILE]

Each program is checked against an equal one that is written otherwise (``pair``), and as eBPF and u32 where these
take it. A point is the processor time of the command ``p4verify check`` in a process of its own, without answers kept
from before; ``--data`` keeps the points in a JSON file and does not measure again what is there, so that a run may be
cut into pieces. The growth is the exponent between the last two sizes, the time of the smallest program taken off. Exit
code 1 if a check is not accepted (or unsupported), takes longer than the limit, or grows faster than the square where
that takes seconds.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.growth_programs import FAMILIES, rule_lines
from tests.support.log_plot import log_plot

WAYS: Final = ("pair", "ebpf", "u32")
ALLOWED: Final = 2.2
"""An exponent above this is more than the square, with what two runs differ by anyway."""
FLAT: Final = 0.5
"""Seconds above the smallest program's below which an exponent is what two runs differ by."""
COUNTS_FROM: Final = 3.0
"""Seconds from which on an exponent says something."""


@dataclass(frozen=True)
class Point:
    """One check: verdict (or ``too long``) and seconds of processor time."""

    verdict: str
    seconds: float


Series = dict[int, Point]


def main() -> int:
    """Run; see the module's text for the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="REGEX", help="curves whose name, like 'tables pair', has this")
    parser.add_argument("--largest", type=int, default=256, help="the largest N (default 256)")
    parser.add_argument("--limit", type=int, default=200, help="seconds of processor time for a check (default 200)")
    parser.add_argument("--data", type=Path, help="keeps the points")
    parser.add_argument("--plot", type=Path, help="writes the curves as SVG")
    arguments = parser.parse_args()
    known = _read(arguments.data)
    wrong = 0
    for family in FAMILIES:
        for way in WAYS:
            name = f"{family} {way}"
            if re.search(arguments.only, name):
                series = known.setdefault(name, {})
                _measure(family, way, arguments.largest, arguments.limit, series, known, arguments.data)
                wrong += _report(name, series)
    if arguments.plot is not None:
        arguments.plot.write_text(_plot(known))
    return 1 if wrong else 0


def _measure(
    family: str, way: str, largest: int, limit: int, series: Series, known: dict[str, Series], data: Path | None
) -> None:
    """The points of one curve that are not known yet, up to the first that does not end in accept."""
    n = 1
    while n <= largest:
        if n not in series:
            series[n] = _check(family, n, way, limit)
            if data is not None:
                _write(data, known)
        if series[n].verdict != "accept":
            return
        n *= 2


def _check(family: str, n: int, way: str, limit: int) -> Point:
    arch = "v1model" if way == "pair" else "ebpf_model"
    with tempfile.TemporaryDirectory() as folder:
        first, second, rules = (Path(folder) / name for name in ("first.p4", "second.p4", "rules.cli"))
        first.write_text(FAMILIES[family](n, False, arch))
        second.write_text(FAMILIES[family](n, True, arch))
        rules.write_text(rule_lines(n, arch))
        how = ["--against", str(second)] if way == "pair" else ["--target", way]
        with_rules = ["--rules", str(rules)] if family == "rules" else []
        command = [sys.executable, "-m", "p4verify", "check", str(first), *how, *with_rules, "--format", "json"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)

        def bounded() -> None:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))

        done = subprocess.run([*command, "--no-machines", "--no-cache"], capture_output=True, text=True, check=False,
                              cwd=ROOT, preexec_fn=bounded)  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode < 0:
        return Point("too long", seconds)
    if not done.stdout:
        raise SystemExit(f"{family} {n} {way}: {done.stderr}")
    (result,) = json.loads(done.stdout)["results"]
    return Point(result["verdict"], seconds)


def _growth(series: Series) -> float | None:
    """The exponent between the last two sizes that were accepted, without what the smallest takes."""
    sizes = [n for n in sorted(series) if series[n].verdict == "accept"]
    if len(sizes) < 3:
        return None
    base = series[sizes[0]].seconds
    before, last = (series[n].seconds - base for n in sizes[-2:])
    return math.log2(last / before) if last > before > FLAT else None


def _report(name: str, series: Series) -> int:
    """Print one curve; 1 if it is not as it should be."""
    if not series:
        return 0
    exponent = _growth(series)
    shown = "" if exponent is None else f"growth N^{exponent:.1f}"
    points = " ".join(f"{n}:{series[n].seconds:.1f}" for n in sorted(series))
    ended = series[max(series)].verdict
    longest = max(point.seconds for point in series.values())
    fast = exponent is not None and exponent > ALLOWED and longest > COUNTS_FROM
    print(f"{name:<14} {points}  {shown}{'' if ended == 'accept' else f'  {ended} at {max(series)}'}", flush=True)
    return int(fast or ended not in ("accept", "unsupported"))


def _plot(known: dict[str, Series]) -> str:
    curves, styles = {}, {}
    for name, series in known.items():
        points = [(float(n), p.seconds) for n, p in sorted(series.items()) if p.verdict == "accept"]
        if len(points) > 1:
            family, way = name.split()
            exponent = _growth(series)
            title = name if exponent is None else f"{name}: N^{exponent:.1f}"
            curves[title] = points
            styles[title] = (list(FAMILIES).index(family), WAYS.index(way))
    return log_plot(curves, styles, "N", "processor time of a check in seconds", 2.0)


def _read(data: Path | None) -> dict[str, Series]:
    if data is None or not data.exists():
        return {}
    return {
        name: {int(n): Point(*point) for n, point in series.items()}
        for name, series in json.loads(data.read_text()).items()
    }


def _write(data: Path, known: dict[str, Series]) -> None:
    plain = {name: {n: [p.verdict, round(p.seconds, 2)] for n, p in series.items()} for name, series in known.items()}
    data.write_text(json.dumps(plain, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
