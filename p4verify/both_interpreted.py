"""Both programs of a pair, run by the interpreter on inputs that tell them apart: each in its own words, with steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .explain import Ran, only_met
from .interpreted import Groups, Undefined, answered, one_pass, run_on, same
from .on_numbers import all_terms
from .proofs.choices import choices_of
from .proofs.verdict import Observed
from .semantics import bits as b
from .semantics.arch.blocks import Interface, run_block
from .semantics.arch.opaque import WORLD
from .semantics.bits import Term
from .semantics.meaning.behaviour import Behaviour
from .semantics.meaning.inputs import Concrete
from .semantics.meaning.program import Run
from .semantics.meaning.trace import Trace
from .semantics.rules.ruleset import RuleSet
from .semantics.source import Unsupported
from .smaller import Setting

if TYPE_CHECKING:
    from .pairs import ProgramPair


@dataclass(frozen=True)
class Interpreted:
    """Runs of both programs, under rules that suffice for the difference."""

    first: Ran
    second: Ran
    rules: RuleSet


@dataclass
class Interpreters:
    """The interpreter, asked of both programs."""

    pair: ProgramPair
    blocks: tuple[str, str] | None
    """As :attr:`.replay.Replay.blocks`."""
    spec: Behaviour
    impl: Behaviour
    theirs: Behaviour
    """The second side in its own words."""
    alike: Callable[[Setting], dict[str, int]]
    """What the undefined values of the first program are."""
    promised: bool = False
    """As :attr:`.replay.Replay.promised`."""
    _interface: Interface | None = field(default=None, init=False)

    @property
    def _choosing(self) -> bool:
        """Whether anything is undefined in the two."""
        return bool(choices_of(self.spec) or choices_of(self.impl))

    def second_rules(self, rules: RuleSet) -> RuleSet:
        """Rules of the first program as the second one's; where each has its source's, these."""
        said = self.pair.own_entries or self.pair.content is not None
        known = self.pair.second_rules if said else self.pair.pairing.second_rules(rules)
        assert known is not None
        return known

    def runs(self, setting: Setting, expected: Observed, actual: Observed, groups: Groups) -> Interpreted | str | None:
        """Runs of both programs, which differ; None where the interpreter does not tell what is compared."""
        if setting.rules is None:
            return None
        if self.blocks is not None:
            traces = self._blocks_interpreted(setting, expected, actual)
            if traces is None or isinstance(traces, str):
                return traces
            mine, theirs = traces
            first, second = Ran(self.pair.first, mine.steps), Ran(self.pair.second, theirs.steps)
            return Interpreted(first, second, setting.rules)
        for rules in self._enough(setting, groups):
            runs = self.both(setting, rules, groups)
            if runs is not None and same(runs[0], expected) and same(runs[1], actual):
                first, second = Ran(self.pair.first, runs[0].trace.steps), Ran(self.pair.second, runs[1].trace.steps)
                return Interpreted(first, second, rules)
        if runs is None or self._choosing or groups.asked or runs[0].failed:
            return None
        if not (one_pass(expected) and one_pass(actual)):
            return None
        return "the interpreter does something else than the meanings"

    def _enough(self, setting: Setting, groups: Groups) -> Iterator[RuleSet]:
        """Rules that may do: of those given, the entries that the runs meet; then all."""
        assert setting.rules is not None
        if self.pair.rules is not None:
            runs = self.both(setting, setting.rules, groups)
            if runs is not None:
                yield only_met(setting.rules, runs[0].trace.steps)
        yield setting.rules

    def both(self, setting: Setting, rules: RuleSet, groups: Groups) -> tuple[Run, Run] | None:
        """Both programs by the interpreter."""
        pairing = self.pair.pairing
        try:
            theirs = self.second_rules(rules)
        except Unsupported:
            return None
        given = setting.given
        functions = given.model.callables()
        mine = {n.removeprefix("state."): f for n, f in functions.items() if n.startswith("state.")}
        names = {n.removeprefix("state.") for n in map(_called, b.applications(*all_terms(self.theirs)))}
        cells = {n: mine[known] for n in names if (known := pairing.state_name(n)) in mine}
        chosen = Undefined(self.spec, {**setting.given.model.values, **self.alike(setting)})
        values = given.model.values
        more = [self.pair.inputs_of_a_run(side, values) for side in ("first", "second")]
        left = run_on(
            self.pair.assumed or self.pair.first, groups.into(rules), given, mine, chosen, more[0], meters_kept=True
        )
        told = answered(functions)
        asked = {call.name: pairing.renamed(call.name) for call in b.applications(*all_terms(self.theirs))}
        said = {name: told[first] for name, first in asked.items() if first in told}
        right = run_on(
            self.pair.second, groups.into(theirs), given, cells, Undefined(self.impl, values), more[1], said,
            meters_kept=True,
        )  # fmt: skip
        return None if left is None or right is None else (self.pair.seen(left), self.pair.seen(right))

    def _blocks_interpreted(
        self, setting: Setting, expected: Observed, actual: Observed
    ) -> tuple[Trace, Trace] | str | None:
        """Traces of both blocks by the interpreter, which must differ."""
        given, rules = setting.given, setting.rules
        assert rules is not None
        assert self.blocks is not None
        try:
            known = self.pair.second_rules
            theirs = known if known is not None else self.pair.pairing.second_rules(rules)
        except Unsupported:
            return None
        traces = (Trace(), Trace())
        results = []
        alike = Undefined(self.spec, self.alike(setting))
        for program, block, entries, trace, identity, chosen in (
            (self.pair.first, self.blocks[0], rules, traces[0], self.pair.pairing.first_identity, alike),
            (self.pair.second, self.blocks[1], theirs, traces[1], self.pair.pairing.second_identity,
             Undefined(self.impl, given.model.values)),
        ):  # fmt: skip
            names = {n.removeprefix("in."): v for n, v in given.model.values.items() if n.startswith("in.")}
            functions = given.model.callables()
            cells = {n.removeprefix("state."): f for n, f in functions.items() if n.startswith("state.")}
            source = Concrete(given.packet, given.port, names, cells, chosen, functions)
            interface = self._interface if program is self.pair.second else None
            result, interface = run_block(
                program, block, entries, source, trace, interface, identity, promised=self.promised
            )
            self._interface = interface
            results.append({WORLD: names.get(WORLD, 0), **result})
        if self._choosing:
            seen = (expected.metadata, actual.metadata)
            if any(said[n] != ran.get(n, said[n]) for said, ran in zip(seen, results, strict=True) for n in said):
                return None  # it has met its undefined values in another order
        if results[0] == results[1]:
            return "both blocks, run, do the same"
        return traces


def _called(call: Term) -> str:
    return call.name
