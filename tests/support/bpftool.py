"""``bpftool``, which loads object files by libbpf as users do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .machines import absent


def needed() -> None:
    """Skip the test if there is no ``bpftool``; fail it instead where real machines must be there."""
    if shutil.which("bpftool") is None:
        absent("no bpftool")


def loaded(file: Path, mounted: Path, then: str = "ls {}") -> str:
    """What a shell command prints once the kernel has the file's programs. See :func:`needed`.

    Args:
        file: the object file.
        mounted: a folder of the test's own, where the programs' file system is mounted as long as that takes.
        then: the command; ``{}`` is the folder with the pinned programs.
    """
    needed()
    mounted.mkdir()
    pinned = mounted / "pinned"
    script = f"mount -t bpf bpf {mounted} && bpftool prog loadall {file} {pinned} && {then.format(pinned)}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
