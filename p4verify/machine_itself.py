"""What a machine itself is seen to do where its meaning ends, as a search for a difference from the program.

A meaning in part says where that is (faults that are ``unsaid``). Rules and frames that lead there are made, and these
and frames near them are run on the real machine. What it does counts against the program only where nothing that is
undefined has a part in what the program does; and it counts for nothing at all if, on any of these frames of which the
meaning does tell, the machine does something else than that. Nothing is ever accepted by it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from .certain import certainly_told
from .concretely import Functions, sides_of
from .confirm import Pair, counterexample, with_groups
from .frames_near import frames_near
from .interpreted import one_pass
from .machine_shown import MOST_PORTS, differ, name_of
from .proofs.compare import domain
from .proofs.counterexample import Input, Side, input_of
from .proofs.engine import Engine, Model
from .proofs.verdict import Observed, Proof, Verdict
from .reached import reached
from .realise import CannotRealise, describe, realise
from .semantics import bits as b
from .semantics import ir
from .semantics.meaning.behaviour import Behaviour
from .semantics.meaning.concrete import BadBehaviour
from .semantics.meaning.program import meaning
from .semantics.rules.ruleset import RuleSet
from .semantics.source import InputError, Unsupported
from .sides_in_runs import SidesInRuns
from .targets.base import CannotOffload, RunsMany, StartsState

SECONDS: Final = 20.0
"""For all runs of one pair."""
QUESTION_SECONDS: Final = 2.0
"""For the question which frames come to where the meaning ends."""
MOST_FAULTS: Final = 8
"""Places where it ends that are looked at."""
LONGEST: Final = 1514
"""Bytes of a frame that every device sends on."""
SHORTEST: Final = 14
LENGTHS: Final = (14, 18, 34, 38, 42, 54, 58, 60, 64, 96, 128, 256)
"""Of frames that are shown rather than a longer one."""
PORTS: Final = (2, 3, 4, 5)
"""Ports in place of one that the machine cannot have."""


@dataclass(frozen=True)
class _Run:
    """An input, with what the program does to it for certain, and the machine as its meaning says, if either tells."""

    given: Input
    expected: Observed | None
    said: Observed | None

    @property
    def ports(self) -> frozenset[int]:
        """To which frames are sent."""
        seen = [one for one in (self.expected, self.said) if one is not None]
        return frozenset(port for one in seen for to, port, _ in one.outputs if to == "port")

    def differs(self, shown: Observed) -> bool:
        """Whether the machine has shown something else than the program does, where its meaning does not tell what."""
        return self.said is None and self.expected is not None and _differ(self.expected, shown)


class MachineItself:
    """The runs of one program and one machine."""

    def __init__(self, pair: Pair, runs: SidesInRuns, untold: Unsupported, engine: Engine) -> None:
        """
        Args:
            pair: of a program and a machine.
            runs: of both, in the program's words.
            untold: what the machine's meaning does not tell.
            engine: is asked for inputs.
        """
        self._pair, self._of_both, self._untold, self._engine = pair, runs, untold, engine

    def reject(self, started: float) -> Proof | None:
        """The ``reject`` of a machine that was seen to do something else; None if none was.

        Args:
            started: when the check began, as of ``time.monotonic()``.
        """
        oracle = self._pair.target.oracle() if self._pair.on_machines else None
        if oracle is None or not isinstance(oracle, RunsMany) or self._begins_with_state:
            return None
        end = time.monotonic() + SECONDS
        try:
            if oracle.available() is not None:
                return None
            for rules, model in self._leading():
                found = self._under(oracle, rules, model, started)
                if isinstance(found, Proof):
                    return found
                if found or time.monotonic() > end or self._engine.out_of_time:
                    return None
        finally:
            oracle.close()
        return None

    @property
    def _begins_with_state(self) -> bool:
        """Whether the machine has to be told of state before the first frame."""
        target = self._pair.target
        return isinstance(target, StartsState) and bool(target.at_first(self._program, self._pair.artifact))

    @property
    def _program(self) -> ir.Program:
        assert self._pair.program is not None
        return self._pair.program

    def _leading(self) -> Iterator[tuple[RuleSet, Model]]:
        """Rules with an input, on which the machine comes to where its meaning ends, or the program does something."""
        spec, impl = self._of_both.sides
        possible = domain(spec, impl)
        for fault in [fault for fault in impl.faults if fault.unsaid][:MOST_FAULTS]:
            query = b.and_(possible, fault.guard)
            answer = self._engine.satisfiable(query, "where the meaning ends", QUESTION_SECONDS)
            if answer.model is not None:
                with suppress(CannotRealise):
                    yield self._pair.rules or realise(self._program, [query], answer.model), answer.model
        if self._pair.rules is None:
            yield from reached(self._program, spec, impl, self._engine, random.Random(len(spec.cases)))

    def _under(self, oracle: RunsMany, rules: RuleSet, model: Model, started: float) -> Proof | bool:
        """The ``reject`` of a difference under some rules; else whether the machine is not what its meaning tells."""
        pair, program = self._pair, self._program
        try:
            if pair.rules is None:
                rules = with_groups(pair, rules, input_of(model))
            if pair.restrictions is not None and pair.restrictions.violation(rules) is not None:
                return False
            tables = pair.target.fill(program, pair.artifact, rules)
            seen = self._seen(oracle, self._runs(oracle, rules, frames_near(_at_first(model))), tables)
            if any(run.said is not None and _differ(run.said, shown) for run, shown in seen):
                return True
            found = next((run.given for run, shown in seen if run.differs(shown)), None)
            if found is None:
                return False
            seen = self._seen(oracle, self._runs(oracle, rules, _shorter(found)), tables)
            again = self._seen(oracle, [run for run, _ in seen], tables)
        except (CannotRealise, InputError, Unsupported, CannotOffload, ValueError, KeyError, OSError):
            return False  # rules that the machine cannot hold, or frames that it cannot be given
        for (run, shown), (_, later) in zip(seen, again, strict=True):
            if run.expected is not None and run.differs(shown) and later == shown:
                return self._reject(oracle, rules, run.given, (run.expected, shown), started)
        return False

    def _runs(self, oracle: RunsMany, rules: RuleSet, inputs: Iterable[Input]) -> list[_Run]:
        """Those of the inputs that the machine can be given; they have one model."""
        pair, (given, *others) = self._pair, inputs
        spec = meaning(pair.assumed or self._program, rules)
        relation = pair.target.relate(self._program, pair.artifact, rules)
        spec = relation.settled(spec)
        mine, theirs = sides_of(spec, pair.impl, relation, given.model, told=False)
        functions = Functions(relation, given.model)
        program = _Certain(mine, spec, functions.program(spec))
        machine = _Certain(theirs, pair.told, functions.machine(pair.impl))
        found, ports = [], frozenset[int]()
        for each in (given, *others):
            if not SHORTEST <= len(each.packet) <= LONGEST:
                continue
            if not oracle.has_port(pair.artifact, each.port):
                each = replace(each, port=next(port for port in PORTS if oracle.has_port(pair.artifact, port)))
            with suppress(ValueError):  # one of which not both sides speak
                run = _Run(each, program(each), machine(each))
                possible = all(oracle.has_port(pair.artifact, port) for port in run.ports)
                if possible and len(ports | run.ports) <= MOST_PORTS:
                    ports |= run.ports
                    found.append(run)
        return found

    def _seen(self, oracle: RunsMany, runs: Sequence[_Run], tables: Any) -> list[tuple[_Run, Observed]]:
        """The runs with what the machine does in them."""
        ports = sorted({port for run in runs for port in run.ports})
        packets = [(run.given.port, run.given.packet) for run in runs]
        seen = oracle.run_each(self._pair.artifact, packets, tables, ports) if packets else []
        shown = [Observed(tuple(sorted(each.outputs)), each.metadata) for each in seen]
        return list(zip(runs, shown, strict=True))

    def _reject(
        self, oracle: RunsMany, rules: RuleSet, given: Input, seen: tuple[Observed, Observed], started: float
    ) -> Proof:
        """``seen``: what the program does, and what was shown."""
        pair = self._pair
        rule_lines = describe(rules, self._program) if pair.rules is None else ()
        seen_by = ("reference", name_of(pair.target, oracle))
        found = counterexample(pair, rules, given, seen, "what the machine itself does", seen_by, rule_lines)
        reason = (
            "differs in what is sent, as the real machine shows on the packet given; its meaning does not tell "
            f"({self._untold.reason})"
        )
        return Proof(Verdict.REJECT, reason, counterexample=found, seconds=time.monotonic() - started)


@dataclass(frozen=True)
class _Certain:
    """What a side does for certain, as far as it can be watched; None where that is not told."""

    side: Side
    behaviour: Behaviour
    functions: Mapping[str, Callable[..., int]]

    def __call__(self, given: Input) -> Observed | None:
        """Raises ValueError for an input of which the side does not speak."""
        try:
            seen = self.side(given)
            names = certainly_told(self.behaviour, given, self.functions)
        except (KeyError, BadBehaviour):
            return None
        if names is None or seen.fault or not one_pass(seen):
            return None
        return replace(seen, metadata={name: seen.metadata[name] for name in names & seen.metadata.keys()})


def _shorter(given: Input) -> Iterator[Input]:
    """The input with shorter frames, and as it is."""
    yield from (replace(given, packet=given.packet[:count]) for count in LENGTHS if count < len(given.packet))
    yield given


def _at_first(model: Model) -> Input:
    """The input that a model describes, without what it says of state and of what comes with the frame: that is as a
    machine has it at first."""
    members = {name: value for name, value in model.values.items() if name.startswith("each.")}
    return replace(input_of(model), model=Model(members), cells={})


def _differ(said: Observed, shown: Observed) -> bool:
    """Whether something else was shown, of what is looked at here."""
    return differ(Observed(said.outputs, said.metadata), shown)
