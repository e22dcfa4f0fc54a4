"""A difference found by the solver, run: on both meanings, then on the real machine.

The rules that the model asks for are made real first; the program's meaning is computed anew under them, the machine's
tables are filled by its own fill-up, and both are evaluated on the packet. Only if they differ there too is it a
``reject``. Where the real machine is at hand it runs the packet as well, and must do what its meaning says.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from .certain import allows, surely
from .concretely import Functions, side_of, sides_of, within
from .counted import numbered, watched
from .explain import Ran, decoded_headers, diverges, explain, only_met
from .frames_near import frames_near
from .interpreted import USUAL_PORT, Groups, Undefined, run_on, same
from .machine_shown import Loaded, confirming, on_machine, ports_of, with_the_rest
from .machine_told import told
from .makeable_ports import with_makeable_ports
from .near import near
from .on_numbers import all_terms, functions_of
from .proofs.choices import IMPL, apart, choices_of
from .proofs.compare import is_about
from .proofs.counterexample import Input, Side, differ_on, input_of, one_after_the_other, shrink, values_of
from .proofs.difference import Difference
from .proofs.engine import Engine, Model
from .proofs.refine import Outcome
from .proofs.verdict import Counterexample, Explanation, Observed, Proof, Verdict
from .realise import CannotRealise, describe, realise_sides
from .related import in_the_programs_cells
from .restrictions import Restrictions
from .semantics import bits as b
from .semantics import ir
from .semantics.meaning.answers import answers
from .semantics.meaning.behaviour import CHOICE, Behaviour, Fault, of_a_copy, sends_copies
from .semantics.meaning.concrete import BadBehaviour
from .semantics.meaning.program import meaning
from .semantics.rules.ruleset import RuleSet
from .semantics.source import InputError, Unsupported
from .smaller import Setting, smaller
from .stf_text import Test, stf_test
from .targets.base import CannotOffload, ComparesArtifacts, Relation, Returns, Target
from .told_names import ToldNames


@dataclass(frozen=True)
class Pair:
    """What was compared: a program and a machine, or (``first``) two machines."""

    program: ir.Program | None
    rules: RuleSet | None
    spec: Behaviour
    impl: Behaviour
    target: Target
    artifact: Any
    relation: Relation
    on_machines: bool
    first: Target | None = None
    first_artifact: Any = None
    may: bool = False
    """Of two machines: whether the first may choose what it leaves open, as a program may."""
    assumed: ir.Program | None = None
    """The program with what the user assumes in it."""
    restrictions: Restrictions | None = None
    explained: bool = True
    """Whether the machines are to tell what decides."""

    @property
    def first_may_choose(self) -> bool:
        """Whether the first side, a program or a machine, may choose what it leaves open."""
        return self.first is None or self.may

    @cached_property
    def told(self) -> Behaviour:
        """The machine's behaviour in the program's words, as :attr:`relation` has them."""
        return in_the_programs_cells(self.impl, self.relation)


MEMORY: Final = "map."
"""How the names of state begin that is a machine's memory."""
MEMBERS: Final = 8
"""Of a group whose members may not be sent the same."""

MAY_AGREE_SECONDS: Final = 10.0
"""How long it is asked whether undefined values let two sides agree on one input."""


def confirm(pair: Pair, outcome: Outcome, started: float, shown_by: RuleSet | None = None) -> Proof:
    """``reject`` with a counterexample that was seen to differ, else ``undecided`` with the reason.

    ``shown_by``: of a difference for every rule set, rules that are known to show it; otherwise they are made.

    Raises:
        Unsupported: all that was found is that a machine does there what its meaning does not tell.
    """
    difference = outcome.difference
    assert difference is not None
    unsaid = _unsaid((outcome.spec, outcome.impl), lambda fault: is_about(difference.obligation, fault))
    try:
        found = _run(pair, outcome, difference, shown_by, least=unsaid is None, near=unsaid is not None)
    except (CannotRealise, BadBehaviour, KeyError, ValueError) as error:
        found = f"{difference.obligation}: {error}"
    if isinstance(found, str):
        _refuse(unsaid)
        return _unconfirmed(found, outcome, started)
    met = (found.expected.fault, found.actual.fault)
    _refuse(_unsaid((pair.spec, pair.impl), lambda fault: fault.text in met))
    return Proof(
        Verdict.REJECT,
        _reason(found, difference) if unsaid is None else "differs in what is sent or kept, on the packet shown",
        outcome.tally,
        counterexample=found,
        seconds=time.monotonic() - started,
    )


def _unsaid(sides: Sequence[Behaviour | None], is_met: Callable[[Fault], bool]) -> Fault | None:
    """One of the faults that are met that only says that the machine does more than is told."""
    faults = (fault for side in sides if side is not None for fault in side.faults)
    return next((fault for fault in faults if fault.unsaid and is_met(fault)), None)


def _refuse(fault: Fault | None) -> None:
    if fault is not None:
        raise Unsupported(fault.text, fault.where)


def _unconfirmed(why: str, outcome: Outcome, started: float) -> Proof:
    reason = f"a difference was found but could not be confirmed ({why}); please report this"
    return Proof(Verdict.UNDECIDED, reason, outcome.tally, seconds=time.monotonic() - started)


def _reason(found: Counterexample, difference: Difference) -> str:
    if found.actual.fault:
        return f"{found.actual.fault}, on the packet shown"
    what = ", ".join(difference.parts) or difference.obligation
    return f"differs in {what}, on the packet shown"


def _run(
    pair: Pair,
    outcome: Outcome,
    difference: Difference,
    shown_by: RuleSet | None,
    *,
    least: bool = True,
    near: bool = False,
) -> Counterexample | str:
    """A counterexample, or why there is none; ``least``: one that is made smaller; ``near``: also with frames near that
    of the model, and with groups of several members."""
    model = one_after_the_other(_at_a_port(difference.model, pair.spec, pair.told))
    if near:
        model = replace(model, values={**model.values, of_a_copy(0, "last"): MEMBERS - 1})
    rules, spec, relation = pair.rules, pair.spec, pair.relation
    shown: tuple[str, ...] = ()
    if rules is None and pair.program is not None and pair.first is None:
        rules, model = _made_rules(pair, pair.program, outcome, model, shown_by, least=least)
        rules = with_groups(pair, rules, input_of(model))
        if pair.restrictions is not None and pair.restrictions.violation(rules) is not None:
            raise CannotRealise("the rules that show the difference are not allowed by the restrictions")
        shown = describe(rules, pair.program)
        model = numbered(pair.program, rules, model)
        spec = meaning(pair.assumed or pair.program, rules)
        relation = pair.target.relate(pair.program, pair.artifact, rules)
    functions = Functions(relation, model)
    run_spec, run_impl = sides_of(spec, pair.impl, relation, model, told=pair.first is None)
    given = input_of(model)
    if rules is not None and pair.program is not None and pair.rules is None:
        given = watched(pair.program, rules, given)
    if near:
        given = next((each for each in frames_near(given) if differ_on(each, run_spec, run_impl)), given)
    if not run_spec(given).differs(run_impl(given)):
        return f"{difference.obligation}: both sides do the same on the solver's packet"
    certain = _certain(pair, spec, (run_spec, run_impl), given)
    best = shrink(given, certain, run_impl, inputs=pair.first is not None) if least else given
    if certain is run_spec and _may_agree(spec, pair, relation, functions, best):
        why = f"{difference.obligation}: with other undefined values both sides do the same on the solver's packet"
        return _run(pair, outcome, difference, shown_by, least=False) if least else why
    expected, actual = run_spec(best), run_impl(best)
    for other in with_makeable_ports(_model_of(best), expected, actual) if least and pair.first is not None else ():
        found = _run(pair, outcome, replace(difference, model=other), shown_by, least=False)
        if not isinstance(found, str):
            return found
    confirmed: tuple[str, ...] = ("reference", f"{pair.target.name} meaning")
    if pair.first is not None:
        confirmed = (f"{pair.first.name} meaning", f"{pair.target.name} meaning")
    ports = ports_of(expected, actual) if pair.first is not None else ports_of(actual)
    seen = [
        on_machine(one, tables, best, said, ports)
        for one, tables, said in (_machines(pair, rules, best, expected, actual, functions) if pair.on_machines else ())
    ]
    wrong = next((each for each in seen if isinstance(each, str)), None)
    if wrong is not None:
        return wrong
    confirmed += confirming(seen, both=pair.first is not None)
    decides = _told_by_machines(pair, functions, best)
    return counterexample(pair, rules, best, (expected, actual), difference.obligation, confirmed, shown, decides)


def counterexample(
    pair: Pair,
    rules: RuleSet | None,
    given: Input,
    seen: tuple[Observed, Observed],
    name: str,
    confirmed: tuple[str, ...],
    shown: tuple[str, ...] = (),
    decides: tuple[str, ...] = (),
) -> Counterexample:
    """What is to be said of an input on which two sides differ.

    Args:
        pair: the two.
        rules: the rules under which they do.
        given: the input.
        seen: what each did.
        name: of what failed.
        confirmed: who has shown it.
        shown: the rules in words, where they were made for this.
        decides: the machine's part in it, in words.
    """
    told_by = _by_the_program(pair, rules, given, *seen)
    explanation = replace(told_by.explanation, machine=decides)
    inputs = {
        n: v for n, v in given.model.values.items() if n.startswith(("in.", CHOICE, "at.", "each.")) and n != "in.port"
    }
    return Counterexample(
        given.packet, given.port, *seen, inputs, told_by.rules or shown, name, (*confirmed, *told_by.confirmed),
        told_by.decoded, diverges(explanation), "", explanation, told_by.test.text, told_by.test.why_not,
        cell_bits=_memory(pair.spec, pair.impl),
    )  # fmt: skip


def _memory(*sides: Behaviour) -> dict[str, int]:
    """How many bits the elements of maps have, whose bytes are told with all their zeros."""
    cells = (cell for side in sides for case in side.cases for cell in case.state.items())
    return {name: term.width for name, term in cells if name.startswith(MEMORY)}


def _told_by_machines(pair: Pair, functions: Functions, given: Input) -> tuple[str, ...]:
    """What decides in the machine, or in both, on an input; nothing if they are not to tell."""
    if not pair.explained:
        return ()
    parts = told(pair.target, pair.artifact, pair.impl, given, functions.machine(pair.impl))
    if pair.first is None:
        return parts
    others = told(pair.first, pair.first_artifact, pair.spec, given, functions.machine(pair.spec))
    return (*(f"the first: {text}" for text in others), *(f"the second: {text}" for text in parts))


def _made_rules(
    pair: Pair, program: ir.Program, outcome: Outcome, model: Model, shown_by: RuleSet | None, *, least: bool
) -> tuple[RuleSet, Model]:
    """Rules that show the difference (``shown_by``, if they are known), with the model; both as small as can be."""
    # The machine may ask for keys that the program does not ask for: both sides' keys count.
    asking = [pair.spec] if outcome.impl is None else [pair.spec, outcome.impl]
    rules = realise_sides(program, asking, model, pair.relation) if shown_by is None else shown_by
    cheap = _Cheap(pair, program, left_open=_left_open(outcome.impl))
    first = _told_apart(Setting(input_of(model), rules), cheap, program)
    if first is None:
        return rules, model
    sure = replace(cheap, surely=True)
    differ = sure.differ if sure.differ(first) else cheap.differ
    less = smaller(first, differ, program, rules=True, packet=True) if least else first
    assert less.rules is not None
    return less.rules, _model_of(less.given)


def _certain(pair: Pair, spec: Behaviour, sides: tuple[Side, Side], given: Input) -> Side:
    """The first side as far as it is certain, if the two differ in that on the input; else as it is."""
    if not pair.first_may_choose:
        return sides[0]
    certain = surely(*sides, choices_of(spec))
    return certain if differ_on(given, certain, sides[1]) else sides[0]


def _may_agree(spec: Behaviour, pair: Pair, relation: Relation, functions: Functions, given: Input) -> bool:
    """Whether some undefined values may let the program do what the machine does on one input: they are known to, or
    nobody can say, as the machine sends copies one by one that the program sends to any member of a group. (Not where
    the machine settles some of them: what it holds is in no input.)"""
    chooses = pair.first_may_choose and choices_of(spec)
    if not chooses or relation.settled(spec) != spec or any(len(cells) > 1 for cells in given.cells.values()):
        return False
    machine = apart(in_the_programs_cells(pair.impl, relation), IMPL)
    if sends_copies(spec) and not sends_copies(machine):
        return True
    told = functions.machine(pair.impl) | functions.program(spec)
    return allows(spec, machine, given, told, Engine(timeout=MAY_AGREE_SECONDS)) == "yes"


def _at_a_port(model: Model, *sides: Behaviour) -> Model:
    """The model, in which members of groups of which it says nothing are where a machine has a port."""
    depth = max((len(output.each) for side in sides for case in side.cases for output in case.outputs), default=0)
    ports = {of_a_copy(n, "port"): USUAL_PORT for n in range(depth)}
    return replace(model, values={**ports, **model.values})


def _model_of(given: Input) -> Model:
    """The model with the packet and the port of an input that was made smaller."""
    return Model(values_of(given), given.model.functions)


def with_groups(pair: Pair, rules: RuleSet, given: Input) -> RuleSet:
    """The rules with the multicast groups and clone sessions that the sides ask for, with the model's member; if they
    ask for others, with those only that one side asks for: with the same member in all nobody would tell them apart."""
    values = given.model.values
    mine, others = Groups(values), Groups(values)
    assert pair.program is not None
    known = answers(pair.program, rules)
    model = replace(given.model, values={**given.model.values, **known.inputs})
    functions = Functions(pair.relation, model).program() | known.functions
    try:
        held = pair.target.relate(pair.program, pair.artifact, rules)
        theirs = functions | functions_of(held, pair.told, model.values, functions)
        for side, asked, of_side in zip((pair.spec, pair.told), (functions, theirs), (mine, others), strict=True):
            side_of(side, asked, "impl." if side is pair.told else "", ToldNames(), of_side.members)(given)
    except (ValueError, KeyError, BadBehaviour, Unsupported, InputError, CannotOffload):
        return rules
    return Groups(values, mine.of_one_side(others) or mine.asked).into(rules)


def _told_apart(first: Setting, cheap: _Cheap, program: ir.Program) -> Setting | None:
    """The setting, or one with rules near it where the machine was asked what they decide: where the sides differ."""
    assert first.rules is not None
    nearby = near(first.rules, program) if cheap.left_open else ()
    settings = itertools.chain([first], (replace(first, rules=rules) for rules in nearby))
    return next((setting for setting in settings if cheap.differ(setting)), None)


def _left_open(machine: Behaviour | None) -> bool:
    """Whether the machine, told in the program's terms, still asks its own maps: the tables' answers say nothing of it,
    as of a trie that is asked for less than the whole key, but rules do."""
    return machine is not None and any(call.name.startswith("map.") for call in b.applications(*all_terms(machine)))


@dataclass(frozen=True)
class _Cheap:
    """Both sides under rules that are tried: as they are under unknown rules, with what the tables answer put in."""

    pair: Pair
    program: ir.Program
    surely: bool = False
    """Whether they have to differ in what does not hang on the program's undefined values."""
    left_open: bool = False
    """Whether the machine is asked what the tables' answers do not tell."""

    def differ(self, setting: Setting) -> bool:
        """Whether the sides can be told apart, under rules that may be installed."""
        pair, rules = self.pair, setting.rules
        assert rules is not None
        if pair.restrictions is not None and pair.restrictions.violation(rules) is not None:
            return False
        known = answers(self.program, rules)
        model = setting.given.model
        given = replace(setting.given, model=Model({**model.values, **known.inputs}, model.functions))
        given = watched(self.program, rules, given)
        functions = Functions(pair.relation, given.model)
        mine = functions.program() | known.functions
        others = given.model.callables() | known.functions
        held = pair.relation  # what the machine holds follows from the rules tried, or from the tables' answers
        if held.tables or self.left_open:
            try:
                held = pair.target.relate(self.program, pair.artifact, rules)
            except (InputError, Unsupported, CannotOffload):
                return False
        theirs = others | functions_of(held, pair.impl, given.model.values, others)
        names = ToldNames.of(pair.spec, pair.impl)

        def told_apart(mine_asked: Groups, others_asked: Groups) -> bool:
            spec = within((pair.spec, pair.impl), side_of(pair.spec, mine, "", names, mine_asked.members))
            impl = side_of(pair.told, theirs, "impl.", names, others_asked.members)
            if self.surely:
                spec = surely(spec, impl, choices_of(pair.spec))
            return spec(given).differs(impl(given))

        try:
            groups = Groups(given.model.values), Groups(given.model.values)
            if told_apart(*groups):
                return True
            asked = frozenset(groups[0].of_one_side(groups[1]))
            some = Groups(given.model.values, only=asked), Groups(given.model.values, only=asked)
            return bool(asked) and told_apart(*some)
        except (ValueError, KeyError, BadBehaviour, Unsupported):
            return False


@dataclass(frozen=True)
class _Told:
    """What the program's interpreter tells of a counterexample."""

    explanation: Explanation = Explanation()
    test: Test = Test()
    decoded: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    """The entries that the run meets, if rules were given."""


def _by_the_program(pair: Pair, rules: RuleSet | None, given: Input, expected: Observed, actual: Observed) -> _Told:
    """The program's run step by step, and a test that it passes; nothing where the interpreter cannot be asked."""
    program = pair.program
    if program is None or pair.first is not None or rules is None:
        return _Told()
    groups = Groups(given.model.values)
    undefined = Undefined(pair.spec, given.model.values)
    ran = run_on(
        pair.assumed or program, groups.into(rules), given, Functions(pair.relation, given.model).cells(), undefined
    )
    if ran is None or not same(ran, expected):
        return _Told()
    steps = ran.trace.steps
    explanation = explain(Ran(program, steps), None, expected, actual)
    few = only_met(rules, steps) if pair.rules is not None else rules
    again = run_on(pair.assumed or program, few, given, {}, Undefined(pair.spec, given.model.values))
    few = few if again is not None and same(again, expected) else rules
    test = stf_test(program, None, few, given, expected, actual)
    met = describe(few, program) if pair.rules is not None and few is not rules else ()
    return _Told(explanation, test, decoded_headers(steps), ("interpreter",), met)


def _machines(
    pair: Pair,
    rules: RuleSet | None,
    found: Input,
    expected: Observed,
    actual: Observed,
    functions: Functions,
) -> Iterator[tuple[Loaded, Any, Observed]]:
    """The machines to ask: each with the contents of its tables, and what it is said to do. ``functions``: what both
    are asked."""
    if _comes_back(pair, expected, actual):  # the machine would go on with further passes
        return
    impl = (pair.target, pair.artifact, pair.impl)
    if pair.first is None:
        impl = (pair.target, pair.artifact, pair.told)
        tables = None
        if pair.program is not None and rules is not None:
            filled = pair.target.fill(pair.program, pair.artifact, rules)
            tables = with_the_rest(pair.target, pair.artifact, pair.impl, filled, found, functions.machine(pair.impl))
        yield impl, tables, actual
        return
    values = values_of(found)
    terms = [t for side in (pair.spec, pair.impl) for t in all_terms(side)]
    for one, said in (((pair.first, pair.first_artifact, pair.spec), expected), (impl, actual)):
        target, artifact, _ = one
        tables = None
        if isinstance(target, ComparesArtifacts):
            tables = target.contents(artifact, terms, values, found.model.callables())
        yield one, tables, said


def _comes_back(pair: Pair, *sides: Observed) -> bool:
    """Whether a frame comes back on either side, other than by a port that can be watched."""
    watched: tuple[int, ...] = ()
    if pair.program is not None and isinstance(pair.target, Returns):
        watched = pair.target.returning(pair.program)
    return any(
        to == "resubmit" or (to == "recirculate" and port not in watched)
        for side in sides
        for to, port, _ in side.outputs
    )
