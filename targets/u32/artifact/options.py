"""Reading what stands after ``u32`` in ``tc filter add``: ``u32_parse_opt`` of iproute2's ``tc/f_u32.c``."""

from __future__ import annotations

from dataclasses import replace

from ....semantics.source import Span
from ...tc.artifact.actions import Action
from ...tc.artifact.hooks import PortNames
from ...tc.artifact.protocols import read_classid
from ...tc.artifact.read_actions import read_actions, read_police, read_port
from ...tc.artifact.words import Command, shorten
from .filters import ROOT_TABLE, Handle, Selector, U32Filter, root_alone
from .matches import KeyList, read_match
from .names import hash_fold, read_handle


class Options:
    """The options of one filter, as they are read."""

    def __init__(self, command: Command, ports: PortNames) -> None:
        self.command = command
        self.ports = ports
        self.keys = KeyList(command)
        self.selector = Selector(terminal=False)
        self.classid: int | None = None
        self.divisor: int | None = None
        self.link: int | None = None
        self.table = 0
        self.bucket = 0
        self.sampled = False
        self.order = 0
        self.indev: int | None = None
        self.actions: list[Action] = []
        self.terminal = False
        self.policed = False
        self.skip: set[str] = set()
        self.said = False
        """Whether there is anything behind ``u32``."""

    def read(self) -> None:
        """All of them, to the command's end."""
        self.said = bool(self.command)
        while self.command:
            if not (self._matching() or self._acting()):
                raise self.command.error(f"unknown option {shorten(self.command.peek())} of u32", self.command.here)

    def _matching(self) -> bool:
        """An option that says what matches, or where the filter stands."""
        command = self.command
        if command.take_short("match"):
            read_match(command, self.keys)
        elif command.take_short("offset"):
            self._offset()
        elif command.take_short("hashkey"):
            self._hash_key()
        elif command.take_short("divisor"):
            self.divisor = self._divisor()
        elif command.take_short("order"):
            self.order = command.number("order", 0, 0xFFF)
        elif command.take("link"):
            self.link = self._link()
        elif command.take("ht"):
            self._ht()
        elif command.take("sample"):
            self._sample()
        else:
            return False
        return True

    def _acting(self) -> bool:
        """An option that says what is done with what matches."""
        command = self.command
        if command.take("flowid") or command.take_short("classid"):
            self.classid = read_classid(command, "class id")
            self.terminal = True
        elif command.take("indev"):
            self.indev = read_port(command, self.ports)
        elif command.take_short("action"):
            self.actions += read_actions(command, self.ports)
            self.terminal = True
        elif command.take("police"):
            self._police()
        elif command.take("skip_hw", "skip_sw"):
            self.skip.add(command.last_text)
        else:
            return False
        return True

    def _police(self) -> None:
        """``police ...`` without ``action`` (TCA_U32_POLICE): the kernel makes it the only action."""
        if self.policed:
            raise self.command.error("police is there already")
        self.policed = True
        self.actions.append(read_police(self.command))
        self.terminal = True

    def _offset(self) -> None:
        """``offset [plus N] [at N] [mask M] [shift N] [eat]``."""
        command = self.command
        while command:
            if command.take_short("plus"):
                off = command.number("offset", -0x8000, 0xFFFF) & 0xFFFF
                self.selector = replace(self.selector, off=off, has_offset=True)
            elif command.take_short("at"):
                place = self._multiple(2, "place of the offset")
                self.selector = replace(self.selector, offoff=place, var_offset=True)
            elif command.take_short("mask"):
                mask = command.number("mask", 0, 0xFFFF, hexadecimal=True)
                self.selector = replace(self.selector, offmask=mask, var_offset=True)
            elif command.take_short("shift"):
                shift = command.number("shift", 0, 0xFF)
                self.selector = replace(self.selector, offshift=shift, var_offset=True)
            elif command.take_short("eat"):
                self.selector = replace(self.selector, eat=True)
            else:
                return

    def _hash_key(self) -> None:
        """``hashkey [mask M] [at N]``."""
        command = self.command
        while command:
            if command.take_short("mask"):
                mask = command.number("mask", 0, 0xFFFFFFFF, hexadecimal=True)
                self.selector = replace(self.selector, hmask=mask)
            elif command.take_short("at"):
                self.selector = replace(self.selector, hoff=self._multiple(4, "place of the hash key"))
            else:
                return

    def _multiple(self, of: int, what: str) -> int:
        number = self.command.number(what, -0x8000, 0x7FFF)
        if number % of:
            raise self.command.error(f"{what} {number} is not a multiple of {of}")
        return number

    def _divisor(self) -> int:
        divisor = self.command.number("divisor", 1, 0x100)
        if divisor & (divisor - 1):
            raise self.command.error(f"divisor {divisor} is not a power of 2")
        return divisor

    def _link(self) -> int:
        handle = read_handle(self.command, "hash table")
        if handle.bucket or handle.node:
            raise self.command.error("a link goes to a hash table, like 1:, not to a bucket or filter")
        return handle.table

    def _ht(self) -> None:
        handle = read_handle(self.command, "hash table")
        if handle.node:
            raise self.command.error("ht is a hash table with a bucket, like 1:2:, not a filter")
        self.table = handle.table
        if not self.sampled:
            self.bucket = handle.bucket

    def _sample(self) -> None:
        """``sample MATCH [divisor N]``: the bucket that packets with this word hash to."""
        command = self.command
        keys = KeyList(command)
        read_match(command, keys)
        if len(keys.keys) != 1:
            raise command.error("sample needs exactly one key")
        divisor = self._divisor() if command.take("divisor") else 0x100
        self.bucket = hash_fold(keys.keys[0].value, keys.keys[0].mask) % divisor
        self.sampled = True

    # --- all together ---

    @property
    def whole(self) -> bool:
        """Whether a new filter can be made of them: the kernel asks for a selector, which ``tc`` sends with a match."""
        return bool(self.keys.count) or self.divisor is not None or not self.said

    def filter(
        self, pref: int, protocol: int, chain: int, handle: Handle, start: Span, *, may_change: bool = False
    ) -> U32Filter:
        """The filter that the options describe, with what was said before ``u32``; ``may_change``: it may be there, and
        keeps its selector then, so that there need be none."""
        if not self.said and not handle.value:
            return root_alone(pref, protocol, chain, start.to(self.command.last))
        if len(self.skip) > 1:
            raise self.command.error("skip_hw and skip_sw exclude each other", start)
        if self.policed and len(self.actions) > 1:
            raise self.command.error("police and actions together: the kernel runs police only", start)
        if self.order and handle.node not in (0, self.order):
            raise self.command.error("order contradicts the handle", start)
        if self.order:
            handle = replace(handle, node=self.order)
        if may_change and not self.said:
            raise self.command.error("the kernel refuses a filter with a handle of which nothing is said", start)
        if not self.whole and not may_change:
            raise self.command.error("there is no match; the kernel refuses a u32 filter without selector", start)
        if self.divisor == 1 and handle == Handle(ROOT_TABLE):
            raise self.command.error(f"{handle} is the root table, which makes itself", start)
        if self.divisor is not None and (self.keys.count or self.actions or self.link is not None or self.terminal):
            raise self.command.error("a hash table (divisor) has no matches, link, class id or actions", start)
        selector = replace(self.selector, keys=tuple(self.keys.keys), terminal=self.terminal)
        return U32Filter(
            pref,
            protocol,
            handle,
            selector if self.divisor is None else None,
            ht=Handle(self.table, self.bucket) if self.table or self.bucket else None,
            link=self.link,
            divisor=self.divisor,
            classid=self.classid or None,
            actions=tuple(self.actions),
            chain=chain,
            indev=self.indev,
            mark=self.keys.mark,
            skip_hw="skip_hw" in self.skip,
            skip_sw="skip_sw" in self.skip,
            span=start.to(self.command.last),
        )
