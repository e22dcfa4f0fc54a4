"""``tc`` and rtnetlink of a private user-mode Linux."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from p4verify.targets.tc.command import Failed
from p4verify.targets.tc.oracle.kernel import Kernel


class Inside:
    """``tc`` within a private kernel: :class:`p4verify.targets.tc.command.Tc`."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def ask(self, arguments: Sequence[str]) -> str:
        try:
            return self.kernel.run(f"tc {shlex.join(arguments)}\n")
        except OSError as error:
            raise Failed.of(str(error)) from None

    def batch(self, lines: Sequence[str]) -> None:
        (self.kernel.folder / "lines").write_text("".join(f"{line}\n" for line in lines))
        self.ask(["-batch", "/run/io/lines"])

    def messages(self, requests: bytes) -> None:
        self.kernel.add(requests)

    def index(self, device: str) -> int:
        try:
            return self.kernel.indices()[device]
        except KeyError:
            raise Failed(f'Cannot find device "{device}"') from None
