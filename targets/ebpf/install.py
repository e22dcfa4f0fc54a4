"""Putting a program on a device of this network namespace, with its maps filled, and taking it back.

Everything that can fail comes first: the maps are made and filled and the verifier is asked before anything is
attached, and attaching is one request. What runs then is kept by the device alone. The name of what was attached says
that it is ours, and whether the qdisc that carries it is too, so that taking it back takes back all that was made and
nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from ...semantics.source import InputError, Span, Unsupported
from . import pins
from .artifact import BpfObject
from .artifact.loading import described
from .oracle import load_called, load_maps
from .oracle import rtnetlink as rt
from .oracle.kernel import KernelMap, KernelProgram, KernelTypes, Refused, program_name
from .oracle.rtnetlink import Rtnetlink

NAME: Final = "p4verify"
"""What programs and filters of ours are called."""
WITH_QDISC: Final = f"{NAME}+clsact"
"""The name of a filter whose qdisc was made for it."""

Tables = Mapping[str, Sequence[tuple[bytes, bytes]]]


def install(obj: BpfObject, tables: Tables, device: str) -> None:
    """Load the object's program, fill its maps, and attach it to ``device`` at the hook that its section names.

    Raises:
        InputError: there is no such device, something is attached there, the kernel refuses the program or an element,
            or this process may not do it. Nothing is left behind then.
        Unsupported: several arrays of programs.
    """
    program = obj.program()
    hook = program.hook
    if hook not in ("tc", "xdp"):
        raise _error(device, f"section {program.section} names no hook of a device (tc and xdp do)")
    with _reasons(device), _netlink() as netlink, ExitStack() as stack:
        ifindex = _index(device)
        _check_free(netlink, ifindex, device, hook)
        types = stack.enter_context(KernelTypes(described(obj, program)))
        maps = load_maps(obj, tables, stack, types)
        try:
            loaded = stack.enter_context(KernelProgram(hook, program.insns, maps, obj.license, NAME, types))
            load_called(obj, program, hook, maps, stack, with_lines=True)
        except Refused as error:
            if error.code in (errno.EPERM, errno.EACCES) and not error.log:
                raise OSError(error.code, os.strerror(error.code)) from None
            raise InputError.at(Span(obj.name, 0, 0), f"the kernel refuses program {program.name}: {error}") from None
        with _kept(obj, maps, device, hook):
            if hook == "xdp":
                rt.set_xdp(netlink, ifindex, loaded.fd, rt.XDP_IF_NONE)
            else:
                _attach_tc(netlink, ifindex, loaded.fd)


def remove(device: str, hook: str) -> None:
    """Take back what :func:`install` put on ``device`` at ``hook`` ("tc" or "xdp").

    Raises:
        InputError: there is no such device, nothing of ours is there, or this process may not do it.
    """
    with _reasons(device), _netlink() as netlink:
        ifindex = _index(device)
        if hook == "xdp":
            if _xdp_name(netlink, ifindex) != NAME:
                raise _error(device, "has no XDP program of p4verify")
            rt.set_xdp(netlink, ifindex, -1, 0)
            pins.drop(device, hook)
            return
        name = next((n for _, n in _filters(netlink, ifindex, rt.INGRESS) if n in (NAME, WITH_QDISC)), None)
        if name is None:
            raise _error(device, "has no tc program of p4verify at its ingress")
        rt.detach_filter(netlink, ifindex)
        pins.drop(device, hook)
        others = [n for parent in (rt.INGRESS, rt.EGRESS) for n in _filters(netlink, ifindex, parent)]
        if name == WITH_QDISC and not others:
            netlink.request(rt.DELQDISC, 0, rt.traffic(ifindex, rt.CLSACT_HANDLE, rt.CLSACT, 0))


@contextmanager
def _kept(obj: BpfObject, maps: Mapping[str, KernelMap], device: str, hook: str) -> Iterator[None]:
    """The object's array of programs, if it has one, outlives this process; not if attaching fails."""
    arrays = [item.name for item in obj.maps if item.programs]
    if len(arrays) > 1:
        raise Unsupported(f"several arrays of programs ({', '.join(arrays)})", Span(obj.name, 0, 0))
    if not arrays:
        yield
        return
    try:
        pins.keep(maps[arrays[0]], device, hook)
    except pins.NoFileSystem:
        text = f"no BPF file system is mounted, which has to keep map {arrays[0]} (mount -t bpf bpf {pins.USUAL})"
        raise _error(device, text) from None
    try:
        yield
    except BaseException:
        pins.drop(device, hook)
        raise


def _attach_tc(netlink: Rtnetlink, ifindex: int, program: int) -> None:
    """The filter, with a qdisc if there is none; the qdisc goes if the filter cannot be had."""
    qdisc = rt.traffic(ifindex, rt.CLSACT_HANDLE, rt.CLSACT, 0)
    made = True
    try:
        netlink.request(rt.NEWQDISC, rt.CREATE | rt.EXCLUSIVE, qdisc + rt.text(rt.KIND, "clsact"))
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise
        made = False
    try:
        rt.attach_filter(netlink, ifindex, program, WITH_QDISC if made else NAME)
    except OSError:
        if made:
            netlink.request(rt.DELQDISC, 0, qdisc)
        raise


# --- what is there --------------------------------------------------------------------------------------------------


def _check_free(netlink: Rtnetlink, ifindex: int, device: str, hook: str) -> None:
    if hook == "xdp":
        name = _xdp_name(netlink, ifindex)
        if name is not None:
            raise _error(device, f"has an XDP program already ({name or 'without a name'})" + _hint(name))
        return
    for priority, name in _filters(netlink, ifindex, rt.INGRESS):
        if name in (NAME, WITH_QDISC) or priority == rt.PRIORITY:
            text = f"has a filter at priority {priority} of its ingress already ({name or 'without a name'})"
            raise _error(device, text + _hint(name))


def _hint(name: str | None) -> str:
    return "; 'p4verify lower --remove' takes it back" if name in (NAME, WITH_QDISC) else ""


def _filters(netlink: Rtnetlink, ifindex: int, parent: int) -> Iterator[tuple[int, str]]:
    """Priority and name of each filter at one side of a device ("" where there is no name)."""
    found = []
    with contextlib.suppress(FileNotFoundError, ValueError):  # no qdisc, no filters
        for body in netlink.dump(rt.GETTFILTER, rt.traffic(ifindex, 0, parent, 0)):
            handle, info = struct.unpack_from("=I", body, 8)[0], struct.unpack_from("=I", body, 16)[0]
            options = rt.attributes(rt.attributes(body[rt.TRAFFIC_HEAD :]).get(rt.OPTIONS, b""))
            if handle:
                name = options.get(rt.BPF_NAME, b"").rstrip(b"\0").decode(errors="replace")
                found.append((info >> 16, name))
    return iter(found)


def _xdp_name(netlink: Rtnetlink, ifindex: int) -> str | None:
    """The name of the XDP program on a device; None if there is none."""
    for body in netlink.dump(rt.GETLINK, rt.link(0)):
        if struct.unpack_from("=i", body, 4)[0] == ifindex:
            xdp = rt.attributes(rt.attributes(body[rt.LINK_HEAD :]).get(rt.IFLA_XDP, b""))
            if xdp.get(rt.XDP_ATTACHED, b"\0")[0]:
                number = struct.unpack("=I", xdp.get(rt.XDP_PROGRAM, bytes(4)))[0]
                return program_name(number) if number else ""
    return None


def _index(device: str) -> int:
    try:
        return socket.if_nametoindex(device)
    except (OSError, ValueError):
        raise _error(device, "no such network device here") from None


@contextmanager
def _netlink() -> Iterator[Rtnetlink]:
    netlink = Rtnetlink()
    try:
        yield netlink
    finally:
        netlink.close()


@contextmanager
def _reasons(device: str) -> Iterator[None]:
    """What the kernel says, as one error about the device."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            raise _error(device, "not permitted: this needs CAP_NET_ADMIN and CAP_BPF (root)") from None
        if error.errno in (errno.EEXIST, errno.EBUSY):
            raise _error(device, "something is attached there already") from None
        raise _error(device, f"the kernel refuses: {error.strerror or error}") from None


def _error(device: str, text: str) -> InputError:
    return InputError.at(Span(device, 0, 0), text)
