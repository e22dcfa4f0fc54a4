"""Reading a ``tc -batch`` script of flower filters: ``flower_parse_opt`` of iproute2's ``tc/f_flower.c``; filters of
``matchall`` may stand beside them (:mod:`.matchall`)."""

from __future__ import annotations

from ....semantics.source import Span, Unsupported
from ...assuming import assumed
from ...tc.artifact.actions import Action
from ...tc.artifact.hooks import DEFAULT_PORTS, PortNames
from ...tc.artifact.protocols import read_classid
from ...tc.artifact.read_actions import read_actions, read_port
from ...tc.artifact.script import Head, Kind, read_filters
from ...tc.artifact.tunnel_options import FLAGS, word_of
from ...tc.artifact.words import Command, shorten
from .changes import classifiers
from .fields import ETH_IP6, FIELDS, FlowerField
from .filters import ASSUMPTIONS, FLOWER, MATCHALL, FilterList, FlowerFilter, Key, Match, network_type, ordered
from .matchall import read_matchall
from .options import NAME, read_words
from .values import read_key

_WORDS = {field.word: field for field in FIELDS.values() if field.width <= 64 and "@" not in field.name}
_WORDS |= {"ct_label": FIELDS["ct_label"], "icmp_type": FIELDS["icmp_type"], "icmp_code": FIELDS["icmp_code"]}
_WORDS |= {f"mpls_{part}": FIELDS[f"mpls_{part}@1"] for part in ("label", "tc", "bos", "ttl")}
_OTHERS = ("erspan_opts", "gtp_opts", "l2tpv3_sid", "erspan_opt_key", "gtp_opt_key")


def parse_script(text: str, name: str = "<tc>", ports: PortNames = DEFAULT_PORTS) -> FilterList:
    """The filters of a script.

    Raises:
        InputError: a command that is not understood, or that changes filters and is refused by the kernel, or a comment
            that names an assumption which there is not; with line and column.
        Unsupported: a command that does something other than adding, changing or taking away filters of flower or
            matchall.
    """

    def read(command: Command, head: Head[int], start: Span) -> FlowerFilter:
        if not head.protocol:
            what = "a flower filter that is changed without its protocol: tc then asks for frames of type 0"
            raise Unsupported(what, start)
        options = Options(command, ports, head.protocol)
        options.read()
        return options.filter(head, start.to(command.last))

    def read_all(command: Command, head: Head[int], start: Span) -> FlowerFilter:
        return read_matchall(command, head, ports, start)

    kind = Kind(
        FLOWER,
        0,
        lambda command: command.number("handle", 1, 0xFFFFFFFF),
        read,
        classifiers,
        ports,
        beside={MATCHALL: read_all},
    )
    hook, filters = read_filters(text, name, kind)
    lines = enumerate(text.split("\n"), 1)
    said = {assumption for i, line in lines for assumption in assumed(line, Span(name, i, 1), ASSUMPTIONS)}
    return FilterList(filters, hook, name, tuple(sorted(said)))


class Options:
    """The options of one filter, as they are read."""

    def __init__(self, command: Command, ports: PortNames, protocol: int) -> None:
        self.command = command
        self.ports = ports
        self.protocol = protocol
        self.keys: dict[str, Key] = {}
        self.actions: list[Action] = []
        self.indev: int | None = None
        self.classid: int | None = None
        self.hw_tc: int | None = None
        self.said: set[str] = set()
        """``skip_hw``, ``skip_sw``, ``in_hw`` and ``not_in_hw``, where they stand."""

    def read(self) -> None:
        """All of them, to the command's end."""
        command = self.command
        while command:
            if command.peek() in _OTHERS:
                raise Unsupported(f"flower's {command.peek()}", command.here)
            if command.peek() in _WORDS:
                self.key(_WORDS[command.next("key")])
            elif command.take(*FLAGS):
                self._tunnel_options()
            elif command.take("mpls"):
                self._label_stack()
            elif not self._other():
                raise command.error(f"unknown option {shorten(command.peek())} of flower", command.here)

    def key(self, field: FlowerField) -> None:
        """The key whose word has been read."""
        if field.form == "ip":
            field = self._address_field(field)
        if field.name in self.keys:
            raise self.command.error(f"{field.word} is given twice")
        self.keys[field.name] = read_key(self.command, field)

    def _tunnel_options(self) -> None:
        """Those of the tunnel whose word has been read."""
        command = self.command
        if NAME in self.keys:
            raise command.error("options of a tunnel are given twice")
        try:
            self.keys[NAME] = read_words(word_of(command.last_text), command.next("options"))
        except ValueError as error:
            raise command.error(str(error)) from None

    def _address_field(self, field: FlowerField) -> FlowerField:
        """IPv4's or IPv6's: of a tunnel by the address, else by the network layer's type."""
        if field.name in ("src_ip", "dst_ip"):
            six = network_type(self.protocol, ordered(self.keys)) == ETH_IP6
        else:
            six = field.name.startswith("enc_") and ":" in self.command.peek()
        return FIELDS[f"{field.name}6"] if six else field

    def _label_stack(self) -> None:
        """``lse depth D [label L] [tc T] [bos B] [ttl T]`` and so on."""
        command = self.command
        if command.peek() != "lse":
            raise command.error("'lse' expected after mpls", command.here)
        while command.take("lse"):
            if not command.take("depth"):
                raise command.error("'depth' expected", command.here)
            depth = command.number("depth", 1, 7)
            self.keys[f"mpls_lse@{depth}"] = _there(depth)
            while command.peek() in ("label", "tc", "bos", "ttl"):
                self.key(FIELDS[f"mpls_{command.next('part')}@{depth}"])

    def _other(self) -> bool:
        command = self.command
        if command.take("indev"):
            self.indev = read_port(command, self.ports)
        elif command.take("classid", "flowid"):
            self.classid = read_classid(command, "class id")
        elif command.take("hw_tc"):
            self.hw_tc = command.number("hw_tc", 0, 15)
        elif len(command.peek()) > 1 and command.take_short("action"):
            self.actions += read_actions(command, self.ports)
        elif command.take("skip_hw", "skip_sw", "in_hw", "not_in_hw"):
            self.said.add(command.last_text)
        else:
            return command.take("verbose")
        return True

    def filter(self, head: Head[int], span: Span) -> FlowerFilter:
        """The filter that the options describe. Raises ValueError."""
        return FlowerFilter(
            head.pref,
            head.protocol,
            tidied(self.keys),
            tuple(self.actions),
            head.chain,
            head.handle,
            self.indev,
            self.classid or None,
            self.hw_tc,
            "skip_hw" in self.said,
            "skip_sw" in self.said,
            True if "in_hw" in self.said else False if "not_in_hw" in self.said else None,
            span,
        )


def _there(depth: int) -> Key:
    return Match(f"mpls_lse@{depth}", 1, 1)


def tidied(keys: dict[str, Key]) -> tuple[Key, ...]:
    """In order; that an entry is there goes without saying where something is asked of it."""
    parts = {name.partition("@")[2] for name in keys if "@" in name and not name.startswith("mpls_lse@")}
    return ordered({name: key for name, key in keys.items() if name.removeprefix("mpls_lse@") not in parts})
