"""What ``ovs-ofctl`` and a switch say to each other, recorded between them."""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import threading
from pathlib import Path

from p4verify.targets.openflow.oracle.switch import BRIDGE, Switch

_PATIENCE = 20.0


def recorded(switch: Switch, version: str, *arguments: str, text: str | None = None) -> tuple[bytes, bytes, str]:
    """Runs ``ovs-ofctl -O VERSION COMMAND BRIDGE ...``; what it sent, what the switch sent, and what it printed.

    Raises:
        OSError: ``ovs-ofctl`` fails.
    """
    place = switch.folder / "proxy"
    place.unlink(missing_ok=True)
    heard: dict[str, bytes] = {"tool": b"", "switch": b""}
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen(4)
        server.settimeout(0.1)
        over = threading.Event()
        arguments_ = (server, switch.folder / f"{BRIDGE}.mgmt", heard, over)
        thread = threading.Thread(target=_serve, args=arguments_, daemon=True)
        thread.start()
        command, *others = arguments
        call = ["ovs-ofctl", "-O", version, command, f"unix:{place}", *others]
        done = subprocess.run(call, capture_output=True, text=True, input=text, timeout=_PATIENCE, check=False)
        over.set()
        thread.join(_PATIENCE)
    if done.returncode:
        raise OSError(done.stderr.strip())
    return heard["tool"], heard["switch"], done.stdout


def _serve(server: socket.socket, to: Path, heard: dict[str, bytes], over: threading.Event) -> None:
    while not over.is_set():
        with contextlib.suppress(TimeoutError, OSError):
            tool, _ = server.accept()
            with tool, socket.socket(socket.AF_UNIX) as switch:
                switch.connect(str(to))
                _pass_on(tool, switch, heard)


def _pass_on(tool: socket.socket, switch: socket.socket, heard: dict[str, bytes]) -> None:
    ends = {tool: ("tool", switch), switch: ("switch", tool)}
    while True:
        ready, _, _ = select.select(list(ends), [], [], _PATIENCE)
        for end in ready:
            data = end.recv(1 << 16)
            who, other = ends[end]
            heard[who] += data
            if not data:
                return
            other.sendall(data)
        if not ready:
            return
