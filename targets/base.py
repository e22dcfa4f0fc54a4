"""What a target is: the interface through which the command line and the proofs see every machine.

A target is found by its name under the entry point group ``p4verify.targets``; a vendor's package registers its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self, runtime_checkable

from ..semantics.bits import Term, Value
from ..semantics.ir import Program
from ..semantics.meaning.behaviour import Behaviour
from ..semantics.meaning.opened import Opened
from ..semantics.rules.ruleset import Rule, RuleSet
from ..semantics.source import NOWHERE, Span
from .keeping import Kept


@dataclass
class CannotOffload(Exception):
    """The machine cannot express the program; ``span`` is the place in the source that it cannot."""

    reason: str
    span: Span = NOWHERE

    def __str__(self) -> str:
        return f"{self.span}: {self.reason}" if self.span.file else self.reason


@dataclass(frozen=True)
class Obligation:
    """A condition that must hold for all inputs, beside the comparison of behaviours (a fill-up's laws)."""

    name: str
    condition: Term


@dataclass(frozen=True)
class StateRelation:
    """How cells of the machine's state stand to the program's: one machine cell for each program cell."""

    program: str
    """Name in the program's ``Case.state``."""
    machine: str
    """Name in the machine's ``Case.state``."""
    index_bits: int
    """Width of the program's index."""
    index: Callable[[Term], Term]
    """The program's index → the machine's."""
    cell_bits: int
    """Width of the machine's cell."""
    value: Callable[[Term], Term]
    """What the machine's cell holds → what the program's cell holds."""


Asked = Mapping[str, Sequence[tuple[int, ...]]]
"""The arguments that functions are asked for, by the functions' names."""

MakesEntries = Callable[[Sequence[int], Mapping[str, Callable[..., int]], Asked], tuple[Rule, ...]]
"""The keys that a table is asked for (its values side by side), functions on numbers, and what the functions of that
table (``table.T.*``) are asked for by either side → its entries, first winner first. They are a guess where several
keys are asked: whoever uses them looks whether they do."""


@dataclass(frozen=True)
class Relation:
    """How the machine's own tables stand to the program's: the fill-up, as terms.

    ``functions`` says what each function of the machine's meaning (``map.*``) is, in terms of the program's
    (``table.*``); it is sound because ``obligations`` are proven as well. Where the machine's contents cannot be told
    from the table's answers, ``tables`` says the table's functions by what the machine holds instead, and ``entries``
    gives, by table, the rules with which the machine holds what these functions on numbers say.
    """

    functions: Mapping[str, Callable[..., Term]] = field(default_factory=dict)
    variables: Mapping[Term, Term] = field(default_factory=dict)
    states: Sequence[StateRelation] = ()
    obligations: Sequence[Obligation] = ()
    axioms: Sequence[Term] = ()
    notes: Sequence[str] = ()
    told: Callable[[Behaviour], Behaviour] = lambda machine: machine
    """The machine's behaviour with what it sends told as the program tells it: copies, frames that come back. Raises
    Unsupported."""
    tables: Mapping[str, Callable[..., Term]] = field(default_factory=dict)
    entries: Mapping[str, MakesEntries] = field(default_factory=dict)
    completed: Callable[[RuleSet, Mapping[str, Callable[..., int]]], RuleSet] = lambda rules, functions: rules
    """Rules made with ``entries``, completed with what else the machine holds for functions on numbers: groups of
    action selectors, and default actions that are groups."""
    real: Callable[[Sequence[Term]], Sequence[Term]] = lambda terms: ()
    """What else is true, whatever the rules, of what the machine holds where the terms ask for it: too much to say with
    each question, and only made use of where a difference turns out to be that of no rules."""
    settled: Callable[[Behaviour], Behaviour] = lambda program: program
    """The program's behaviour with what it leaves to the device said as the machine has it (when an entry cannot be
    added), so that a machine which always takes the easy way is no lowering of it."""


Cells = Mapping[str, Iterable[int]]
"""State's name → indexes of its cells."""


@dataclass(frozen=True)
class Observation:
    """What a real machine did to one packet: outputs as (to, port, bytes), metadata that could be seen."""

    outputs: tuple[tuple[str, int, bytes], ...]
    metadata: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    """Of the events that can be seen, by name: the fields of each, oldest first."""
    beside: tuple[Mapping[str, int], ...] = ()
    """What could be seen beside each of the outputs (a tunnel's key), if anything could."""


class Oracle(Protocol):
    """The real machine. Used to confirm counterexamples and to judge meanings, and asked where a meaning ends; never to
    accept anything."""

    def available(self) -> str | None:
        """None if the machine can be had here, else the reason why not."""
        ...

    def close(self) -> None:
        """Give back what the machine was given (namespaces, devices); it can be asked again afterwards."""
        ...

    def run(self, artifact: Any, packets: Sequence[tuple[int, bytes]], tables: Any = None) -> list[Observation]:
        """What the machine, loaded with ``artifact``, does to each (ingress port, frame), each from a fresh state."""
        ...


@runtime_checkable
class KeepsState(Protocol):
    """A real machine whose state can be carried from one packet to the next."""

    def run_on(
        self, artifact: Any, packet: tuple[int, bytes], tables: Any, state: Any, ports: Sequence[int]
    ) -> tuple[Observation, Any]:
        """As :meth:`Oracle.run` for one packet on the state that another one left (None: as it is at first), and what
        it leaves; the machine has these ``ports`` beside the one that the packet comes in by."""
        ...


@runtime_checkable
class StartsState(Protocol):
    """A target whose machine has to be told what the program's state is at first, where that is not zeros."""

    def at_first(self, program: Program, artifact: Any) -> Mapping[str, Any]:
        """What the machine holds before the first packet, in the form of :meth:`Target.fill`."""
        ...


@runtime_checkable
class KeepsCells(Protocol):
    """A target whose machine keeps the program's counters and registers where a test can look at them."""

    def cell(self, program: Program, artifact: Any, state: Any, name: str, index: int) -> int | None:
        """What a cell holds in the machine's state, as :class:`KeepsState` has it; None if that is not known."""
        ...

    def with_cell(self, program: Program, artifact: Any, state: Any, name: str, index: int, value: int) -> Any:
        """The state with another value in a cell. Raises Unsupported."""
        ...


@dataclass(frozen=True)
class World:
    """What nobody controls, as it is in one run of a meaning."""

    inputs: Mapping[str, int] = field(default_factory=dict)
    """By the input's name (``in.*``); what is not there is 0."""
    answers: Mapping[str, Mapping[tuple[int, ...], int]] = field(default_factory=dict)
    """By the function's name (``given.*``) what it is asked for, with the answer."""


@runtime_checkable
class ShowsState(Protocol):
    """A real machine whose state can be looked at behind a packet, and that refuses artifacts with faults in them."""

    def run_showing(
        self, artifact: Any, packet: tuple[int, bytes], tables: Any, ports: Sequence[int], cells: Cells, around: World
    ) -> tuple[Observation, Mapping[str, Mapping[int, int]]]:
        """As :meth:`Oracle.run` for one packet, where the machine has these ``ports`` as well, and is told what is
        ``around`` it as far as it can be (the time, say) in place of what is so; the observation's
        metadata is what leaves with the frame, and its events are what can be seen of those. And what those of the
        ``cells`` hold afterwards that can be looked at: state's name → index → value."""
        ...

    def refuses(self, artifact: Any) -> bool:
        """Whether the machine does not take the artifact because of what it reads or writes."""
        ...


@runtime_checkable
class RunsMany(Oracle, Protocol):
    """A real machine that is quick to run many frames, each on the state as it is at first."""

    def run_each(
        self, artifact: Any, packets: Sequence[tuple[int, bytes]], tables: Any, ports: Sequence[int]
    ) -> list[Observation]:
        """As :meth:`Oracle.run`, where the machine has these ``ports`` as well; an observation's metadata is what
        leaves with the frame."""
        ...

    def has_port(self, artifact: Any, port: int) -> bool:
        """Whether the machine can have a port of this number."""
        ...


class Closing:
    """What gives back what it was given (an oracle, a descriptor) at the end of ``with``, or when nobody has it."""

    def close(self) -> None:
        """See :meth:`Oracle.close`."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


@runtime_checkable
class AtHooks(Protocol):
    """A target whose artifacts are at a hook that they name: frames that pass go another way at each."""

    def direction(self, artifact: Any) -> str:
        """``ingress`` or ``egress``."""
        ...

    def place(self, artifact: Any) -> str:
        """The device or block, in words; "" if the artifact does not say it."""
        ...


@runtime_checkable
class TellsLess(Protocol):
    """A target whose artifacts may leave out what others tell: two are compared without it."""

    def as_told_by(self, artifact: Any, other: Any) -> Any:
        """The artifact without what another one, of such a target, does not tell."""
        ...


@runtime_checkable
class ComesToRest(Protocol):
    """A target whose machines answer by what came before: a frame before which none came tells more of them."""

    def at_rest(self, artifact: Any) -> Any:
        """The artifact as such a frame finds it."""
        ...


@runtime_checkable
class MeansInPart(Protocol):
    """A target that can tell what an artifact does as far as its meaning goes."""

    def meaning_in_part(self, artifact: Any) -> Behaviour:
        """As :meth:`Target.meaning`, where frames that come to what is not modelled meet a fault that is ``unsaid``, in
        place of an error. Raises Unsupported if nothing can be told."""
        ...


@runtime_checkable
class ComparesArtifacts(Protocol):
    """A target whose artifacts keep state and tables of their own, which two artifacts share when they are compared."""

    def behaviours(self, first: Any, second: Any) -> tuple[Behaviour, Behaviour]:
        """What both artifacts do, where the same state and the same answers have the same names.

        Raises Unsupported with the place for what is not modelled or cannot be paired.
        """
        ...

    def as_compared(self, first: Any, second: Any) -> tuple[Any, Any]:
        """Both artifacts as :meth:`contents` and the oracle take them, so that state is named as in
        :meth:`behaviours`; raises as that does."""
        ...

    def contents(
        self,
        artifact: Any,
        terms: Sequence[Term],
        values: Mapping[str, Value],
        functions: Mapping[str, Callable[..., int]],
    ) -> Any:
        """What :meth:`Oracle.run` takes as ``tables``, so that all that is asked in ``terms`` is answered as the
        functions answer (names as in :meth:`behaviours`)."""
        ...


@runtime_checkable
class BeginsFilled(Protocol):
    """A target whose artifacts may fill memory of their own before anybody else does."""

    def unlike_at_first(self, first: Any, second: Any) -> str | None:
        """In what two artifacts differ when they are loaded, in memory that both use; None for nothing. Raises
        Unsupported."""
        ...


@runtime_checkable
class HoldsSeveral(Protocol):
    """A target whose artifacts can hold several programs, each of which runs by itself."""

    def apart(self, artifact: Any) -> Mapping[str, Any]:
        """By the name of each program that can be attached the artifact without the others."""
        ...


@runtime_checkable
class CarriesPrograms(Protocol):
    """A target whose artifacts can carry a description of what they do, which the machine passes over."""

    def with_program(self, artifact: Any, p4ast: bytes) -> Any:
        """The artifact with p4ast (as netlink bytes) in it, in place of any that was there."""
        ...

    def program_in(self, artifact: Any) -> bytes | None:
        """The p4ast that the artifact carries; None if it carries none."""
        ...


@runtime_checkable
class NamesDevices(Protocol):
    """A target whose artifacts call ports by the names of devices."""

    def read_named(self, data: bytes, name: str, devices: Mapping[str, int]) -> Any:
        """As :meth:`Target.read`; ``devices`` says which ports some devices are, a port once. Raises InputError."""
        ...


@runtime_checkable
class TakesMappings(Protocol):
    """A target whose artifacts, made elsewhere, may hold tables in a way that a file has to tell."""

    def with_mapping(self, artifact: Any, program: Program, text: str, file: str) -> Any:
        """The artifact with the mapping in a file's content, which :meth:`Target.relate` and :meth:`Target.fill` heed.

        Raises InputError naming ``file``.
        """
        ...


@runtime_checkable
class Installs(Protocol):
    """A target whose artifacts run on network devices of this machine, or in bridges of a switch."""

    def install(self, artifact: Any, tables: Any, device: str) -> None:
        """Attach the artifact, its tables filled, to a device or bridge. Raises InputError; nothing is left behind
        then."""
        ...

    def remove(self, device: str, options: Mapping[str, str]) -> None:
        """Take back what :meth:`install` attached. Raises InputError."""
        ...


@runtime_checkable
class ShowsSource(Protocol):
    """A target whose artifacts say which source line does what."""

    def with_source(self, artifact: Any, text: Callable[[str, int], str]) -> Any:
        """The artifact with the text of the lines that it names; ``text`` gives it by file and number or ""."""
        ...


@runtime_checkable
class ShowsDecision(Protocol):
    """A target that can say which parts of an artifact decide what it does to one frame."""

    def decides(self, artifact: Any, packet: bytes, port: int) -> Sequence[tuple[str, Span]]:
        """Those without which something else would be done: as their format writes them, with their places."""
        ...


@runtime_checkable
class PadsFrames(Protocol):
    """A target whose artifacts may be made for frames that a sender has filled up to a shortest length."""

    def padded_to(self, artifact: Any) -> int | None:
        """That length in bytes; None if the artifact takes frames as they come. Raises Unsupported."""
        ...


@runtime_checkable
class Returns(Protocol):
    """A target for which some ports of a program stand for a way back to its beginning."""

    def returning(self, program: Program) -> tuple[int, ...]:
        """These ports: what is sent to one of them is to come in there again."""
        ...


@runtime_checkable
class HasRoom(Protocol):
    """A target whose artifacts' tables have room for so many rules."""

    def check_room(self, program: Program, artifact: Any, rules: RuleSet) -> None:
        """Raises Unsupported, at a rule for which there is none."""
        ...


@runtime_checkable
class CompilesIn(Protocol):
    """A target that holds tables, whose artifacts may have the rules of some tables in their code."""

    def compiled_in(self, program: Program, artifact: Any, rules: RuleSet) -> frozenset[str]:
        """The tables (control-plane names) whose rules are in the code of an artifact made under these rules. A guess,
        where somebody else made it: nothing rests on it but which way a proof goes."""
        ...


@runtime_checkable
class TellsPortUse(Protocol):
    """A target that knows which interfaces an artifact's ports are, and can tell quickly of many artifacts that they do
    the same on every port."""

    def port0(self, artifact: Any) -> int:
        """The interface that is port 0; the others follow. Raises Unsupported."""
        ...

    def plainly_ignores_port(self, artifact: Any) -> bool:
        """Whether it is plain, without a look at what it means, that nothing depends on the port a frame came in by."""
        ...


@runtime_checkable
class Classifies(Protocol):
    """A target whose artifacts hold large lists of entries of which the first that matches decides."""

    def opened(self, artifact: Any, at_least: int, name: str = "") -> Opened:
        """What the artifact does, with every list of ``at_least`` so many entries left open; ``name`` begins the names
        of their functions, so that two artifacts do not share them.

        Raises NotSuitable if there is none, or it is not like that; Unsupported as :meth:`Target.meaning`.
        """
        ...

    def only(self, artifact: Any, opened: Opened, kept: Mapping[str, Sequence[int]]) -> Any:
        """The artifact without those entries of the open lists that are not kept (by their rows' ``origin``)."""
        ...

    def entry_text(self, artifact: Any, entry: Any) -> str:
        """An entry of an artifact's open lists as its format writes it."""
        ...


@runtime_checkable
class ClassifiesInParts(Classifies, Protocol):
    """A target of which a list may be several, one after the other, by what entries look at."""

    def opened_in_parts(self, artifact: Any, at_least: int, name: str = "", *, finer: bool = False) -> Opened:
        """As :meth:`Classifies.opened`, with each of these left open that has ``at_least`` so many entries. ``finer``:
        a list also ends where entries look at fewer of the same; raises NotSuitable as well where none does."""
        ...


@runtime_checkable
class KeepsEntries(Protocol):
    """A target whose artifacts' entries can come and go one by one."""

    def kept(self, artifact: Any) -> Kept:
        """The artifact's entries; raises as :meth:`Target.meaning`."""
        ...

    def having(self, artifact: Any, entries: Sequence[Any]) -> Any:
        """The artifact with these entries, and all else as it is."""
        ...

    def entries_in(self, artifact: Any, whole: Any) -> Sequence[Any]:
        """The entries of an artifact as it was read, to come into the ``whole`` one or to go. Raises ValueError if it
        has more than entries, or they are none of that one's."""
        ...

    def list_of(self, entry: Any) -> str:
        """The name of the list (:attr:`.OpenTable.name`) that an entry is in."""
        ...


class RulesBakedIn:
    """What a target does whose machine keeps no tables: rules are part of its artifacts."""

    holds_tables: Final = False

    def relate(self, program: Program, artifact: Any, rules: RuleSet | None) -> Relation:
        """Nothing to relate."""
        return Relation()

    def fill(self, program: Program, artifact: Any, rules: RuleSet) -> None:
        """Nothing to fill."""


class Target(Protocol):
    """One machine. ``Any`` stands for the target's own artifact type."""

    name: str
    summary: str
    """One line: what it is."""
    holds_tables: bool
    """Whether the machine keeps tables of its own that rules fill later; if not, rules are baked into artifacts."""

    def limits(self) -> Sequence[str]:
        """What it can and cannot express, a line each."""
        ...

    def lower(self, program: Program, rules: RuleSet | None, options: Mapping[str, str]) -> Any:
        """The artifact for a program and its rules (None: whatever the control plane will install).

        Raises:
            CannotOffload: the machine cannot express it.
        """
        ...

    def read(self, data: bytes, name: str) -> Any:
        """The artifact in a file's content. Raises InputError naming ``name`` and the place."""
        ...

    def recognises(self, data: bytes) -> bool:
        """Whether a file's content looks like one of this target's artifacts (cheap; no exception)."""
        ...

    def write(self, artifact: Any, form: str | None = None) -> bytes:
        """The artifact as the file that the machine's own tools load, or in another ``form`` that it names.

        Raises:
            ValueError: there is no such form.
        """
        ...

    def meaning(self, artifact: Any) -> Behaviour:
        """What the artifact does. Raises Unsupported with the place for what is not modelled."""
        ...

    def relate(self, program: Program, artifact: Any, rules: RuleSet | None) -> Relation:
        """How the artifact's own tables are filled from the program's rules."""
        ...

    def fill(self, program: Program, artifact: Any, rules: RuleSet) -> Any:
        """What :meth:`Oracle.run` takes as ``tables``: the artifact's own tables, filled from the rules."""
        ...

    def oracle(self) -> Oracle | None:
        """The real machine, or None if there is none to be had."""
        ...
