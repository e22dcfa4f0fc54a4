"""Files that a user names: what kind each is, read from its content, and one clear error for what is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import targets
from .semantics.ir import Program
from .semantics.rules.ruleset import RuleSet
from .semantics.source import NOWHERE, Diagnostic, InputError, Span
from .targets.base import CarriesPrograms, NamesDevices, ShowsSource, TakesMappings, Target

if TYPE_CHECKING:
    from .restrictions import Restrictions

LARGEST: Final = 256 << 20
"""Bytes that an input file may have."""


@dataclass(frozen=True)
class SourceOptions:
    """How P4 source is to be read."""

    include_dirs: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()
    arch: str | None = None


def read_bytes(path: str) -> bytes:
    """A file's content.

    Raises:
        InputError: it is no file, cannot be read, or is too large.
    """
    place = Span(path, 0, 0)
    try:
        if Path(path).is_dir():
            raise InputError.at(place, "is a directory, not a file")
        if not Path(path).is_file():
            reason = "is not a regular file" if Path(path).exists() else "no such file"
            raise InputError.at(place, reason)
        if Path(path).stat().st_size > LARGEST:
            raise InputError.at(place, f"is larger than {LARGEST >> 20} MiB")
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError.at(place, f"cannot be read: {reason}") from None


def read_program(path: str, options: SourceOptions) -> Program:
    """A program from P4 source, from p4ast as JSON, or from p4ast as netlink bytes. Raises InputError."""
    return read_with_warnings(path, options)[0]


def read_with_warnings(path: str, options: SourceOptions) -> tuple[Program, tuple[Diagnostic, ...]]:
    """As :func:`read_program`, with what is odd about P4 source."""
    from .semantics.ir import codec_json, codec_netlink_read

    data = read_bytes(path)
    if codec_netlink_read.recognises(data):
        return _well_formed(codec_netlink_read.from_netlink(data, path), path), ()
    if data.lstrip()[:1] == b"{":
        return _well_formed(codec_json.from_json(data, path), path), ()
    carried = carried_in(data, path)
    if carried is not None:
        return carried.program, ()
    if not data.strip():
        raise InputError.at(Span(path, 1, 1), "the file is empty, a P4 program was expected")
    from .semantics.p4.frontend import load

    loaded = load(path, include_dirs=options.include_dirs, defines=options.defines, arch=options.arch)
    return loaded.program, loaded.warnings


@dataclass(frozen=True)
class Carried:
    """An artifact that carries the p4ast of the program that it says it does."""

    target: Target
    artifact: Any
    path: str
    program: Program


def read_carried(path: str) -> Carried | None:
    """The artifact in a file, with the program that it carries; None for a file that holds a program only.

    Raises:
        InputError: the file cannot be used, or is an artifact that carries no program, or a damaged one.
    """
    return carried_in(read_bytes(path), path)


def carried_in(data: bytes, path: str) -> Carried | None:
    """As :func:`read_carried`, of a content that was read already. Raises InputError naming ``path``."""
    from .semantics.ir import codec_netlink_read

    if codec_netlink_read.recognises(data) or data.lstrip()[:1] == b"{":
        return None
    found = next((t for name in targets.names() if (t := targets.find(name)).recognises(data)), None)
    if found is None or not isinstance(found, CarriesPrograms):
        return None
    artifact = found.read(data, path)
    p4ast = found.program_in(artifact)
    if p4ast is None:
        raise InputError.at(
            Span(path, 0, 0), f"is an {found.name} artifact without p4ast; give it with --against, and a program"
        )
    try:
        program = codec_netlink_read.from_netlink(p4ast, path)
    except InputError as error:
        text = f"the p4ast that it carries is damaged: {error.diagnostics[0].message}"
        raise InputError.at(Span(path, 0, 0), text) from None
    return Carried(found, artifact, path, _well_formed(program, path))


def embedded(target: Target, artifact: Any, program: Program) -> Any:
    """The artifact with the program's p4ast in it. Raises InputError for a target whose artifacts carry none."""
    from .semantics.ir.codec_netlink import to_netlink

    if not isinstance(target, CarriesPrograms):
        raise InputError.at(Span("", 0, 0), f"{target.name} has no artifacts that carry p4ast (--embed)")
    return target.with_program(artifact, to_netlink(program))


def with_source(target: Target, artifact: Any) -> Any:
    """The artifact with the text of the source lines that it names, of files that can be read."""
    if not isinstance(target, ShowsSource):
        return artifact
    files: dict[str, list[str]] = {}

    def text(file: str, line: int) -> str:
        if file not in files:
            try:
                files[file] = read_bytes(file).decode(errors="replace").splitlines()
            except InputError:
                files[file] = []  # a file that is not here: what ships with p4verify, or p4ast from elsewhere
        return "".join(files[file][line - 1 : line]).strip().replace("\0", " ")

    return target.with_source(artifact, text)


def read_assumptions(
    path: str, program: Program, options: SourceOptions, texts: Sequence[str]
) -> tuple[Program | None, Restrictions | None]:
    """What is assumed: the program with what holds of its inputs (:mod:`.assumptions`; None if nothing is said of
    them), and what holds of the entries of its tables (:mod:`.restrictions`). Raises InputError."""
    from .restrictions import is_restriction, read_restrictions
    from .semantics.ir import codec_netlink_read

    restrictions = read_restrictions(program, [text for text in texts if is_restriction(text)])
    conditions = [text for text in texts if not is_restriction(text)]
    if not conditions:
        return None, restrictions
    data = read_bytes(path)
    if codec_netlink_read.recognises(data) or data.lstrip()[:1] == b"{" or data[:4] == b"\x7fELF":
        raise InputError.at(Span(path, 0, 0), "--assume is about the names of P4 source, and this is none")
    from .assumptions import assuming
    from .semantics.p4.frontend import load

    loaded = load(path, include_dirs=options.include_dirs, defines=options.defines, arch=options.arch)
    return assuming(loaded, conditions), restrictions


def _well_formed(program: Program, path: str) -> Program:
    """p4ast that was made elsewhere, checked; the error names the file and, with it, the place in the P4 source."""
    from .semantics.ir.verify import verify

    try:
        verify(program)
    except InputError as error:
        found = error.diagnostics[0]
        place = f" (from {found.span})" if found.span.line else ""
        raise InputError.at(Span(path, 0, 0), f"{found.message}{place}") from None
    return program


def read_rules(path: str, program: Program) -> RuleSet:
    """Rules in any of the formats, for ``program``. Raises InputError."""
    from .semantics.rules.read import read_rules as parse

    data = read_bytes(path)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InputError.at(Span(path, 0, 0), f"is not text: byte {error.start} is not UTF-8") from None
    return parse(text, path, program)


def read_artifact(spec: str, devices: Mapping[str, int] | None = None) -> tuple[Target, Any, str]:
    """The target, the artifact and the path of ``PATH`` or ``KIND:PATH``; ``devices`` says which ports they are.

    Raises:
        InputError: the file cannot be used, or devices are named that artifacts of this kind have not.
    """
    named = _named_kind(spec)
    if named is not None:
        kind, path = named
        target = targets.find(kind)
        return target, _read(target, read_bytes(path), path, devices or {}), path
    data = read_bytes(spec)
    for name in targets.names():
        target = targets.find(name)
        if target.recognises(data):
            return target, _read(target, data, spec, devices or {}), spec
    raise InputError.at(
        Span(spec, 0, 0),
        f"is no artifact of a known kind ({', '.join(targets.names())}); name the kind as KIND:{spec}",
    )


def _read(target: Target, data: bytes, path: str, devices: Mapping[str, int]) -> Any:
    if not devices:
        return target.read(data, path)
    if not isinstance(target, NamesDevices):
        raise InputError.at(Span(path, 0, 0), f"{target.name} artifacts have no devices that --device could name")
    return target.read_named(data, path, devices)


def parse_devices(given: Sequence[str]) -> dict[str, int]:
    """Device → port, of ``NAME=PORT`` each. Raises InputError, also for a device that is given twice, or a port: that
    may have a name, by which texts call it, and an interface's number, by which messages do."""
    found: dict[str, int] = {}
    for text in given:
        name, _, port = text.partition("=")
        if not name or not port.isascii() or not port.isdigit() or len(port) > 10 or int(port) >= 1 << 31:
            raise InputError.at(NOWHERE, f"--device is NAME=PORT, a port from 0 to {(1 << 31) - 1}, not {text[:60]!r}")
        alike = (number for other, number in found.items() if other.isdigit() == name.isdigit())
        if name in found or int(port) in alike:
            raise InputError.at(NOWHERE, f"--device {text[:60]}: this device or this port was named before")
        found[name] = int(port)
    return found


def with_mapping(given: tuple[Target, Any, str], path: str, program: Program) -> tuple[Target, Any, str]:
    """An artifact with the mapping in a file. Raises InputError, also for a target that takes none."""
    target, artifact, spec = given
    if not isinstance(target, TakesMappings):
        raise InputError.at(Span(path, 0, 0), f"{target.name} has no maps that a file could relate to tables (--map)")
    data = read_bytes(path)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InputError.at(Span(path, 0, 0), f"is not text: byte {error.start} is not UTF-8") from None
    return target, target.with_mapping(artifact, program, text, path), spec


def _named_kind(spec: str) -> tuple[str, str] | None:
    """The kind and the path of ``KIND:PATH``; None for a path alone."""
    kind, _, path = spec.partition(":")
    return (kind, path) if path and kind in targets.names() and not Path(spec).exists() else None


def looks_like_p4(spec: str) -> bool:
    """Whether ``PATH`` or ``KIND:PATH`` is to be read as a program rather than an artifact. Raises InputError."""
    from .semantics.ir import codec_netlink_read

    if _named_kind(spec) is not None:
        return False
    if spec.endswith((".p4", ".p4ast")):
        return True
    data = read_bytes(spec)
    if b"\0" in data and not codec_netlink_read.recognises(data):
        return False
    return not any(targets.find(name).recognises(data) for name in targets.names())


def parse_target(spec: str) -> tuple[Target, dict[str, str]]:
    """The target and its options in ``NAME`` or ``NAME:KEY=VALUE,KEY=VALUE``. Raises InputError."""
    name, _, rest = spec.partition(":")
    try:
        target = targets.find(name)
    except KeyError:
        known = ", ".join(targets.names())
        raise InputError.at(Span("", 0, 0), f"unknown target '{name}'; the targets are {known}") from None
    options: dict[str, str] = {}
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if not equals:
            raise InputError.at(Span("", 0, 0), f"target option '{item}' is not of the form KEY=VALUE")
        options[key] = value
    return target, options


def all_targets(specs: Sequence[str]) -> list[tuple[Target, dict[str, str]]]:
    """The targets named, or those that programs are lowered to (:data:`.targets.DEFAULT`) if none is."""
    return [parse_target(spec) for spec in specs or targets.DEFAULT]
