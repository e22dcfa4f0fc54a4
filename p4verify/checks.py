"""`p4verify check`: program against software, program against hardware, software against hardware.

Each comparison ends in a :class:`~.results.Result`. A difference that the search finds is run concretely on both
sides, and on the real machine where there is one, before it is called ``reject``; one that cannot be confirmed is
``undecided`` and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from .agreement import Followed, as_allowed, open_at, through_program
from .assertions import Asserted, check_assertions, has_asserts, shows_nothing
from .confirm import Pair, confirm
from .impossible import without_the_impossible
from .machine_in_runs import MachineInRuns
from .machine_itself import MachineItself
from .mapping import NOTHING_SAID, ProgramMap
from .on_numbers import all_terms
from .pairs import ProgramPair, check_pair
from .proofs.choices import left_open
from .proofs.engine import Engine
from .proofs.execution import Execution
from .proofs.itself import unlike_itself
from .proofs.refine import Outcome, decide, search
from .proofs.verdict import Proof, Tally, Verdict
from .related import relate, with_legal_answers
from .restrictions import Restrictions
from .results import Result
from .scale import OPEN_FROM, Large, LargePair, checked
from .scale.known_answers import with_known_answers
from .seen_in_runs import with_time_left
from .semantics import bits as b
from .semantics import ir
from .semantics.meaning.behaviour import Behaviour, Choice
from .semantics.meaning.concrete import evaluate_behaviour
from .semantics.meaning.members import by_port, groups_of, one_by_one, ports_of
from .semantics.meaning.opened import NothingLarge, NotSuitable
from .semantics.meaning.program import meaning
from .semantics.rules.as_source import with_rules_of
from .semantics.rules.build import program_rules
from .semantics.rules.ruleset import RuleSet
from .semantics.source import NOWHERE, Span, Unsupported
from .sides_in_runs import ASIDE_SECONDS, SidesInRuns
from .targets.base import CannotOffload, Classifies, CompilesIn, HasRoom, MeansInPart, Relation, Target
from .two_machines import (
    Given,
    Machine,
    also_at_rest,
    as_both_tell,
    at_one_place,
    both_ways,
    check_beginnings,
    exactly,
    large_pair,
    two_machines,
)
from .usual_inputs import on_a_usual_input

ASSERTIONS = "assertions"
"""What the check of the program's own assertions is called in results."""
BOTH = "packets and rules"
PACKETS = "packets"
IN_TERMS = 4096
"""Rules that are put into terms where comparing them by regions does not decide."""
OWN_ENTRIES = "no rules are given, and this target holds no tables: the program's own entries count as all there are"


@dataclass(frozen=True)
class Accepted:
    """A machine that was accepted, and its behaviour with the fill-up; ``followed``: what it was compared with, where
    that was the program's meaning as it is; ``all_rules``: likewise, where it was accepted for every rule set."""

    machine: Machine
    behaviour: Behaviour
    followed: Followed | None
    all_rules: Followed | None = None


@dataclass
class Checker:
    """All checks of one program (or, without one, of artifacts against each other).

    Args:
        program: the program; None to compare artifacts only.
        rules: the rule set; None for every rule set that a control plane could install.
        timeout: seconds for each comparison; None for no limit on the whole.
        progress: called with a line now and then.
        machines_confirm: whether counterexamples are run on real machines that are there.
        execution: where queries are answered.
        assumed: the program with what the user assumes in it (:mod:`.assumptions`), None for nothing.
        restrictions: what holds of every entry that a control plane may install.
    """

    program: ir.Program | None
    rules: RuleSet | None = None
    timeout: float | None = None
    progress: Callable[[str], None] = lambda _line: None
    machines_confirm: bool = True
    execution: Execution = field(default_factory=Execution)
    assumed: ir.Program | None = None
    restrictions: Restrictions | None = None
    _meanings: dict[bool, Behaviour] = field(default_factory=dict)
    _accepted: list[Accepted] = field(default_factory=list)
    _told: dict[int, Behaviour] = field(default_factory=dict)
    """Meaning of the program, by identity → the same with copies told one by one."""
    _sound: list[Behaviour] = field(default_factory=list)
    """Meanings of the program that were checked against themselves: once is enough for all targets."""

    def check_lowered(self, target: Target, options: Mapping[str, str]) -> Result:
        """Lower with our own compiler and check what it made."""
        program = self._need_program()
        label = target.name + "".join(f":{k}={v}" for k, v in options.items())
        started = time.monotonic()
        try:
            self.progress(f"{label}: lowering")
            artifact = target.lower(program, self.rules, options)
        except CannotOffload as error:
            return Result(label, None, _placed(_unsupported(error.reason, error.span, started), program))
        return self.check_artifact(target, artifact, None, label)

    def check_artifact(self, target: Target, artifact: Any, path: str | None, label: str | None = None) -> Result:
        """Check an artifact, made by us or elsewhere, against the program."""
        label = label or target.name
        started = time.monotonic()
        try:
            if self.rules is not None and isinstance(target, HasRoom):
                target.check_room(self._need_program(), artifact, self.rules)
            proof = self._prove_large(target, artifact, path, label, started)
            if isinstance(proof, str):
                why = (proof,) if proof else ()
                proof = self._prove(target, artifact, path, label, started)
                proof = replace(proof, warnings=(*proof.warnings, *why))
        except Unsupported as error:
            seen = self._in_part(target, artifact, label, error, started)
            proof = seen or _unsupported(error.reason, error.span, started)
        except CannotOffload as error:
            proof = _unsupported(error.reason, error.span, started)
        return Result(label, path, _placed(proof, self._need_program()))

    def check_assertions(self) -> list[Result]:
        """The program's own assertions, if one could fail: nothing else says that they hold."""
        program = self._need_program()
        if not has_asserts(program):
            return []
        started = time.monotonic()
        engine = self._engine(ASSERTIONS)
        try:
            proof = check_assertions(Asserted(self.assumed or program, self.rules, self.restrictions), engine, started)
        except Unsupported as error:
            proof = _unsupported(error.reason, error.span, started)
        quantified = _quantified(program, self.rules)
        return [Result(ASSERTIONS, None, replace(_placed(proof, program), quantified_over=quantified))]

    def check_program(
        self, other: ir.Program, path: str, *, exactly: bool = False, said: ProgramMap = NOTHING_SAID
    ) -> Result:
        """Another program: does it do what this one allows (``exactly``: are they equal)? ``said``: how the two
        correspond where names do not say it.

        Raises:
            InputError: what was said names something that is not there.
        """
        program = self._need_program()
        started = time.monotonic()
        engine = self._engine(path)
        try:
            pair = ProgramPair(program, other, self.rules, exactly, self.assumed, self.restrictions, said=said)
            proof = check_pair(pair, engine, started)
        except Unsupported as error:
            proof = _unsupported(error.reason, error.span, started)
        quantified = _quantified(program, self.rules)
        return Result("p4", path, replace(_placed(proof, program), quantified_over=quantified))

    def check_agreement(self) -> list[Result]:
        """Software against hardware: every accepted eBPF machine against every other accepted machine."""
        software = [m for m in self._accepted if m.machine.target.holds_tables]
        hardware = [m for m in self._accepted if not m.machine.target.holds_tables]
        return [self._agree(s, h) for s in software for h in hardware]

    def check_two(self, first: tuple[Target, Any, str], second: tuple[Target, Any, str], name: str = "") -> Result:
        """Two artifacts against each other, without a program; tables of their own are paired by name. ``name`` says
        which of several programs in each this is about."""
        started = time.monotonic()
        label = f"{first[0].name} = {second[0].name}{name and f', program {name}'}"
        try:
            places = at_one_place(first, second)
            compare = partial(self._compared, started=started, label=label)
            proof = also_at_rest(compare, *as_both_tell(first, second))
            if proof.verdict is Verdict.ACCEPT:
                check_beginnings(first, second)
            proof = replace(proof, warnings=(*proof.warnings, *places))
        except Unsupported as error:
            proof = _unsupported(error.reason, error.span, started)
        return Result(label, second[2], proof)

    def _compared(self, first: Given, second: Given, *, started: float, label: str) -> Proof:
        proof = self._equal_large(first, second, started, label)
        if not isinstance(proof, str):
            return proof
        left, right = two_machines(first, second)
        why, proof = proof, self._alike(left, right, started, label)
        notes = dict.fromkeys((*left.behaviour.notes, *right.behaviour.notes, *((why,) if why else ())))
        return replace(proof, warnings=(*proof.warnings, *notes))

    # --- one comparison ---------------------------------------------------------------------------------------------

    def _prove(self, target: Target, artifact: Any, path: str | None, label: str, started: float) -> Proof:
        program = self._need_program()
        pair, mine, theirs, engine = self._both(target, artifact, label, target.meaning)
        rules, spec, relation = pair.rules, pair.spec, pair.relation
        machine = Machine(target, artifact, path, pair.impl, label)
        broken = self._check_laws(relation, engine, started)
        if broken is not None:
            return broken
        runs = _runs_of(pair, mine, theirs, engine)
        outcome = search(mine, theirs, with_time_left(engine), aside=runs, real=relation.real)
        quantified = _quantified(program, rules)
        proof = decide(outcome, started, _accepted_because(outcome.tally, quantified, label))
        proof = shows_nothing(proof, (mine, theirs), engine) if proof is not None else None
        if proof is None:
            proof = confirm(pair, outcome, started)
            if proof.verdict is Verdict.UNDECIDED:
                proof = runs.reject(started) or proof
            if proof.verdict is Verdict.UNDECIDED:
                proof = _once_more(pair, mine, theirs, engine, started) or proof
        elif proof.verdict is Verdict.UNDECIDED:
            proof = runs.reject(started) or proof
        same = not relation.states and not relation.tables  # then `mine` is `spec`
        if proof.verdict is not Verdict.REJECT:  # that one was seen on both sides, so it needs no other trust in them
            proof = self._broken(mine, theirs, spec if same else None, engine, started) or proof
        if proof.verdict is Verdict.ACCEPT:
            followed = Followed(mine, theirs, proof.tally.compared)
            self._accepted.append(Accepted(machine, theirs, followed if same else None, replace(followed, large=True)))
        baked = (OWN_ENTRIES,) if self.rules is None and rules is not None and _has_open_tables(program) else ()
        unread = self.restrictions.notes if self.restrictions is not None and rules is None else ()
        notes = tuple(dict.fromkeys((*unread, *baked, *spec.notes, *machine.behaviour.notes, *relation.notes)))
        return replace(proof, quantified_over=quantified, warnings=(*proof.warnings, *notes))

    def _both(
        self, target: Target, artifact: Any, label: str, told: Callable[[Any], Behaviour]
    ) -> tuple[Pair, Behaviour, Behaviour, Engine]:
        """The program and a machine of which ``told`` is the meaning; both in the same words, and what answers
        questions about them. Raises Unsupported."""
        program = self._need_program()
        self.progress(f"{label}: meaning of the program")
        rules, spec = self._spec(target)
        self.progress(f"{label}: meaning of the artifact")
        impl = told(artifact)
        spec, ports = self._copies_told(spec, rules)
        relation = target.relate(program, artifact, rules)
        spec = relation.settled(spec)
        mine, theirs = (by_port(side, ports) for side in relate(spec, impl, relation))
        mine, theirs = (with_legal_answers(program, side) for side in (mine, theirs))
        if rules is None and self.restrictions is not None:
            mine, theirs = self.restrictions.restricted(mine), self.restrictions.restricted(theirs)
        engine = self._engine(label)
        if ports:
            theirs = without_the_impossible(theirs, engine)
        pair = Pair(program, rules, spec, impl, target, artifact, relation, self.machines_confirm,
                    assumed=self.assumed, restrictions=self.restrictions)  # fmt: skip
        return pair, mine, theirs, engine

    def _in_part(self, target: Target, artifact: Any, label: str, untold: Unsupported, started: float) -> Proof | None:
        """The ``reject`` of an artifact whose meaning does not tell all, if random runs of what it tells, or of the
        machine itself, show a difference from the program."""
        if not isinstance(target, MeansInPart):
            return None
        self.progress(f"{label}: meaning of the artifact as far as it goes")
        try:
            pair, mine, theirs, engine = self._both(target, artifact, label, target.meaning_in_part)
            runs = _runs_of(pair, mine, theirs, engine)
            proof = runs.reject(started, ASIDE_SECONDS) or MachineItself(pair, runs, untold, engine).reject(started)
        except (Unsupported, CannotOffload):
            return None
        if proof is None:
            return None
        quantified = _quantified(self._need_program(), pair.rules)
        return replace(proof, quantified_over=quantified, warnings=(*proof.warnings, f"not modelled: {untold}"))

    def _prove_large(self, target: Target, artifact: Any, path: str | None, label: str, started: float) -> Proof | str:
        """The proof where there are too many rules to put all into terms; else why there is none, if they are many."""
        rules, program = self.rules, self._need_program()
        if rules is None or all(len(entries) < OPEN_FROM for entries in rules.entries.values()):
            return ""
        engine = self._engine(label)
        self.progress(f"{label}: large tables are left open")
        if target.holds_tables:
            return self._prove_for_every(target, artifact, path, label, started)
        try:
            large = Large(self.assumed or program, rules, target, artifact, self.machines_confirm)
            proof, settlement = checked(large, engine, started)
        except NotSuitable as error:
            return f"all rules were put into terms at once ({error})"
        if proof.verdict is Verdict.UNDECIDED and sum(map(len, rules.entries.values())) <= IN_TERMS:
            return f"all rules were put into terms at once (by regions it was not decided: {proof.reason})"
        if settlement is not None:
            mine, theirs = with_known_answers(settlement.mine), settlement.theirs.behaviour
            machine = Machine(target, artifact, path, theirs, label)
            self._accepted.append(Accepted(machine, theirs, Followed(mine, theirs, proof.tally.compared, large=True)))
        return proof

    def _prove_for_every(
        self, target: Target, artifact: Any, path: str | None, label: str, started: float
    ) -> Proof | str:
        """The proof for every rule set, but for the rules that are in the artifact's code; else why there is none."""
        program, assumed, rules = self._need_program(), self.assumed, self.rules
        assert rules is not None
        which = "every rule set"
        try:
            fixed = target.compiled_in(program, artifact, rules) if isinstance(target, CompilesIn) else frozenset()
            if fixed:
                which = f"every rule set with these rules in {', '.join(sorted(fixed))}"
                program = with_rules_of(program, rules, fixed)
                assumed = with_rules_of(assumed, rules, fixed) if assumed is not None else None
            every = replace(self, program=program, assumed=assumed, rules=None,
                            _meanings={}, _accepted=[], _sound=[], _told={})  # fmt: skip
            proof = every._prove(target, artifact, path, label, started)
        except (Unsupported, CannotOffload):
            return f"not decided for {which}, so it was for the rules given"
        if proof.verdict is not Verdict.ACCEPT:
            return f"not accepted for {which} ({proof.verdict.value}), so it was tried for the rules given"
        if fixed:
            reason = _accepted_because(proof.tally, PACKETS, label)
            proof = replace(proof, reason=reason, quantified_over=PACKETS)
        self._accepted += [replace(one, followed=one.all_rules) for one in every._accepted]
        return replace(proof, warnings=(*proof.warnings, f"it holds of {which}, so of the rules given"))

    def _spec(self, target: Target) -> tuple[RuleSet | None, Behaviour]:
        """The rules that count, and the program's meaning under them.

        Where rules are baked in and none are given, the program's own entries are the rules.
        """
        program = self._need_program()
        baked = self.rules is None and not target.holds_tables
        rules = program_rules(program) if baked else self.rules
        if baked not in self._meanings:
            self._meanings[baked] = meaning(self.assumed or program, rules)
        return rules, self._meanings[baked]

    def _copies_told(self, spec: Behaviour, rules: RuleSet | None) -> tuple[Behaviour, frozenset[int]]:
        """The program's meaning with copies told one by one, for machines whose groups are baked in; and where copies
        go, if there are some."""
        if rules is None:
            return spec, frozenset()
        groups = groups_of(rules)
        if id(spec) not in self._told:
            self._told[id(spec)] = one_by_one(spec, *groups)
        told = self._told[id(spec)]
        return told, frozenset() if told is spec else ports_of(*groups)

    def _check_laws(self, relation: Relation, engine: Engine, started: float) -> Proof | None:
        """The fill-up's obligations. One that fails is a mistake of ours or of a mapping: never an accept."""
        for law in relation.obligations:
            answer = engine.satisfiable(b.and_(*relation.axioms, b.not_(law.condition)), f"fill-up: {law.name}")
            if answer.status != "unsat":
                how = "does not hold" if answer.status == "sat" else f"is not decided: {answer.reason}"
                reason = f"the fill-up's law '{law.name}' {how}"
                return Proof(Verdict.UNDECIDED, reason, seconds=time.monotonic() - started)
        return None

    def _broken(
        self, mine: Behaviour, theirs: Behaviour, spec: Behaviour | None, engine: Engine, started: float
    ) -> Proof | None:
        """The proof that says so if a side does not agree with itself (:mod:`.proofs.itself`).

        ``spec``: the program's meaning, if that is what ``mine`` is: then it is looked at once for all targets.
        """
        known = spec is not None and any(spec is checked for checked in self._sound)
        for side, what in ((mine, "the program"), (theirs, "the artifact"))[1 if known else 0 :]:
            unlike = unlike_itself(side, what, engine, started)
            if unlike is not None:
                return unlike
        if spec is not None and not known:
            self._sound.append(spec)
        return None

    def _agree(self, software: Accepted, hardware: Accepted) -> Result:
        started = time.monotonic()
        first, second = software.machine, hardware.machine
        label, path = f"{first.label} = {second.label}", second.path or first.path
        allowed = self._allowed(software, hardware, label, started)
        through = allowed or self._through(software.followed, hardware.followed, label, started)
        if through is not None:
            return Result(label, path, through)
        meant = [a for found in self._meanings.values() for a in found.domain]  # each was accepted on no other inputs
        domain = tuple(dict.fromkeys((*software.behaviour.domain, *meant)))
        left = replace(first, behaviour=replace(software.behaviour, domain=domain))
        right = replace(second, behaviour=hardware.behaviour)
        proof = self._equal(left, right, started, label)
        return Result(label, path, self._blame_undefined(proof) if proof.verdict is Verdict.REJECT else proof)

    def _allowed(self, software: Accepted, hardware: Accepted, label: str, started: float) -> Proof | None:
        """That each does what the program allows, where there is no more to ask; else None."""
        left, right = (one.followed or one.all_rules for one in (software, hardware))
        if self.rules is None or left is None or right is None:
            return None
        return as_allowed(left, right, label, self._engine(label), started)

    def _through(self, left: Followed | None, right: Followed | None, label: str, started: float) -> Proof | None:
        """That they do the same because of what each was accepted for; None if they have to be compared."""
        found = None
        if self.rules is not None and left is not None and right is not None:
            found = through_program(left, right, label, self._engine(label), started)
        if found is None and any(one is not None and one.large for one in (left, right)):
            what = open_at(left, right, self._engine(label)) if left is not None and right is not None else ()
            reason = (
                f"the program leaves something open{_read_at(what)}, and there are too many rules to compare what the "
                "two make of it"
            )
            where = what[0].span if what else NOWHERE
            return Proof(Verdict.UNDECIDED, reason, where=where, seconds=time.monotonic() - started)
        return found

    def _blame_undefined(self, proof: Proof) -> Proof:
        """Both sides were accepted, so what tells them apart is a value that the program leaves undefined: name it."""
        found = proof.counterexample
        spec = next(iter(self._meanings.values()))
        assert found is not None
        values = {n: v for n, v in found.inputs.items() if n.startswith("in.")}
        seen = evaluate_behaviour(spec, found.packet, found.port, inputs=values, default=0)
        reads = [c for c in spec.choices if c.variable.name in seen.choices]
        if not reads:
            return proof
        reason = f"software and hardware differ by a value that the program leaves undefined{_read_at(reads)}"
        return replace(proof, reason=reason, where=reads[0].span)

    def _equal(self, left: Machine, right: Machine, started: float, label: str) -> Proof:
        engine = self._engine(label)
        left, right, outcome = exactly(left, right, with_time_left(engine))
        return self._of_two(left, right, outcome, engine, started, label)

    def _alike(self, left: Machine, right: Machine, started: float, label: str) -> Proof:
        """Two artifacts: they do the same; or, where a machine leaves something open (which member a group takes, what
        is above a rate), each may do whatever the other may."""
        engine = self._engine(label)
        left, right, outcome = exactly(left, right, with_time_left(engine))
        reasons = left_open(left.behaviour, right.behaviour)
        if not reasons or (outcome.difference is None and not outcome.unknown):
            return self._of_two(left, right, outcome, engine, started, label)

        def one_way(first: Machine, second: Machine) -> Proof:
            found = search(first.behaviour, second.behaviour, with_time_left(engine))
            return self._of_two(first, second, found, engine, started, label, may=True)

        return both_ways((partial(one_way, left, right), partial(one_way, right, left)), reasons)

    def _of_two(
        self,
        left: Machine,
        right: Machine,
        outcome: Outcome,
        engine: Engine,
        started: float,
        label: str,
        *,
        may: bool = False,
    ) -> Proof:
        """``may``: the first machine may choose what is left open."""
        proof = decide(outcome, started, _accepted_because(outcome.tally, PACKETS, label))
        pair = Pair(self.program, self.rules, left.behaviour, right.behaviour, right.target, right.artifact,
                    Relation(), self.machines_confirm, left.target, left.artifact, may=may)  # fmt: skip
        if proof is None:
            proof = confirm(pair, outcome, started)
            if self.machines_confirm:
                proof = on_a_usual_input(
                    proof, left, right, engine, lambda found: confirm(pair, found, started), exactly=not may
                )
        if proof.verdict is Verdict.UNDECIDED:
            sides = left.behaviour, right.behaviour
            proof = SidesInRuns(pair, lambda: sides, engine, exactly=not may).reject(started) or proof
        return proof

    def _equal_large(self, first: Given, second: Given, started: float, label: str) -> Proof | str:
        """The proof where both have large lists of entries; else why there is none, if they could be of that form."""
        if not all(isinstance(target, Classifies) for target, _, _ in (first, second)):
            return ""
        pair = LargePair(first[:2], second[:2], self.machines_confirm)
        try:
            return large_pair(pair, self._engine(label), started)
        except NothingLarge:
            return ""
        except NotSuitable as error:
            return f"all entries were put into terms at once ({error})"

    def _engine(self, label: str) -> Engine:
        return Engine.within(self.timeout, lambda line: self.progress(f"{label}: {line}"), self.execution)

    def _need_program(self) -> ir.Program:
        if self.program is None:
            raise ValueError("this check needs a program")
        return self.program


def _runs_of(pair: Pair, mine: Behaviour, theirs: Behaviour, engine: Engine) -> SidesInRuns:
    """Random runs of a program and a machine."""
    return MachineInRuns(pair, engine) if pair.rules is None else SidesInRuns(pair, lambda: (mine, theirs), engine)


def _once_more(pair: Pair, mine: Behaviour, theirs: Behaviour, engine: Engine, started: float) -> Proof | None:
    """A difference that was confirmed, searched for anew with all that is true of what the machine holds; else None."""
    real = pair.relation.real([*all_terms(mine), *all_terms(theirs)])
    if not real:
        return None
    outcome = search(mine, replace(theirs, axioms=(*theirs.axioms, *real)), engine)
    found = confirm(pair, outcome, started) if outcome.difference is not None else None
    return found if found is not None and found.verdict is Verdict.REJECT else None


def _unsupported(reason: str, span: Span, started: float) -> Proof:
    return Proof(Verdict.UNSUPPORTED, reason, where=span, seconds=time.monotonic() - started)


def _read_at(choices: Sequence[Choice]) -> str:
    """Where a program reads what it leaves open; "" for none."""
    places = dict.fromkeys(f"{c.span} ({c.reason})" for c in choices)
    return ", read at " + ", ".join(list(places)[:5]) if places else ""


def _placed(proof: Proof, program: ir.Program) -> Proof:
    """What is unsupported without a better place is so in the program."""
    if proof.verdict is not Verdict.UNSUPPORTED or proof.where.line:
        return proof
    return replace(proof, where=Span(proof.where.file or program.file, 1, 1))


def _has_open_tables(program: ir.Program) -> bool:
    """Whether a control plane can change what the program does."""
    return any(not (t.const_entries or not t.keys) or not t.const_default for _, t in program.tables())


def _quantified(program: ir.Program, rules: RuleSet | None) -> str:
    """What a comparison with a program is for all of, under given rules or any."""
    return BOTH if rules is None and _has_open_tables(program) else PACKETS


def _accepted_because(tally: Tally, quantified: str, label: str) -> str:
    over = "every packet and every rule set" if quantified == BOTH else "every packet"
    return f"{label} does what is asked, for {over}: {tally.compared} observables compared, {tally.total} obligations"
