"""A private Linux kernel that runs as an ordinary process (user-mode Linux): no root, no device of this machine.

The kernel's files are this machine's, read only; what it is told to do comes in a folder of its own. Frames go in by
the device ``vec0``, one end of a socket pair, and come out of ``vec1``, another one's: a frame that is sent to port
device ``oN`` gets a label stack entry in front of it on its way there, so that all that leaves is one stream in order.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ..artifact.hooks import Hook
from ..command import Failed
from . import registers
from .labels import FIRST_LABEL, HOOKS, MAX_CONDITIONS, MAX_PORTS, Labels, labelling

MAX_SILENT: Final = 256
MEMORY: Final = "128M"
MTU: Final = 9000
_PATIENCE: Final = 60.0
"""Seconds to boot, or for one command."""
_FRAME_PATIENCE: Final = 20.0
_CHUNK: Final = 24
"""Frames on the way at once."""
_BUFFER: Final = 1 << 21
_MODULES: Final = (
    "veth sch_ingress cls_flower cls_u32 cls_matchall cls_basic em_meta act_gact act_mirred act_vlan act_mpls act_pedit"
    " act_csum act_skbedit act_tunnel_key act_police act_ct act_sample"
)
_KERNEL: Final = "linux.uml"
_PYTHON: Final = f"{Path(sys.executable).resolve()} -S"
_RTNETLINK: Final = Path(__file__).resolve().parent.parent / "rtnetlink.py"
_BUSYBOX: Final = "/bin/busybox"
BARRIER: Final = bytes.fromhex("0270345f4241 0270345f5252 88b6") + b"barrier of the oracle".ljust(46, b"\0")
"""A frame that nobody else sends: it takes the same way as all others and tells that those before it have come."""
_EGRESS: Final = "oe"
INGRESS: Final = Hook("vec0", "ingress")
"""Where frames come in."""
EGRESS: Final = Hook(_EGRESS, "egress")
"""Where they leave by, if filters are to be there."""
_PAIRS: Final = (("ob", "qb"), ("oc", "qc"), (_EGRESS, "qe"))
"""Pairs of devices: what leaves is sent through two of them, and so waits twice."""
_LEAVING: Final = (
    f"filter add dev vec0 ingress pref 2 protocol all matchall action mirred egress redirect dev {_EGRESS}"
)
_FIRST: Final = (
    "filter add dev vec0 ingress pref 1 protocol 0x88b6 flower dst_mac 02:70:34:5f:42:41 src_mac 02:70:34:5f:52:52"
    " action mirred egress redirect dev ob"
)

_INIT: Final = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmpfs /run
mkdir -p /run/m/lib/modules /run/io; ln -s /usr/lib/uml/modules/$(uname -r) /run/m/lib/modules/
mount -t hostfs none /run/io -o "$IO"
modprobe -a -d /run/m {modules}
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
stty -F /dev/ttyS0 raw -echo
exec 3<>/dev/ttyS0
echo "ready $(uname -r)" >&3
while read -r command <&3; do
  case $command in
  quit) break ;;
  *) sh /run/io/command >/run/io/answer 2>&1; echo "done $?" >&3 ;;
  esac
done
{busybox} poweroff -f
"""


def missing() -> str | None:
    """None if user-mode Linux is installed, else what is missing."""
    absent = [tool for tool in (_KERNEL, "tc", "ip") if _tool(tool) is None]
    if not Path(_BUSYBOX).exists():
        absent.append("busybox")
    if registers.needed() and registers.compiler() is None:
        absent.append("a C compiler, for this processor's registers")
    return f"user-mode Linux is not installed ({', '.join(absent)})" if absent else None


def _tool(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


class Kernel:
    """A running kernel; ends with :meth:`close`."""

    def __init__(self) -> None:
        reason = missing()
        if reason is not None:
            raise OSError(reason)
        self.folder = Path(tempfile.mkdtemp(prefix="p4v-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._open: list[int] = []
        self._sockets: list[socket.socket] = []
        self._ports = self._silent_pairs = 0
        self._indices: dict[str, int] = {}
        self._hooked = {"vec0"}
        """Devices that may have filters from before."""
        self._told: dict[int, Labels] = {}
        try:
            self._boot()
        except BaseException:
            self.close()
            raise

    # --- starting and ending ---

    def _boot(self) -> None:
        init = self.folder / "init"
        init.write_text(_INIT.format(modules=_MODULES, busybox=_BUSYBOX))
        init.chmod(0o755)
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        self._open = [commands, self._write, self._read, answers]
        self._in, inner_in = self._pair()
        self._out, inner_out = self._pair()
        given = (commands, answers, inner_in.fileno(), inner_out.fileno())
        vector = "transport=fd,fd={},mac=02:00:00:00:00:{:02x},depth=128,mtu=" + str(MTU)
        arguments = [
            str(_tool(_KERNEL)),
            f"mem={MEMORY}",
            "root=/dev/root",
            "rootfstype=hostfs",
            "rootflags=/",
            "ro",
            "quiet",
            f"init={init}",
            "con=null",
            "con0=null,fd:1",
            f"ssl0=fd:{commands},fd:{answers}",
            f"uml_dir={self.folder}/",
            "umid=u",
            "vec0:" + vector.format(inner_in.fileno(), 0x10),
            "vec1:" + vector.format(inner_out.fileno(), 0x11),
            f"IO={self.folder}",
        ]
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(self.folder)
        with (self.folder / "console").open("wb") as console:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=given,
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TMPDIR": shared, **self._loaded_first()},
                start_new_session=True,
            )
        for descriptor in (commands, answers):
            os.close(descriptor)
            self._open.remove(descriptor)
        inner_in.close()
        inner_out.close()
        self.release = self._line("ready ").split()[1]
        self.run(
            "ip link set vec0 arp off promisc on up && ip link set vec1 arp off up\n"
            + "".join(f"ip link add {out} type veth peer name {into}\n" for out, into in _PAIRS)
            + "".join(f"ip link set {device} arp off mtu {MTU} up\n" for pair in _PAIRS for device in pair)
            + "tc qdisc add dev qb clsact; tc qdisc add dev qc clsact\n"
            "tc filter add dev qb ingress protocol all pref 1 matchall action mirred egress redirect dev oc\n"
            "tc filter add dev qc ingress protocol all pref 1 matchall action mirred egress redirect dev vec1\n"
        )

    def _loaded_first(self) -> dict[str, str]:
        """See :mod:`.registers`."""
        return {"LD_PRELOAD": str(registers.build(self.folder))} if registers.needed() else {}

    def _pair(self) -> tuple[socket.socket, socket.socket]:
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in pair:
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                end.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        self._sockets += pair
        return pair

    def close(self) -> None:
        """End the kernel and remove its folder."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError):
                os.write(self._write, b"quit\n")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(3)
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # the session that was started here
                process.wait()
        for descriptor in self._open:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._open = []
        for end in self._sockets:
            end.close()
        self._sockets = []
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- commands ---

    def _line(self, start: str) -> str:
        """The next line of the kernel's that begins with ``start``."""
        got = b""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if not select.select([self._read], [], [], 0.5)[0]:
                if self._process is None or self._process.poll() is not None:
                    break
                continue
            data = os.read(self._read, 4096)
            if not data:
                break
            *lines, got = (got + data).replace(b"\r", b"").split(b"\n")
            for line in lines:
                if line.startswith(start.encode()):
                    return line.decode()
        raise OSError("the private kernel does not answer")

    def run(self, script: str) -> str:
        """What a shell script prints. Raises OSError with it if the script fails."""
        (self.folder / "command").write_text("set -e\n" + script)
        os.write(self._write, b"go\n")
        status = int(self._line("done ").split()[1])
        said = (self.folder / "answer").read_text(errors="replace")
        if status:
            raise OSError(said.strip() or f"a command ends with {status}")
        return said

    def need(self, ports: int) -> None:
        """Make the devices ``o0`` to ``o(ports - 1)``. Raises ValueError for too many."""
        if ports > MAX_PORTS:
            raise ValueError(f"more than {MAX_PORTS} ports")
        links: list[str] = []
        filters: list[str] = []
        for i in range(self._ports, ports):
            links.append(f"ip link add o{i} type veth peer name q{i}")
            links += [f"ip link set {side}{i} arp off mtu {MTU} up" for side in "oq"]
            filters += [f"qdisc add dev {side}{i} clsact" for side in "oq"]
            filters += [line for hook in HOOKS for line in labelling(i, Labels(hook))]
            filters.append(
                f"filter add dev q{i} ingress protocol all pref 1 matchall action mirred egress redirect dev oc"
            )
        if links:
            (self.folder / "labels").write_text("\n".join(filters) + "\n")
            self.run("\n".join([*links, "tc -batch /run/io/labels"]) + "\n")
            self._ports = ports
            self._indices = {}

    def need_silent(self, count: int) -> None:
        """Make the devices ``i0`` to ``i(count - 1)``, from which nothing comes. Raises ValueError for too many."""
        if count > MAX_SILENT:
            raise ValueError(f"more than {MAX_SILENT} devices")
        lines = [f"ip link add i{2 * pair} type veth peer name i{2 * pair + 1}" for pair in range(-(-count // 2))]
        if lines[self._silent_pairs :]:
            self.run("\n".join(lines[self._silent_pairs :]) + "\n")
            self._silent_pairs = len(lines)
            self._indices = {}

    def tell(self, told: Mapping[int, Labels]) -> None:
        """From now on, tell of what is sent to these devices, or received by them, which condition it meets."""
        changed = [i for i in sorted({*told, *self._told}) if told.get(i) != self._told.get(i)]
        lines: list[str] = []
        for device in changed:
            lines += [f"qdisc del dev o{device} clsact", f"qdisc add dev o{device} clsact"]
            labels = told.get(device, Labels())
            for hook in HOOKS:
                lines += labelling(device, labels if labels.hook == hook else Labels(hook))
        if lines:
            (self.folder / "labels").write_text("\n".join(lines) + "\n")
            self.run("tc -batch /run/io/labels\n")
            self._told = dict(told)

    def load(self, filters: Sequence[str], first: Sequence[str] = (), hook: Hook = INGRESS) -> None:
        """Replace all filters by these commands (``filter add dev vec0 ingress ...``, priorities from 2 on).

        Args:
            first: commands before these, which do not count where one is refused.
            hook: where all of them are, :data:`INGRESS` or :data:`EGRESS`.

        Raises:
            Failed: the kernel, or tc, refuses one; with its number.
        """
        before = ["qdisc add dev vec0 clsact", _FIRST]
        if hook == EGRESS:
            before += [_LEAVING, f"qdisc add dev {_EGRESS} clsact"]
        before += first
        (self.folder / "batch").write_text("\n".join([*before, *filters]) + "\n")
        script = "".join(f"tc qdisc del dev {device} clsact 2>/dev/null || true\n" for device in self._hooked)
        self._hooked = {"vec0", hook.device}
        try:
            self.run(script + "tc -batch /run/io/batch\n")
        except OSError as error:
            failed = Failed.of(str(error))
            raise Failed(str(failed), (failed.line or 0) - len(before)) from None

    def forget_connections(self) -> None:
        """From now on connections live for no time (``Documentation/networking/nf_conntrack-sysctl.rst``)."""
        self.run(
            "for t in /proc/sys/net/netfilter/nf_conntrack_*timeout*; do\n"
            "  case $t in *_log*|*loose*) ;; *) echo 0 >$t || true ;; esac\ndone\n"
        )

    def show(self, options: str) -> str:
        """What ``tc OPTIONS filter show dev vec0 ingress`` prints."""
        return self.run(f"tc {options} filter show dev vec0 ingress\n")

    # --- rtnetlink ---

    def add(self, requests: bytes) -> None:
        """Send messages to the kernel (:func:`..rtnetlink.add`). Raises Failed, with the number of the refused one."""
        (self.folder / "requests").write_bytes(requests)
        try:
            self.run(f"{_PYTHON} {_RTNETLINK} add /run/io/requests\n")
        except OSError as error:
            number, _, reason = str(error).partition(":")
            raise Failed(reason or number, int(number) if number.isdigit() else None) from None

    def messages(self, device: str) -> bytes:
        """The messages with which it shows the filters at a device's ingress."""
        self.run(f"{_PYTHON} {_RTNETLINK} show {device} /run/io/messages\n")
        return (self.folder / "messages").read_bytes()

    def indices(self) -> dict[str, int]:
        """The interface numbers of its devices."""
        if self._indices:
            return self._indices
        said = self.run("cd /sys/class/net; for d in *; do echo $d $(cat $d/ifindex); done\n")
        self._indices = {name: int(number) for name, number in (line.split() for line in said.splitlines())}
        return self._indices

    # --- frames ---

    def answer(self, frame: bytes) -> bytes:
        """The first frame that leaves the device ``vec0`` with this one at its end, after this one came in there.

        Raises OSError if none does.
        """
        self._in.settimeout(_FRAME_PATIENCE)
        self._in.send(frame)
        try:
            while True:
                got = self._in.recv(1 << 16)
                if got.endswith(frame):
                    return got
        except TimeoutError:
            raise OSError("the private kernel sends no frame back") from None

    def arriving(self, frame: bytes, count: int) -> list[tuple[int, bytes]]:
        """The first ``count`` frames that leave by port devices after this one came in, with the devices' numbers: for
        what has a longer way than the barrier's. Raises OSError if they are fewer."""
        self._out.settimeout(_FRAME_PATIENCE)
        self._in.send(frame)
        try:
            got = [self._out.recv(1 << 16) for _ in range(count)]
        except TimeoutError:
            raise OSError("the private kernel loses frames") from None
        return [(((int.from_bytes(one[:4], "big") >> 12) - FIRST_LABEL) % MAX_PORTS, one[4:]) for one in got]

    def observe(self, frames: Sequence[bytes]) -> list[list[tuple[int, int, bytes]]]:
        """What each frame makes leave: number of the port device, of the condition that is told (-1: none), frame.

        Raises OSError if no answer comes.
        """
        found: list[list[tuple[int, int, bytes]]] = [[] for _ in frames]
        self._out.settimeout(_FRAME_PATIENCE)
        for start in range(0, len(frames), _CHUNK):
            chunk = frames[start : start + _CHUNK]
            for frame in chunk:
                self._in.send(frame)
                self._in.send(BARRIER)
            at = start
            while at < start + len(chunk):
                try:
                    got = self._out.recv(1 << 16)
                except TimeoutError:
                    raise OSError("the private kernel loses frames") from None
                if got == BARRIER:
                    at += 1
                    continue
                told, port = divmod((int.from_bytes(got[:4], "big") >> 12) - FIRST_LABEL, MAX_PORTS)
                if 0 <= told <= MAX_CONDITIONS and port < self._ports:
                    found[at].append((port, told - 1, got[4:]))
        return found
