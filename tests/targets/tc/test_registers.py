"""What user-mode Linux needs on processors with many registers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from p4verify.targets.tc.oracle import registers


def test_only_processors_with_many_registers_need_it(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags\t\t: fpu avx512f amx_bf16 amx_tile\n")
    assert registers.needed(cpuinfo)
    cpuinfo.write_text("flags\t\t: fpu avx512f\n")
    assert not registers.needed(cpuinfo)
    assert not registers.needed(tmp_path / "none")


def test_it_is_built_and_can_be_loaded_first(tmp_path: Path) -> None:
    if registers.compiler() is None:
        pytest.skip("no C compiler")
    library = registers.build(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", f"print({str(library)!r} in open('/proc/self/maps').read())"],
        env={"LD_PRELOAD": str(library)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_without_a_compiler_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registers, "_COMPILERS", ())
    with pytest.raises(OSError, match="no C compiler"):
        registers.build(tmp_path)


def test_what_a_compiler_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if registers.compiler() is None:
        pytest.skip("no C compiler")
    monkeypatch.setattr(registers, "_SOURCE", "int x = y;")
    with pytest.raises(OSError, match=r"does not build registers\.so"):
        registers.build(tmp_path)
