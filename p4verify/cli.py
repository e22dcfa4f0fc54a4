"""The command line: arguments in, exit code out. The contract is README's; every subcommand imports what it needs only.

Exit codes: 0 accepted, 1 rejected (parse: invalid), 2 unusable input or arguments, 3 a target cannot express the
program, 4 undecided.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from . import __version__
from .collecting import collect_all_rarely
from .interrupts import unwound_when_terminated
from .semantics.source import InputError, Unsupported
from .targets.base import CannotOffload

INTERNAL_ERROR: Final = 70
"""``EX_SOFTWARE`` of sysexits.h."""
FORMATS: Final = ("text", "json", "sarif", "junit")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the console script's entry point."""
    arguments = _parser().parse_args(argv)
    collect_all_rarely()
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        with unwound_when_terminated():
            return run(arguments)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("p4verify: interrupted", file=sys.stderr)
        return 130
    except (Unsupported, CannotOffload) as error:
        print(f"{error.span}: unsupported: {error.reason}".removeprefix(": "), file=sys.stderr)
        return 3
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if os.environ.get("P4VERIFY_DEBUG"):
            raise
        kind = type(error).__name__
        print(f"p4verify: internal error ({kind}: {error}); please report it, with P4VERIFY_DEBUG=1", file=sys.stderr)
        return INTERNAL_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="p4verify",
        description="Proves that a P4 program, its software (eBPF) and what was put into hardware do the same "
        "for every packet and every rule, or shows the packet that tells them apart.",
    )
    parser.add_argument("--version", action="version", version=f"p4verify {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_check(commands)
    _add_parse(commands)
    _add_run(commands)
    _add_stf(commands)
    _add_lower(commands)
    _add_offload(commands)
    _add_watch(commands)
    _add_targets(commands)
    _add_gate(commands)
    return parser


Commands = argparse._SubParsersAction  # the class has no public name


def _command(commands: Commands[argparse.ArgumentParser], name: str, module: str, text: str) -> argparse.ArgumentParser:
    """A subcommand whose work is ``run`` of ``p4verify.commands.<module>``, imported when it is called."""

    def run(arguments: argparse.Namespace) -> int:
        from importlib import import_module

        code: int = import_module(f".commands.{module}", __package__).run(arguments)
        return code

    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(run=run)
    return parser


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-I", dest="include_dirs", action="append", default=[], metavar="DIR",
                        help="look for #include files here too")  # fmt: skip
    parser.add_argument("-D", dest="defines", action="append", default=[], metavar="NAME[=V]", help="define a macro")
    parser.add_argument("--arch", metavar="NAME", help="the architecture, where the program does not say it")


def _add_output_options(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    parser.add_argument("--format", choices=formats, default="text", help="how to print the result")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write the result to FILE instead of printing it")


def _add_devices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", action="append", default=[], dest="devices", metavar="NAME=PORT",
                        help="the port that a device is which a list of tc filters names (without: portN is port N); "
                        "of messages the interface's number")  # fmt: skip


def _add_execution_options(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=_count, metavar="N",
                       help="processes that solve at once, where it pays (default: one for each CPU)")  # fmt: skip
    where.add_argument("--executor", metavar="dask://HOST:PORT", help="solve on the Dask cluster of this scheduler")
    parser.add_argument("--memory", type=_count, default=2048, metavar="MIB",
                        help="limit of memory for each query (default 2048)")  # fmt: skip
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--cache", metavar="DIR", help="where answers of the solver are kept (default: below P4VERIFY_CACHE)"
    )
    kept.add_argument("--no-cache", action="store_true", help="keep no answers, and use none")


def _add_timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS",
                        help="limit for each comparison, and for each query in it (default: 60 for a query, none for "
                        "the comparison)")  # fmt: skip


def _add_check(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "check", "check", "prove or refute that targets and artifacts do what a program says")
    parser.add_argument("program", nargs="?", metavar="PROGRAM", help="P4 source, p4ast as JSON or netlink bytes, or "
                        "an ELF object that carries its p4ast (lower --embed), whose code is then checked")  # fmt: skip
    parser.add_argument("--target", action="append", default=[], dest="targets", metavar="NAME[:KEY=VALUE,...]",
                        help="lower with our own compiler and check that (default: every built-in target)")  # fmt: skip
    parser.add_argument("--against", action="append", default=[], metavar="[KIND:]ARTIFACT",
                        help="check something made elsewhere: an ELF object, a tc script, another P4 program; "
                        "without PROGRAM, give two to compare them with each other")  # fmt: skip
    parser.add_argument("--rules", metavar="FILE", help="P4Runtime text, BMv2 CLI commands, STF lines or JSON; "
                        "without it the answer is for every rule set where the artifact holds tables")  # fmt: skip
    parser.add_argument("--map", metavar="FILE", help="TOML: which maps of the artifact hold which tables "
                        "(docs/maps.md), or how the other program is related (docs/architectures.md)")  # fmt: skip
    _add_devices(parser)
    _add_source_options(parser)
    _add_output_options(parser, FORMATS)
    _add_timeout(parser)
    parser.add_argument(
        "--exactly", action="store_true", help="against a program: both must be equal, whatever undefined values are"
    )
    parser.add_argument("--assume", action="append", default=[], metavar="EXPR",
                        help="a P4 condition on what the ingress control sees when it begins; ingress_port and "
                        "packet_length may be used too. Only inputs on which it holds are compared")  # fmt: skip
    parser.add_argument("--write-counterexample", metavar="DIR",
                        help="write what was found here: an STF test, pcap files, the rules, both runs")  # fmt: skip
    parser.add_argument("--no-machines", action="store_true",
                        help="do not run counterexamples on this kernel, even where that is possible")  # fmt: skip
    _add_execution_options(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")


def _add_parse(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "parse", "parse", "read and check programs; --format json prints p4ast")
    parser.add_argument("programs", nargs="+", metavar="PROGRAM")
    _add_source_options(parser)
    _add_output_options(parser, ("text", "json", "netlink", "p4", "p4info"))
    parser.add_argument("-q", "--quiet", action="store_true", help="no warnings")


def _add_run(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "run", "run", "what a program or an artifact does to packets, by its meaning")
    parser.add_argument("program", metavar="PROGRAM-or-ARTIFACT")
    parser.add_argument("--packet", action="append", default=[], metavar="HEX",
                        help="a frame on the wire, in hexadecimal; several are run one after the other")  # fmt: skip
    parser.add_argument("--pcap-in", metavar="FILE", help="run the frames of this pcap file")
    parser.add_argument("--pcap-out", metavar="FILE",
                        help="write what comes out here; {port} in the name makes a file for each port")  # fmt: skip
    parser.add_argument("--port", type=_port, default=1, metavar="N", help="the ingress port (default 1)")
    parser.add_argument("--rules", metavar="FILE", help="the rules installed (default: the program's own entries)")
    parser.add_argument(
        "--program", dest="source", metavar="P4", help="the program whose rules fill an artifact's tables"
    )
    parser.add_argument(
        "--map", metavar="FILE", help="TOML: which maps of the artifact hold which tables (docs/maps.md)"
    )
    _add_devices(parser)
    _add_source_options(parser)
    _add_output_options(parser, ("text", "json"))


def _add_stf(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "stf", "stf", "run an STF test on the reference or on a target")
    parser.add_argument("program", metavar="PROGRAM")
    parser.add_argument("stf", metavar="TEST.stf")
    parser.add_argument("--on", metavar="NAME[:KEY=VALUE,...]",
                        help="lower for this target and run on its real machine (default: the reference)")  # fmt: skip
    parser.add_argument("--by-meaning", action="store_true", help="with --on: run the artifact's meaning instead")
    _add_source_options(parser)
    _add_output_options(parser, ("text", "json"))


def _add_lower(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "lower", "lower", "compile a program for a target")
    parser.add_argument("program", nargs="?", metavar="PROGRAM")
    parser.add_argument("--target", required=True, metavar="NAME[:KEY=VALUE,...]")
    parser.add_argument("-o", dest="output", metavar="ARTIFACT", help="where to write the artifact")
    parser.add_argument("--install", metavar="DEV", help="ebpf: load it, fill its maps from the rules (default: the "
                        "program's own entries), and attach it to this device; u32, flower: put the filters on this "
                        "device's ingress and read them back; openflow: put the flows into this bridge, as ovs-ofctl "
                        "names it, and read them back")  # fmt: skip
    parser.add_argument("--remove", metavar="DEV", help="take back what --install put on this device or bridge")
    parser.add_argument("--rules", metavar="FILE",
                        help="the rules: baked into targets without tables, written to maps by --install")  # fmt: skip
    parser.add_argument("--embed", action="store_true",
                        help="put the program's p4ast into the artifact: 'check ARTIFACT' needs no more")  # fmt: skip
    parser.add_argument(
        "--as",
        dest="form",
        metavar="FORM",
        help="another form of the artifact (u32, flower: netlink; openflow: openflow13 to openflow15)",
    )
    _add_source_options(parser)


def _add_offload(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "offload", "offload",
                      "prove or refute that a device that holds some entries of a list does, with software behind it, "
                      "what software alone does")  # fmt: skip
    parser.add_argument("artifact", metavar="[KIND:]ARTIFACT", help="tc filters, whose flags (in_hw, not_in_hw, "
                        "skip_sw, skip_hw) say which of them are in hardware")  # fmt: skip
    parser.add_argument("--profile", metavar="NAME|FILE", help="what the device takes and what it leaves to software "
                        "(docs/offload.md): one that comes along, or a TOML file; filters whose flags say nothing are "
                        "in hardware as far as there is room")  # fmt: skip
    parser.add_argument("--program", metavar="P4", help="check too that hardware and software together do what this "
                        "program says")  # fmt: skip
    parser.add_argument("--rules", metavar="FILE", help="the program's rules")
    _add_devices(parser)
    _add_source_options(parser)
    parser.add_argument("--largest", action="store_true",
                        help="propose the largest safe part also where this one is safe")  # fmt: skip
    _add_output_options(parser, FORMATS)
    _add_timeout(parser)
    parser.add_argument("--no-machines", action="store_true",
                        help="do not run counterexamples on a private kernel, even where that is possible")  # fmt: skip
    _add_execution_options(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")


def _add_watch(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "watch", "watch",
                      "check a pair, and then what comes to it and goes, one line of JSON after the other "
                      "(docs/scale.md)")  # fmt: skip
    parser.add_argument("program", nargs="?", metavar="PROGRAM", help="the program that --rules are for")
    parser.add_argument("--rules", metavar="FILE", help="the program's rules as they are at the beginning")
    parser.add_argument("--against", action="append", default=[], metavar="[KIND:]ARTIFACT",
                        help="u32 or flower filters, or OpenFlow flows; without PROGRAM, give two")  # fmt: skip
    parser.add_argument("--changes", default="-", metavar="FILE", help="a change for each line (default: stdin)")
    parser.add_argument("--open-from", type=_count, default=256, metavar="N",
                        help="tables of so many entries are compared entry by entry (default 256)")  # fmt: skip
    _add_source_options(parser)
    _add_timeout(parser)
    parser.add_argument("--no-machines", action="store_true",
                        help="do not run counterexamples on this kernel, even where that is possible")  # fmt: skip
    _add_execution_options(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")


def _add_targets(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "targets", "targets", "what each target can and cannot express")
    _add_output_options(parser, ("text", "json"))


def _add_gate(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "gate", "gate", "the CI gate: every check of a p4verify.toml")
    parser.add_argument("config", nargs="?", default="p4verify.toml", metavar="p4verify.toml")
    _add_execution_options(parser)
    _add_output_options(parser, FORMATS)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")


def _port(text: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no number") from None
    if not 0 <= value < 1 << 32:
        raise argparse.ArgumentTypeError("ports are numbers from 0 to 4294967295")
    return value


def _count(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no number") from None
    if not 0 < value < 1 << 20:
        raise argparse.ArgumentTypeError("the number must be from 1 to 1048575")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds") from None
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("the limit must be above 0 seconds and finite")
    return value


if __name__ == "__main__":
    sys.exit(main())
