"""One private Open vSwitch: its own database, daemon and sockets in a folder of its own, a datapath in user space.

Nothing of the system is touched: no kernel module, no service, no interface (``--disable-system``, datapath ``dummy``).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ....semantics.source import InputError, Span
from ..artifact import LOCAL

BRIDGE: Final = "br0"
VERSION: Final = "OpenFlow15"
FIRST_VERSION: Final = "OpenFlow10"
_PATIENCE: Final = 20.0
"""Seconds for a daemon to answer."""
_SCHEMA: Final = (
    Path("/usr/share/openvswitch/vswitch.ovsschema"),
    Path("/usr/local/share/openvswitch/vswitch.ovsschema"),
)
_TOOLS: Final = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl")


def missing() -> str | None:
    """None if Open vSwitch is installed, else what is missing."""
    absent = [tool for tool in _TOOLS if _tool(tool) is None]
    if absent:
        return f"Open vSwitch is not installed ({', '.join(absent)})"
    return None if any(path.exists() for path in _SCHEMA) else "Open vSwitch's database schema is not installed"


def _tool(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


class Control:
    """The daemon's control socket: JSON-RPC, one call after the other."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_PATIENCE)
        self._socket.connect(str(path))
        self._decoder = json.JSONDecoder()
        self._got = ""
        self._count = 0

    def call(self, method: str, *arguments: str) -> str:
        """What the daemon answers. Raises OSError if it says that it cannot, or nothing."""
        self._count += 1
        request = {"method": method, "params": list(arguments), "id": self._count}
        self._socket.sendall(json.dumps(request).encode())
        answer = self._answer()
        if answer.get("error"):
            raise OSError(f"{method}: {answer['error']}")
        return str(answer.get("result") or "")

    def _answer(self) -> dict[str, Any]:
        while True:
            with contextlib.suppress(ValueError):
                answer, end = self._decoder.raw_decode(self._got)
                self._got = self._got[end:].lstrip()
                return dict(answer)
            data = self._socket.recv(1 << 16)
            if not data:
                raise OSError("the switch has gone")
            self._got += data.decode()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def device(port: int) -> str:
    """The name of a port's device."""
    return BRIDGE if port == LOCAL else f"p{port}"


class Switch:
    """A running switch; ends with :meth:`close`."""

    def __init__(self) -> None:
        reason = missing()
        if reason is not None:
            raise OSError(reason)
        self.folder = Path(tempfile.mkdtemp(prefix="p4v-"))
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._ports: set[int] = set()
        self._metered = False
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        schema = next(path for path in _SCHEMA if path.exists())
        self._run("ovsdb-tool", "create", str(self.folder / "conf.db"), str(schema))
        self._daemon(
            "ovsdb-server",
            str(self.folder / "conf.db"),
            f"--remote=punix:{self.folder}/db.sock",
            f"--unixctl={self.folder}/db.ctl",
        )
        self._await(self.folder / "db.sock")
        self._vsctl("--no-wait", "init")
        self._daemon(
            "ovs-vswitchd",
            f"unix:{self.folder}/db.sock",
            "--enable-dummy=override",
            "--disable-system",
            "--disable-system-route",
            f"--unixctl={self.folder}/vs.ctl",
        )
        self._await(self.folder / "vs.ctl")
        self.control = Control(self.folder / "vs.ctl")
        bridge = ["add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=dummy", "fail-mode=secure"]
        self._vsctl(*bridge, "protocols=OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15")

    def _environment(self) -> dict[str, str]:
        names = ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"} | dict.fromkeys(
            names, str(self.folder)
        )

    def _daemon(self, name: str, *arguments: str) -> None:
        command = [str(_tool(name)), *arguments, "--no-chdir", "-vconsole:off", "-vsyslog:off"]
        daemon = subprocess.Popen(
            command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._daemons.append(daemon)

    def _await(self, path: Path) -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if self._daemons[-1].poll() is not None:
                raise OSError(f"Open vSwitch's daemon ends with {self._daemons[-1].returncode}")
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
                return
            time.sleep(0.01)
        raise OSError("Open vSwitch's daemon does not answer")

    def _run(self, name: str, *arguments: str, text: str | None = None) -> str:
        command = [str(_tool(name)), *arguments]
        done = subprocess.run(
            command, env=self._environment(), input=text, text=True, capture_output=True, timeout=120, check=False
        )
        if done.returncode:
            raise OSError(done.stderr.strip() or f"{name} ends with {done.returncode}")
        return done.stdout

    def _vsctl(self, *arguments: str) -> None:
        self._run("ovs-vsctl", f"--db=unix:{self.folder}/db.sock", f"--timeout={int(_PATIENCE)}", *arguments)

    def ofctl(self, command: str, *arguments: str, text: str | None = None, version: str | None = VERSION) -> str:
        """What ``ovs-ofctl COMMAND`` prints; ``version``: None for that which it chooses itself.

        Raises:
            OSError: with what it complains of.
        """
        spoken = () if version is None else ("-O", version)
        return self._run("ovs-ofctl", *spoken, command, f"unix:{self.folder}/{BRIDGE}.mgmt", *arguments, text=text)

    def capture(self, port: int) -> Path:
        """The file of frames that were sent out of a port."""
        return self.folder / f"{device(port)}.pcap"

    def need(self, ports: set[int]) -> None:
        """Make these ports (a number is the port's number in OpenFlow)."""
        new = sorted(ports - self._ports)
        if not new:
            return
        arguments: list[str] = []
        for port in new:
            if port == LOCAL:
                arguments += ["--", "set", "Interface", BRIDGE, f"options:tx_pcap={self.capture(port)}"]
                arguments += ["mtu_request=9000"]
                continue
            arguments += ["--", "add-port", BRIDGE, f"p{port}", "--", "set", "Interface", f"p{port}", "type=dummy"]
            arguments += [f"ofport_request={port}", f"options:tx_pcap={self.capture(port)}"]
            arguments += ["mtu_request=9000"]
        self._vsctl(*arguments[1:])
        self._ports |= set(new)

    def take_down(self, port: int) -> None:
        """A port that is there goes down; returns when the switch has seen it. Raises OSError."""
        self.control.call("netdev-dummy/set-admin-state", device(port), "down")
        limit = time.monotonic() + _PATIENCE
        while "LINK_DOWN" not in self.ofctl("dump-ports-desc", str(port)):
            if time.monotonic() > limit:
                raise OSError(f"port {port} does not go down")
            time.sleep(0.05)

    def add_meter(self, meter: str) -> None:
        """One more meter. Raises OSError if the switch refuses it."""
        self._metered = True
        self.ofctl("add-meter", meter)

    def load(self, flows: str, groups: str, meters: Sequence[str] = (), version: str = VERSION) -> None:
        """Replace everything in the bridge. Raises OSError with what ``ovs-ofctl`` or the switch complains of."""
        self.ofctl("del-flows")
        self.ofctl("del-groups")
        if self._metered:
            self.ofctl("del-meters")
            self._metered = False
        for meter in meters:
            self.add_meter(meter)
        if groups:
            self.ofctl("add-groups", "-", text=groups)
        if flows:
            self.ofctl("add-flows", "-", text=flows, version=version)
        self.control.call("revalidator/purge")

    def close(self) -> None:
        """End the daemons that were started here and remove their folder."""
        control = self.__dict__.pop("control", None)
        if control is not None:
            control.close()
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(5)
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
        self._daemons.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def refused(error: OSError, span: Span) -> InputError:
    """The error that a user sees when the switch refuses what is at ``span``."""
    return InputError.at(span, f"Open vSwitch refuses this: {str(error).splitlines()[0]}")
