"""The house: who may import whom, that what must be quick imports nothing slow, and that the tools see all of it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("semantics", "targets", "proofs")


def sources() -> list[Path]:
    """Every module of the project, by its real path."""
    return sorted(p for part in ("p4verify", *PARTS) for p in (ROOT / part).rglob("*.py") if not links(p))


def links(path: Path) -> bool:
    """Whether the path leads through one of the links."""
    return any(parent.is_symlink() for parent in path.parents)


def imported(path: Path) -> set[str]:
    """The absolute names of the modules that a module imports (of ours: below ``p4verify``)."""
    names: set[str] = set()
    here = (
        ("p4verify", *path.relative_to(ROOT).parts)
        if path.parts[len(ROOT.parts)] != "p4verify"
        else path.relative_to(ROOT).parts
    )
    package = list(here[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names |= {stem, *(f"{stem}.{alias.name}" for alias in node.names)}
    return names


def below(names: set[str], *parents: str) -> set[str]:
    return {n for n in names for parent in parents if n == parent or n.startswith(parent + ".")}


def test_arrows_point_one_way() -> None:
    """The contract of architecture: semantics imports nothing of ours, targets and proofs only semantics."""
    allowed = {"semantics": ("semantics",), "targets": ("semantics", "targets"), "proofs": ("semantics", "proofs")}
    wrong = []
    for path in sources():
        part = path.relative_to(ROOT).parts[0]
        if part in allowed:
            ours = below(imported(path), "p4verify")
            fine = below(ours, *(f"p4verify.{name}" for name in allowed[part])) | {"p4verify"}
            wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in ours - fine]
    assert wrong == []


@pytest.mark.long
def test_nothing_imports_the_parts_by_their_bare_names() -> None:
    wrong = [f"{p}: {n}" for p in sources() for n in below(imported(p), *PARTS)]
    assert wrong == []


@pytest.mark.long
def test_solvers_are_imported_in_one_folder() -> None:
    wrong = [p for p in sources() if below(imported(p), "z3", "bitwuzla") and p.parent != ROOT / "proofs" / "solvers"]
    assert wrong == []


@pytest.mark.parametrize("target", ["ebpf", "u32", "openflow"])
def test_lowering_and_meaning_of_a_target_share_the_artifact_only(target: str) -> None:
    home = ROOT / "targets" / target
    lowering = [p for p in home.rglob("*.py") if p.relative_to(home).parts[0] in ("lower", "lower.py", "fillup.py")]
    meaning = [p for p in home.rglob("*.py") if p.relative_to(home).parts[0] in ("meaning", "meaning.py")]
    assert lowering
    assert meaning
    base = f"p4verify.targets.{target}"
    for path in lowering:
        assert not below(imported(path), f"{base}.meaning", f"{base}.oracle", "p4verify.semantics.meaning.program"), (
            path
        )
    for path in meaning:
        assert not below(imported(path), f"{base}.lower", f"{base}.fillup", f"{base}.oracle", f"{base}.relate"), path


@pytest.mark.parametrize("arguments", [["--help"], ["parse", str(ROOT / "examples" / "acl.p4")]])
def test_quick_commands_import_no_solver(arguments: list[str]) -> None:
    code = (
        "import sys; from p4verify.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print('SLOW', [m for m in ('z3', 'networkx', 'hypothesis') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.strip().endswith("SLOW []")


def test_every_package_is_in_the_wheel() -> None:
    """setup.py names the packages of a build; a folder that it forgets is missing for users only."""
    named = subprocess.run(
        [sys.executable, "-c", "import setuptools; setuptools.setup = lambda **k: print(*k['packages']); import setup"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    ).stdout.split()  # fmt: skip
    here = {".".join(("p4verify", *p.parent.relative_to(ROOT).parts)).replace("p4verify.p4verify", "p4verify")
            for p in sources() if p.name == "__init__.py"}  # fmt: skip
    assert sorted(named) == sorted(here)
