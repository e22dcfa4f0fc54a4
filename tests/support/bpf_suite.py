"""The suite of C programs beside this file, compiled by clang in many ways; see ``bpf_suite/*.bpf.c``.

Each file holds one program and says in its first line what ``-DBUG=n`` breaks.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from p4verify.targets.ebpf.artifact import BpfObject, read_elf

FOLDER = Path(__file__).parent / "bpf_suite"
LEVELS = ("-O1", "-O2", "-Os")
CPUS = ("v1", "v2", "v3")
VARIANTS = tuple((level, cpu) for level in LEVELS for cpu in CPUS)
ENTRY = {"tails": "first"}
"""The program of a file that holds several."""


def names() -> list[str]:
    """The programs of the suite."""
    return sorted(path.name.removesuffix(".bpf.c") for path in FOLDER.glob("*.bpf.c"))


def bugs(name: str) -> list[int]:
    """The numbers of the mistakes that can be put into a program."""
    first = (FOLDER / f"{name}.bpf.c").read_text().split("*/", 1)[0]
    return [int(n) for n in re.findall(r"BUG (\d)", first)]


def usable() -> bool:
    """Whether there are a clang and libbpf's headers."""
    return shutil.which("clang") is not None and Path("/usr/include/bpf/bpf_helpers.h").exists()


@cache
def compiled(name: str, level: str = "-O2", cpu: str = "v3", bug: int = 0) -> bytes:
    """The object file that clang makes of a program."""
    return _made((FOLDER / f"{name}.bpf.c").read_bytes(), level, cpu, f"-DBUG={bug}", f"-I{FOLDER}")


def read_text(text: str, level: str = "-O2", cpu: str = "v3") -> BpfObject:
    """The object that clang makes of a program's text."""
    return read_elf(_made(text.encode(), level, cpu), f"text{level}-{cpu}.o")


def _made(text: bytes, level: str, cpu: str, *more: str) -> bytes:
    headers = next(Path("/usr/include").glob("*-linux-gnu/asm")).parent
    command = ["clang", "-target", "bpf", "-g", level, f"-mcpu={cpu}", *more, f"-I{headers}", "-x", "c", "-c", "-"]
    return subprocess.run([*command, "-o", "-"], input=text, check=True, capture_output=True, timeout=60).stdout


def variant(name: str, level: str = "-O2", cpu: str = "v3", bug: int = 0) -> BpfObject:
    """The same as an object with the one program (and what it calls)."""
    label = f"{name}{level}-{cpu}{f'-bug{bug}' if bug else ''}.o"
    return read_elf(compiled(name, level, cpu, bug), label)
