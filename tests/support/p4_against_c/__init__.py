"""P4 programs beside this file, each with a C version of the project's own, and how their maps and tables relate.

``NAME.p4`` is the program, ``NAME.bpf.c`` the C version, whose first lines say what ``-DBUG=n`` breaks, ``NAME.toml``
the mapping (none: p4c's names).
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

from p4verify import targets
from p4verify.checks import Checker
from p4verify.inputs import SourceOptions, read_program, with_mapping
from p4verify.results import Result

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The pairs."""
    return sorted(path.name.removesuffix(".bpf.c") for path in FOLDER.glob("*.bpf.c"))


def bugs(name: str) -> list[int]:
    """The numbers of the mistakes that can be put into the C version."""
    comment = (FOLDER / f"{name}.bpf.c").read_text().split("*/", 1)[0]
    return [int(n) for n in re.findall(r"BUG (\d)", comment)]


@cache
def compiled(name: str, bug: int = 0, level: str = "-O2") -> bytes:
    """What clang makes of the C version."""
    headers = next(Path("/usr/include").glob("*-linux-gnu/asm")).parent
    command = ["clang", "-target", "bpf", "-g", level, "-mcpu=v3", f"-DBUG={bug}", f"-I{headers}"]
    source = FOLDER / f"{name}.bpf.c"
    return subprocess.run([*command, "-c", str(source), "-o", "-"], check=True, capture_output=True, timeout=60).stdout


def checked(name: str, bug: int = 0, level: str = "-O2", timeout: float = 60, *, machines: bool = True) -> Result:
    """The C version against the program, for every packet and every rule set."""
    program = read_program(str(FOLDER / f"{name}.p4"), SourceOptions())
    target = targets.find("ebpf")
    given = (target, target.read(compiled(name, bug, level), f"{name}.o"), f"{name}.o")
    file = FOLDER / f"{name}.toml"
    if file.exists():
        given = with_mapping(given, str(file), program)
    return Checker(program, None, timeout=timeout, machines_confirm=machines).check_artifact(*given)
