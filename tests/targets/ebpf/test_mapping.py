"""Objects made elsewhere whose maps a file, or p4c's names, relate to a program's tables."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from p4verify import targets
from p4verify.checks import Checker
from p4verify.cli import main
from p4verify.inputs import SourceOptions, read_program, with_mapping
from p4verify.on_numbers import functions_of
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof
from p4verify.running.entries import random_rules
from p4verify.running.rules import constants_of
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Rule, RuleSet
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.ebpf.artifact import Assembler, BpfObject, BpfProgram, Field, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import R0, R1, R2, R3
from p4verify.targets.ebpf.conventions import recognised
from p4verify.targets.ebpf.mapped import fill_mapped, laws, mapping_of, relate_mapped
from p4verify.targets.ebpf.mapping import MappedTable, Mapping, Order, Place, mapped
from p4verify.targets.ebpf.mapping_file import read_mapping
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support import p4_against_c as pairs
from tests.support.machines import needs_clang, require

from .programs import one_table, v1_program

QUICK = ("hosts", "labels", "convention", "classes")


def _object(*maps: MapDef) -> BpfObject:
    code = Assembler()
    code.emit(asm.mov(R0, 0), asm.exit_())
    return BpfObject((BpfProgram("main", "xdp", code.finish()),), maps, name="made.o")


# --- whole pairs ------------------------------------------------------------------------------------------------------


@needs_clang
@pytest.mark.parametrize("name", QUICK[1:3])
def test_the_c_version_does_what_the_program_says(name: str) -> None:
    proof = pairs.checked(name).proof
    assert (proof.verdict.value, proof.quantified_over) == ("accept", "packets and rules"), proof.reason


@needs_clang
@pytest.mark.oracle
@pytest.mark.parametrize("name", QUICK)
def test_a_mistake_is_shown_with_a_packet_that_the_kernel_confirms(name: str) -> None:
    with KernelOracle() as oracle:
        require(oracle)
    proof = pairs.checked(name, pairs.bugs(name)[0]).proof
    assert proof.verdict.value == "reject", proof.reason
    assert proof.counterexample is not None
    assert "ebpf kernel" in proof.counterexample.confirmed_by


def _evicting(bug: int) -> Proof:
    """The pair "macs", with the table's entries in a hash that evicts."""
    program = read_program(str(pairs.FOLDER / "macs.p4"), SourceOptions())
    target = targets.find("ebpf")
    obj = target.read(pairs.compiled("macs", bug), "macs.o")
    obj = replace(obj, maps=tuple(replace(item, type="lru_hash") for item in obj.maps))
    given = with_mapping((target, obj, "macs.o"), str(pairs.FOLDER / "macs.toml"), program)
    return Checker(program, None, timeout=60).check_artifact(*given).proof


@needs_clang
def test_a_hash_that_evicts_is_taken_to_keep_its_entries() -> None:
    proof = _evicting(0)
    assert proof.verdict.value == "accept", proof.reason
    assert "map stations of type lru_hash evicts no entries of table Filter.stations" in proof.warnings
    assert not any("evicts" in note for note in pairs.checked("macs").proof.warnings)


@needs_clang
@pytest.mark.oracle
def test_a_mistake_beside_a_hash_that_evicts_is_shown() -> None:
    with KernelOracle() as oracle:
        require(oracle)
    proof = _evicting(1)
    assert proof.verdict.value == "reject", proof.reason
    assert proof.counterexample is not None
    assert "ebpf kernel" in proof.counterexample.confirmed_by


@pytest.mark.campaign
@needs_clang
@pytest.mark.parametrize("name", pairs.names())
def test_all_pairs_and_all_mistakes(name: str) -> None:
    for level in ("-O1", "-O2", "-Os"):
        assert pairs.checked(name, level=level).proof.verdict.value == "accept", level
    for bug in pairs.bugs(name):
        proof = pairs.checked(name, bug).proof
        assert proof.verdict.value == "reject", (bug, proof.reason)
        assert proof.counterexample is not None
        assert "ebpf kernel" in proof.counterexample.confirmed_by, bug


def test_there_are_enough_pairs_and_each_has_mistakes() -> None:
    assert len(pairs.names()) >= 12
    assert all(len(pairs.bugs(name)) >= 3 for name in pairs.names())


def _frame(rng: random.Random, name: str, numbers: list[int]) -> bytes:
    """A frame with numbers of the rules in the fields that are looked up."""
    if name == "labels":
        label = (rng.choice(numbers) & 0xFFFFF) << 12 | rng.getrandbits(4) << 8 | rng.choice((0, 1, 2, 64))
        return rng.randbytes(12) + b"\x88\x47" + label.to_bytes(4, "big") + rng.randbytes(46)
    addresses = b"".join((rng.choice(numbers) & 0xFFFFFFFF).to_bytes(4, "big") for _ in range(2))
    header = b"\x45" + bytes(8) + bytes([rng.choice((*numbers, 6)) & 0xFF]) + bytes(2) + addresses
    return rng.randbytes(12) + rng.choice((b"\x08\x00", b"\x08\x00", b"\x08\x06")) + header + rng.randbytes(26)


@pytest.mark.long
@needs_clang
@pytest.mark.oracle
@pytest.mark.parametrize("name", ["hosts", "labels"])
def test_the_kernel_with_maps_filled_for_rules_does_what_the_program_does(name: str) -> None:
    """The entries that are written are those that the proof is about."""
    target, program = targets.find("ebpf"), read_program(str(pairs.FOLDER / f"{name}.p4"), SourceOptions())
    obj = target.read(pairs.compiled(name), f"{name}.o")
    file = pairs.FOLDER / f"{name}.toml"
    if file.exists():
        obj = target.with_mapping(obj, program, file.read_text(), file.name)  # type: ignore[attr-defined]
    behaviour = target.meaning(obj)
    rng = random.Random(name)
    sent = 0
    with KernelOracle() as oracle:
        require(oracle)
        for _ in range(10):
            rules = random_rules(program, rng.getrandbits(32), constants_of(program))
            numbers = [m.value for entries in rules.entries.values() for r in entries for m in r.matches] or [0]  # type: ignore[union-attr]
            packets = [(2, _frame(rng, name, numbers)) for _ in range(12)]
            seen = oracle.run(obj, packets, target.fill(program, obj, rules))
            functions = functions_of(target.relate(program, obj, rules), behaviour)
            for (port, frame), observed in zip(packets, seen, strict=True):
                outcome = evaluate_behaviour(behaviour, frame, port, functions=functions, default=0)
                wanted = run(program, rules, frame, port)
                assert observed.outputs == outcome.outputs
                assert observed.outputs == wanted.outputs
                sent += bool(observed.outputs)
    assert sent > 1


# --- laws -------------------------------------------------------------------------------------------------------------


def _table(kinds: tuple[tuple[int, str], ...], item: MapDef, orders: tuple[Order, ...]) -> MappedTable:
    program = one_table(*kinds)
    at = 4 if item.type == "lpm_trie" else 0
    fields = []
    for (width, _), order in zip(kinds, orders, strict=True):
        size = -(-width // 8)
        fields.append(f'{{ field = "{at}:{size}", order = "{order}" }}')
        at += size
    text = f"""
[[table]]
name = "filt.t"
map = "{item.name}"
key = [{", ".join(fields)}]
action = "0:1"
default = "fixed"
[table.actions]
yes = {{ number = 3, args = {{ narrow = "2:2", flag = "4:1", wide = {{ field = "8:8", order = "host" }} }} }}
no = {{ number = 4 }}
NoAction = {{ number = 0 }}
"""
    return read_mapping(text, "m.toml", program, _object(item)).tables[0]


@pytest.mark.parametrize(
    ("kinds", "kind", "key_size", "orders"),
    [
        (((12, "exact"), (48, "exact")), "hash", 8, ("host", "network")),
        (((1, "exact"), (128, "exact"), (9, "exact")), "hash", 24, ("network", "host", "host")),
        (((9, "exact"), (32, "lpm")), "lpm_trie", 12, ("host", "network")),
        (((12, "lpm"),), "lpm_trie", 8, ("network",)),
    ],
)
def test_laws_hold_of_any_widths_orders_and_paddings(
    kinds: tuple[tuple[int, str], ...], kind: str, key_size: int, orders: tuple[Order, ...]
) -> None:
    item = MapDef("m", kind, key_size, 16, 64, int(kind == "lpm_trie"))
    table = _table(kinds, item, orders)
    engine = Engine(timeout=10)
    found = laws(table, item)
    assert len(found) == (4 if kind == "lpm_trie" else 2)
    for law in found:
        assert engine.satisfiable(b.not_(law.condition), law.name).status == "unsat", law.name


def test_an_lpm_key_in_host_order_breaks_a_law() -> None:
    item = MapDef("m", "lpm_trie", 8, 16, 64, 1)
    table = _table(((32, "lpm"),), item, ("network",))
    broken = replace(table, keys=(replace(table.keys[0], place=Place(4, 4, "host")),))
    engine = Engine(timeout=10)
    assert any(engine.satisfiable(b.not_(law.condition), "").status == "sat" for law in laws(broken, item))


def test_entries_are_the_bytes_that_c_would_write() -> None:
    item = MapDef("m", "lpm_trie", 12, 16, 64, 1)
    table = _table(((9, "exact"), (32, "lpm")), item, ("host", "network"))
    call = ActionCall("yes", (0x123, 1, 0xAABBCCDDEEFF))
    rule = Rule("filt.t", (Exact(0x101), Lpm(0x0A0B0000, 16)), call)
    program = one_table((9, "exact"), (32, "lpm"))
    (entry,) = fill_mapped(program, Mapping((table,)), RuleSet({"filt.t": (rule,)}))["m"]
    assert entry[0] == (16 + 16).to_bytes(4, "little") + bytes.fromhex("0101 0a0b0000 0000")
    assert entry[1] == bytes.fromhex("03 00 0123 01 000000 ffeeddccbbaa 0000")


def test_a_trie_that_is_asked_for_less_finds_what_the_kernel_finds() -> None:
    item = MapDef("m", "lpm_trie", 8, 16, 64, 1)
    table = _table(((32, "lpm"),), item, ("network",))
    program = one_table((32, "lpm"))
    rules = RuleSet({"filt.t": tuple(Rule("filt.t", (Lpm(0x0A000000, n),), ActionCall("no")) for n in (8, 24))})
    relation = relate_mapped(program, Mapping((table,)), rules)

    def found(prefix: int, address: int) -> bool:
        key = b.bv(int.from_bytes(prefix.to_bytes(4, "little") + address.to_bytes(4, "big"), "big"), 64)
        term = relation.functions["map.m.found"](key)
        assert term in (b.TRUE, b.FALSE)
        return term is b.TRUE

    assert found(32, 0x0A000001)
    assert found(16, 0x0A000001)
    assert not found(7, 0x0A000001)
    assert not found(33, 0x0A000001)  # longer than the trie takes


def test_the_fixed_default_is_assumed_and_said() -> None:
    relation = relate_mapped(
        one_table((8, "exact")),
        Mapping((_table(((8, "exact"),), MapDef("m", "hash", 1, 16, 1024), ("host",)),)),
        None,
    )
    assert relation.axioms
    assert any("leaves the default action" in note for note in relation.notes)


# --- conventions ------------------------------------------------------------------------------------------------------


def _p4c_program() -> ir.Program:
    return read_program(str(pairs.FOLDER / "convention.p4"), SourceOptions())


def _p4c_maps() -> tuple[MapDef, ...]:
    value = (Field("", 0, 8), Field("action", 0, 4), Field("u", 4, 4), Field("u.pipe_allow.gateway", 4, 4))
    senders = MapDef("pipe_senders", "hash", 8, 8, 64, value_leaves=value,
                     key_leaves=(Field("", 0, 8), Field("field0", 0, 4), Field("field1", 4, 1)))  # fmt: skip
    return senders, MapDef("pipe_senders_defaultAction", "array", 4, 8, 1, value_leaves=value)


def test_p4cs_names_are_recognised() -> None:
    (table,) = recognised(_p4c_program(), _object(*_p4c_maps())).tables
    assert [(code.name.rsplit(".", 1)[-1], code.number) for code in table.actions] == [
        ("NoAction", 0), ("allow", 1), ("refuse", 2),
    ]  # fmt: skip
    assert [key.place for key in table.keys] == [Place(0, 4, "host"), Place(4, 1, "host")]


def _counting(last: int, sparse: bool = False) -> ir.Program:
    source = (pairs.FOLDER / "counted.p4").read_text()
    source = source.replace("CounterArray(64, false)", f"CounterArray({last}, {str(sparse).lower()})")
    return load_text(source.replace('"headers.p4"', f'"{pairs.FOLDER / "headers.p4"}"'), "counted.p4").program


def test_arrays_of_a_counters_name_hold_its_cells() -> None:
    """p4c takes the largest index for the number of elements; a map of any other form is something else."""
    array = MapDef("pipe_met", "array", 4, 4, 64, value_leaves=(Field("", 0, 4),))
    for last in (63, 64):
        (cells,) = recognised(_counting(last), _object(array)).cells
        assert [(cell.state, cell.width, cell.offset, cell.size) for cell in cells.cells] == [("pipe.met", 32, 0, 4)]
    others = (
        replace(array, type="hash"), replace(array, key_size=8), replace(array, max_entries=65),
        replace(array, max_entries=62), replace(array, value_leaves=()), replace(array, name="met"),
        replace(array, value_leaves=(Field("", 0, 2),)),
    )  # fmt: skip
    for other in others:
        assert recognised(_counting(63), _object(other)).cells == (), other


def test_maps_with_p4cs_names_that_are_not_related_are_not_judged() -> None:
    """What the control plane puts there is not known, so a difference would say nothing."""
    sparse = MapDef("pipe_met", "hash", 4, 4, 64, value_leaves=(Field("", 0, 4),))
    entries = MapDef("pipe_owners", "hash", 5, 8, 128, value_leaves=(Field("action", 0, 4), Field("u", 4, 4)))
    masks = MapDef("pipe_owners_prefixes", "hash", 16, 24, 128)
    program = _counting(64)
    for item in (sparse, entries, masks, replace(entries, name="pipe_owners_defaultAction")):
        found = Checker(program, None, timeout=20).check_artifact(targets.find("ebpf"), _object(item), None).proof
        assert found.verdict.value == "unsupported", found
        assert f"map {item.name} has the name that p4c gives" in found.reason
    other = replace(entries, value_leaves=())
    assert mapping_of(program, _object(other)) is None


@needs_clang
@pytest.mark.oracle
def test_a_counter_that_the_program_leaves_alone_is_shown() -> None:
    """Under the rules that show it the program writes no counter at all: that is no reason to say nothing of it."""
    with KernelOracle() as oracle:
        require(oracle)
    proof = pairs.checked("counted", 2).proof
    assert proof.verdict.value == "reject", proof.reason
    assert proof.counterexample is not None
    assert "ebpf kernel" in proof.counterexample.confirmed_by


def test_older_versions_number_by_an_enum() -> None:
    first, second = _p4c_maps()
    coded = replace(first, enumerators={"pipe_refuse": 0, "pipe_allow": 7, "NoAction": 5})
    (table,) = recognised(_p4c_program(), _object(coded, second)).tables
    assert {code.name.rsplit(".", 1)[-1]: code.number for code in table.actions} == {
        "NoAction": 5, "allow": 7, "refuse": 0,
    }  # fmt: skip


@pytest.mark.parametrize("missing", ["field1", "u", "action", "u.pipe_allow.gateway"])
def test_a_map_of_that_name_that_is_something_else_is_not(missing: str) -> None:
    maps = tuple(
        replace(
            item,
            key_leaves=tuple(leaf for leaf in item.key_leaves if leaf.name != missing),
            value_leaves=tuple(leaf for leaf in item.value_leaves if leaf.name != missing),
        )
        for item in _p4c_maps()
    )
    assert recognised(_p4c_program(), _object(*maps)).tables == ()


def test_our_own_objects_are_not_taken_for_p4cs() -> None:
    program = _p4c_program()
    target = targets.find("ebpf")
    obj = target.read(target.write(target.lower(program, None, {})), "own.o")
    assert recognised(program, obj).tables == ()
    assert Checker(program, None, timeout=20).check_artifact(target, obj, None).proof.verdict.value == "accept"


# --- files ------------------------------------------------------------------------------------------------------------

GOOD = """
[[table]]
name = "pipe.senders"
map = "senders"
key = ["a", "b"]
action = "kind"
default = "fixed"
[table.actions]
allow = { number = "ALLOW", args = { gateway = "gw" } }
refuse = { number = 2 }
NoAction = { number = 0 }
"""
SENDERS = MapDef("senders", "hash", 5, 8, 64, enumerators={"ALLOW": 1}, key_leaves=(Field("a", 0, 4), Field("b", 4, 1)),
                 value_leaves=(Field("kind", 0, 4), Field("gw", 4, 4)))  # fmt: skip


def _read(text: str, *maps: MapDef) -> Mapping:
    return read_mapping(text, "made.toml", _p4c_program(), _object(*(maps or (SENDERS,))))


def test_a_file_says_where_things_lie() -> None:
    (table,) = _read(GOOD).tables
    assert [key.place for key in table.keys] == [Place(0, 4, "network"), Place(4, 1, "network")]
    assert table.action == Place(0, 4, "host")
    assert table.code("allow").args[0].place == Place(4, 4, "network")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[table]]", "[[table", "is no TOML"),
        ("[[table]]", "[[tables]]", "unknown key 'tables'"),
        ("pipe.senders", "pipe.nowhere", "no such table"),
        ('map = "senders"', 'map = "nowhere"', "no map nowhere"),
        ('map = "senders"\n', "", "has a 'map' for its entries"),
        ('["a", "b"]', '["a"]', "no list of 2 fields"),
        ('["a", "b"]', '["a", "c"]', "no field c"),
        ('["a", "b"]', '["a", "0:1"]', "overlap"),
        ('["a", "b"]', '["a", "4:9"]', "reach past"),
        ('["a", "b"]', '["b", "a"]', "does not fit"),
        ('["a", "b"]', '[{ field = "a", order = "odd" }, "b"]', "neither 'network' nor 'host'"),
        ('["a", "b"]', '["a", 7]', "no string"),
        ('"ALLOW"', '"NOTHING"', "neither a number nor an enumerator"),
        ('"ALLOW"', "true", "neither a number nor an enumerator"),
        ("number = 2", "number = 1", "different numbers"),
        ("number = 2", "number = 4294967296", "does not fit"),
        ("refuse = { number = 2 }", "", "action refuse is missing"),
        ("refuse =", "other = { number = 9 }\nrefuse =", "no action other"),
        ('args = { gateway = "gw" }', "args = { }", "parameter gateway is missing"),
        ('gateway = "gw"', 'gateway = "gw", more = "gw"', "no parameter more"),
        ('gateway = "gw"', 'gateway = "kind"', "overlap"),
        ('action = "kind"\n', "", "not told apart"),
        ('default = "fixed"', 'default = "senders"', "no array of one element"),
        ("[[table]]", 'colour = "red"\n[[table]]', "unknown key 'colour'"),
        ("[[table]]", '[[state]]\nname = "x"\nmap = "senders"\n[[table]]', "no such counter or register"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        _read(GOOD.replace(old, new, 1))
    assert "made.toml" in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "percpu_hash"}, "holds no entries"),
        ({"type": "lpm_trie"}, "0 lpm keys"),
        ({"max_entries": 63}, "room for 63 entries"),
    ],
)
def test_maps_that_cannot_hold_the_table(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        _read(GOOD, replace(SENDERS, **change))  # type: ignore[arg-type]


def test_a_mapping_for_something_else_rejects() -> None:
    """Nothing that is mapped to nothing is accepted: the object drops everything, and never asks its map."""
    program = load_text((pairs.FOLDER / "macs.p4").read_text().replace('#include "headers.p4"', HEADER), "m.p4").program
    obj = _object(MapDef("stations", "hash", 6, 1, 256))
    text = (pairs.FOLDER / "macs.toml").read_text().replace('"byte"', '"0:6"')
    target = targets.find("ebpf")
    given = mapped(obj, read_mapping(text, "m.toml", program, obj))
    proof = Checker(program, None, timeout=20, machines_confirm=False).check_artifact(target, given, None).proof
    assert proof.verdict.value == "reject"


HEADER = "header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }"


DEVICES = MapDef("devices", "devmap", 4, 8, 64)


def test_a_map_that_holds_interfaces_at_their_numbers() -> None:
    """v1model drops what is sent to port 511, and so does a map without such an element."""
    target, program = targets.find("ebpf"), load_text(PORTS, "ports.p4").program
    for number, size, verdict in ((0, 511, "accept"), (1, 511, "reject"), (0, 512, "reject"), (0, 64, "reject")):
        item = replace(DEVICES, max_entries=size)
        code = (
            asm.load(4, R3, R1, 12), asm.alu("add", R3, number), asm.mov(R2, R3), asm.load_map(R1, "devices"),
            asm.mov(R3, 1), asm.call(51), asm.exit_(),
        )  # fmt: skip
        obj = BpfObject((BpfProgram("p", "xdp", code),), (item,), name="ports.o")
        given = mapped(obj, read_mapping('[[ports]]\nmap = "devices"\n', "m.toml", program, obj))
        proof = Checker(program, None, timeout=20, machines_confirm=False).check_artifact(target, given, None).proof
        assert proof.verdict.value == verdict, (number, size, proof.reason)
        assert any("map devices holds each interface at its own number" in note for note in proof.warnings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[ports]]\nmap = "senders"', "ports in map senders: it is of type hash, and holds no interfaces"),
        ('[[ports]]\nmap = "other"', "the object has no map other"),
        ('[[ports]]\nmap = "devices"\nname = "x"', "ports in map devices: unknown key 'name'"),
        ('[[ports]]\nmap = "devices"\n[[ports]]\nmap = "devices"', "devices: is mapped twice"),
        ("[[ports]]", "'map' is missing"),
        ("ports = 3", "is no array of tables"),
    ],
)
def test_what_says_nothing_of_ports(text: str, message: str) -> None:
    program = load_text(PORTS, "ports.p4").program
    obj = _object(SENDERS, DEVICES)
    with pytest.raises(InputError, match=re.escape(message)) as error:
        read_mapping(text, "m.toml", program, obj)
    assert "m.toml" in str(error.value)


# --- the command ------------------------------------------------------------------------------------------------------


@needs_clang
def test_check_and_run_take_a_mapping(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    obj, rules = tmp_path / "macs.o", tmp_path / "rules.txt"
    obj.write_bytes(pairs.compiled("macs"))
    rules.write_text("table_add Filter.stations Filter.allow 0x0a0000000001 =>\n")
    program, mapping = str(pairs.FOLDER / "macs.p4"), str(pairs.FOLDER / "macs.toml")
    given = ["--map", mapping]
    assert main(["check", program, "--against", str(obj), *given, "--no-machines"]) == 0
    capfd.readouterr()
    frame = "ffffffffffff0a0000000001" + "0800" + "00" * 46
    command = ["run", str(obj), "--port", "2", "--program", program, "--rules", str(rules), *given]
    assert main([*command, "--packet", frame]) == 0
    assert "dropped" not in capfd.readouterr().out
    assert main([*command, "--packet", frame.replace("01", "02")]) == 0
    assert "dropped" in capfd.readouterr().out
    assert main(["check", program, "--target", "ebpf", *given]) == 2
    assert "--map needs an artifact" in capfd.readouterr().err


PORTS = """
#include <core.p4>
#include <v1model.p4>
header ethernet_t { bit<112> all; }
struct headers { ethernet_t eth; }
struct metadata { }
parser P(packet_in p, out headers h, inout metadata m, inout standard_metadata_t s) {
    state start { p.extract(h.eth); transition accept; }
}
control N(inout headers h, inout metadata m) { apply { } }
control I(inout headers h, inout metadata m, inout standard_metadata_t s) { apply { s.egress_spec = s.ingress_port; } }
control E(inout headers h, inout metadata m, inout standard_metadata_t s) { apply { } }
control D(packet_out p, in headers h) { apply { p.emit(h); } }
V1Switch(P(), N(), I(), E(), N(), D()) main;
"""
CELLS = """
{
    register<bit<32>>(8) seen; counter(8, CounterType.packets) counts; bit<32> before;
    apply {
        seen.read(before, 0);
        seen.write(0, before + 1);
        counts.count(0);
        std.egress_spec = before > 9 ? 9w511 : 1;
    }
}
"""


def _with_cells() -> ir.Program:
    ingress = CELLS.partition("{")[2].rpartition("}")[0]
    states = "state start { p.extract(hdr.h); transition accept; }"
    types = "header h_t { bit<112> all; } struct headers { h_t h; }"
    return load_text(v1_program(types, states, ingress, "p.emit(hdr.h);"), "cells.p4").program


def _cells_in(name: str, item: MapDef) -> Mapping:
    said = f'[[state]]\nname = "Ing.{name}"\nmap = "{item.name}"\n'
    return read_mapping(said, "made.toml", _with_cells(), _object(item))


def test_a_register_is_one_for_all_cpus() -> None:
    """What one CPU has written another one reads: with a value for each of them a limit is reached later."""
    assert _cells_in("seen", MapDef("kept", "array", 4, 4, 8)).cells
    with pytest.raises(Unsupported, match=r"register Ing.seen is one for all CPUs, and map kept holds one for each"):
        _cells_in("seen", MapDef("kept", "percpu_array", 4, 4, 8))


@pytest.mark.parametrize(("kind", "told"), [("array", False), ("percpu_array", True)])
def test_a_counter_may_be_the_sum_over_all_cpus(kind: str, told: bool) -> None:
    mapping = _cells_in("counts", MapDef("kept", kind, 4, 8, 8))
    notes = relate_mapped(_with_cells(), mapping, None).notes
    assert any("the sum of what map kept holds for each CPU" in note for note in notes) is told
