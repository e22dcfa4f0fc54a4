"""What is said of a private kernel that does not answer."""

from __future__ import annotations

from pathlib import Path

from p4verify.targets.tc.oracle.kernel import UNSUITABLE, silent


def test_a_processor_with_too_many_registers_is_told(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.write_text("userspace - ptrace set fp regs failed, errno = 14\nKernel panic\n")
    assert UNSUITABLE in str(silent(console))
    console.write_text("Kernel panic\n")
    assert UNSUITABLE not in str(silent(console))
    assert UNSUITABLE not in str(silent(tmp_path / "none"))
