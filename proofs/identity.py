"""What answers queries, by name: the solver's version and a hash of all of our source that stands before it.

An answer that another version found is not taken for one of this version, be it in the cache or from another machine.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

_HOME: Final = Path(__file__).resolve().parent
_SOURCES: Final = ("proofs/answers.py", "proofs/abstraction.py", "proofs/jobs.py", "proofs/sums.py", "proofs/units.py",
                   "proofs/solvers/*.py", "semantics/bits/*.py")  # fmt: skip
"""What a query goes through on its way to the solver, and an answer on its way back."""


@cache
def solver_identity() -> str:
    """One line; different whenever an answer may be another one."""
    made = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(_folder(pattern).glob(Path(pattern).name)):
            made.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"z3 {_z3_version()}, bitwuzla {_bitwuzla_version()}, p4verify {made.hexdigest()[:32]}"


def _folder(pattern: str) -> Path:
    """``proofs`` and ``semantics`` are neighbours, in a checkout and in an installation."""
    first, *rest = Path(pattern).parent.parts
    home = _HOME if first == "proofs" else _HOME.parent / first
    return home.joinpath(*rest)


def _bitwuzla_version() -> str:
    try:
        return metadata.version("bitwuzla")
    except metadata.PackageNotFoundError:
        return "none"


def _z3_version() -> str:
    try:
        return metadata.version("z3-solver")  # does not load the library, which takes a while
    except metadata.PackageNotFoundError:
        from .solvers import z3_engine

        return z3_engine.version()
