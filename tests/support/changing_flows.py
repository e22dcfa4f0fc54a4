"""Random files of commands about flows and groups: what is left by the reader, and in a private switch.

The switch has to refuse the same line, or none. What is left is compared as the switch dumps it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from p4verify.semantics.source import NOWHERE, InputError, Unsupported
from p4verify.targets.openflow.artifact import Bridge, Group, Masked, read, read_text
from p4verify.targets.openflow.oracle.switch import Switch

from .openflow_proxy import recorded

PORTS = 5
_TABLES = ("", "", "", "table=1,", "table=1,", "table=2,")
_MATCHES = (
    "", "", "ip", "ip", "dl_type=0x800", "arp", "tcp", "tcp,tp_dst=80", "tcp,tcp_dst=0x50/0xf0", "udp", "udp,tp_dst=80",
    "ip,nw_src=10.0.0.0/8", "ip,nw_src=10.1.0.0/16", "tcp,nw_src=10.1.2.3", "ip,nw_proto=6", "in_port=1",
    "in_port=1,ip", "in_port=2,tcp", "dl_vlan=5", "dl_vlan=5,dl_vlan_pcp=3", "vlan_tci=0x1005/0x1fff", "dl_vlan_pcp=3",
    "reg0=1", "reg0=1/1", "reg0=3", "xreg0=3", "ipv6", "icmp6,icmpv6_type=135", "icmp,icmp_type=8", "metadata=1",
    "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00", "dl_dst=ff:ff:ff:ff:ff:ff", "ip,nw_tos=32", "ip,ip_dscp=8",
    "ip,nw_frag=first", "ip,nw_frag=no", "ct_state=+trk", "ct_state=+trk+new", "pkt_mark=1", "tun_id=1/1",
    "ipv6,ipv6_src=fe80::/64", "ipv6,ipv6_src=fe80::1", "arp,arp_op=1", "mpls", "dl_vlan=0xffff", "tcp,tcp_flags=+syn",
)  # fmt: skip
_ACTIONS = (
    "drop", "output:1", "2", "output:3", "output:1,output:2", "in_port", "controller", "resubmit(,1)", "exit",
    "load:1->NXM_NX_REG0[],resubmit(,1)", "set_field:5->reg1,output:4", "clone(output:3)", "note:00.00",
    "push:NXM_NX_REG0[],output:2", "conjunction(1,1/2)", "output:NXM_NX_REG0[]", "enqueue:3:0",
    "bundle(eth_src,0,hrw,ofport,members:1,2)",
)  # fmt: skip
_LATER_ACTIONS = ("goto_table:3", "write_actions(output:3)", "clear_actions", "output:1,write_actions(output:2)")
_COOKIES = ("cookie=1/-1,", "cookie=0x1/0x1,", "cookie=2/3,", "cookie=0/0,", "cookie=0/-1,", "cookie=3/1,")
_GROUPS = (1, 2, 3)
_PRIORITIES = ("", "", "priority=5,", "priority=5,", "priority=7,")


@dataclass(frozen=True)
class Form:
    """A kind of file, and the ways to give it to the switch: commands of ``ovs-ofctl`` with versions of OpenFlow."""

    name: str
    ways: tuple[tuple[str, str | None], ...]
    sample: int = 1
    """How many of them are tried of one file."""
    says: str = ""
    """The version of OpenFlow that the file says it is for."""

    @property
    def of_1_0(self) -> bool:
        """Whether it may be spoken in OpenFlow 1.0."""
        return self in (FLOWS, SAID_10)


FLOWS = Form("flows", (("add-flows", None), *(("add-flows", f"OpenFlow1{minor}") for minor in (3, 4, 5))), 2)
LATER_FLOWS = Form("later", FLOWS.ways[1:])
SAID_10 = Form("said-1.0", (("add-flows", None), ("add-flows", "OpenFlow10")), says="1.0")
SAID_LATER = Form("said-later", FLOWS.ways[1:], says="1.4")
GROUPS = Form("groups", (("add-groups", None), ("add-groups", "OpenFlow15")))
BUNDLE = Form("bundle", (("bundle", "OpenFlow14"), ("bundle", "OpenFlow15"), ("bundle", None)))
BUCKETS = Form("buckets", (("bundle", "OpenFlow15"),))
FORMS = (FLOWS, LATER_FLOWS, SAID_10, SAID_LATER, GROUPS, BUNDLE, BUCKETS)


@dataclass
class Found:
    """What came of it."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Script:
    """A file that is made line by line."""

    def __init__(self, rng: random.Random, form: Form) -> None:
        self.rng = rng
        self.form = form
        matches = rng.sample(_MATCHES, rng.randint(2, 7))
        self.matches = [match for match in matches if not (form.of_1_0 or form is GROUPS) or match != "metadata=1"]
        self.actions = list(rng.sample(_ACTIONS, 6))
        if not form.of_1_0:
            self.actions += rng.sample(_LATER_ACTIONS, 2)
        self.tables = ("", "table=0,") if rng.random() < 0.6 else _TABLES
        self.there: list[tuple[str, str, str]] = []
        """Table, priority and match of flows that may be there."""
        if form in (BUNDLE, BUCKETS):
            self.actions += [f"group:{number}" for number in _GROUPS]
            self.actions += ["write_actions(group:1)", "clone(group:2)", "output:1,group:1"]

    def lines(self) -> list[str]:
        """The lines."""
        rng, form = self.rng, self.form
        count = rng.randint(2, 16)
        if form is GROUPS:
            return [f"group_id=1{self.body()}", *(self.group() for _ in range(count // 2))]
        if form in (FLOWS, LATER_FLOWS, SAID_10, SAID_LATER):
            found = [self.flow() for _ in range(count)]
            if form.says:
                return [f"# p4verify openflow: {form.says}", *found]
            return ["reset_counts,priority=9 actions=2", *found] if form is LATER_FLOWS else found
        start = [
            f"group {f'add group_id={number}{self.body()}' if rng.random() < 0.9 else f'delete group_id={number}'}"
            for number in _GROUPS
        ]
        start += [self.packet()] * (rng.random() < 0.1)
        return start + [f"group {self.group()}" if rng.random() < 0.35 else f"flow {self.flow()}" for _ in range(count)]

    def packet(self) -> str:
        """A packet that is sent through the switch."""
        out = self.rng.choice(("output:1", "table", "group:1", "group:2,output:3", "drop", "resubmit(,1)"))
        frame = self.rng.choice(("ffffffffffff020000000001080045", "02" * 14, "02" * 13))
        return f"packet-out in_port={self.rng.choice(('1', 'controller'))} packet={frame} actions={out}"

    def flow(self) -> str:
        rng = self.rng
        verb = rng.choices(
            ("", "add ", "modify ", "modify_strict ", "delete ", "delete_strict ", "mod ", "del "),
            (16, 6, 4, 4, 3, 4, 1, 1),
        )[0]
        table, priority, match = rng.choice(self.tables), rng.choice(_PRIORITIES), rng.choice(self.matches)
        if verb in ("", "add "):
            self.there.append((table, priority, match))
        elif self.there and rng.random() < 0.7:
            table, priority, match = rng.choice(self.there)
        actions = f" actions={rng.choice(self.actions)}"
        prefix, cookie = "", ""
        if not verb.startswith(("delete ", "del ")):
            prefix = priority
        if verb in ("", "add "):
            cookie = rng.choice(("", "", "cookie=1,", "cookie=2,", "cookie=3,"))
            prefix += rng.choices(("", "check_overlap,", "send_flow_rem,"), (9, 2, 1))[0]
        elif rng.random() < 0.3:
            cookie = rng.choice(_COOKIES)
        if verb.startswith("mod"):
            cookie += rng.choices(("", "cookie=3,", "table=255,"), (8, 1, 1))[0]
        if verb.startswith("del"):
            actions = ""
            prefix += rng.choices(("", "out_port=1,", "out_port=3,"), (8, 1, 1))[0]
            if not self.form.of_1_0:
                prefix += rng.choices(("", "out_group=1,"), (9, 1))[0]
            table = rng.choice((table, "table=255,"))
        said = f"{cookie}{table}{prefix}{match}".rstrip(",")
        return f"{verb}{said}{actions}" if said or actions else verb.rstrip()

    def group(self) -> str:
        rng = self.rng
        number = rng.choice(_GROUPS)
        if self.form is GROUPS and rng.random() < 0.8:
            number = 1
        buckets = self.form in (BUCKETS, GROUPS)
        verbs = ("", "add ", "modify ", "add_or_mod ", "delete ", "insert_bucket ", "remove_bucket ", "mod ")
        verb = rng.choices(verbs, (1, 1, 4, 3, 2, 6 * buckets, 4 * buckets, 1))[0]
        place = rng.choice(("first", "last", "first", "last", "0", "1", "9"))
        if verb == "delete ":
            everything = rng.choice(("group_id=all", "delete") if self.form is not GROUPS else ("group_id=all",))
            if rng.random() < 0.15:
                return "delete" if everything == "delete" else f"delete {everything}"
            return f"delete group_id={number}"
        if verb == "remove_bucket ":
            said = rng.choice(
                (f",command_bucket_id={place}", f",command_bucket_id={place}", "", ",command_bucket_id=all")
            )
            return f"remove_bucket group_id={number}{said}"
        if verb == "insert_bucket ":
            return f"insert_bucket group_id={number},command_bucket_id={place}{self.buckets('', numbered=True)}"
        return f"{verb}group_id={number}{self.body()}"

    def body(self) -> str:
        kind = self.rng.choice(("all", "select", "ff", "indirect"))
        return f",type={kind}{self.buckets(kind, numbered=self.form is BUCKETS and self.rng.random() < 0.6)}"

    def buckets(self, kind: str, *, numbered: bool) -> str:
        rng = self.rng
        found = ""
        for _ in range(1 if kind == "indirect" else rng.randint(0 if kind else 1, 3)):
            found += ",bucket="
            if numbered and rng.random() < 0.8:
                found += f"bucket_id:{rng.randrange(40)},"
            if kind in ("select", "") and rng.random() < 0.3:
                found += f"weight:{rng.randint(0, 3)},"
            if kind == "ff":
                found += f"watch_port:{rng.randint(1, 3)},"
            found += f"actions={rng.choice(('output:1', 'output:2', 'drop', 'group:3', 'set_field:1->reg0,output:3'))}"
        return found


class Bench:
    """A private switch; a new one where it dies, as Open vSwitch 3.1 does of some bundles that it refuses."""

    def __init__(self) -> None:
        self.died = 0
        self._start()

    def _start(self) -> None:
        self.switch = Switch()
        self.switch.need(set(range(1, PORTS)))

    def put(self, way: tuple[str, str | None], lines: Sequence[str]) -> str | None:
        """A file is put into the empty switch; what it complains of."""
        self.switch.ofctl("del-flows")
        self.switch.ofctl("del-groups")
        try:
            self.switch.ofctl(way[0], "-", text="".join(f"{line}\n" for line in lines), version=way[1])
        except OSError as error:
            try:
                self.switch.ofctl("show")
            except OSError:
                self.died += 1
                self.close()
                self._start()
            return str(error)
        return None

    def close(self) -> None:
        """Ends the switch."""
        self.switch.close()


def dumped(switch: Switch) -> Bridge:
    """What the switch has."""
    text = switch.ofctl("dump-flows", "--no-stats") + switch.ofctl("dump-groups")
    return read_text(text, "dump") if "actions=" in text or "group_id=" in text else Bridge()


def plain(bridge: Bridge, *, cookies: bool) -> tuple[list[object], list[object]]:
    """What there is, as it is compared, buckets' numbers with it."""
    last = {(flow.table, flow.priority, flow.match): flow for flow in bridge.flows}  # where nothing is changed
    flows = [replace(flow, match=tuple(map(_tagless, flow.match))) for flow in last.values()]
    flows = [replace(flow, cookie=flow.cookie if cookies else 0, span=NOWHERE) for flow in flows]
    groups = [(_weighed(group), [bucket.number for bucket in group.buckets]) for group in bridge.groups]
    return sorted(flows, key=repr), sorted(groups, key=repr)


def _weighed(group: Group) -> Group:
    """Weights count in select groups only."""
    buckets = (bucket if group.kind == "select" else replace(bucket, weight=1) for bucket in group.buckets)
    return replace(group, span=NOWHERE, buckets=tuple(buckets))


def _tagless(m: Masked) -> Masked:
    """No tag is asked for in one way, whichever became of it."""
    return replace(m, mask=0x1FFF) if m.field == "vlan_tci" and m.mask & 0x1000 and not m.value else m


def _differences(told: tuple[list[object], list[object]], real: tuple[list[object], list[object]]) -> str:
    only = [
        [one for some, others in zip(a, b, strict=True) for one in some if one not in others]
        for a, b in ((told, real), (real, told))
    ]
    return f"only read {only[0]}\nonly real {only[1]}"


def judge(bench: Bench, form: Form, rng: random.Random, lines: Sequence[str], found: Found) -> None:
    """One file, in some of the ways to give it to the switch."""
    text = "".join(f"{line}\n" for line in lines)
    ways = rng.sample(form.ways, form.sample)
    try:
        mine = read_text(text, "s")
    except Unsupported as reason:
        found.counts[f"{form.name} unsupported: {reason.reason[:60]}"] += 1
        return
    except InputError as error:
        said = error.diagnostics[0]
        if "leave no flow" in said.message:
            mine = Bridge()
        else:
            _judge_refused(bench, form, rng, lines, said.span.line, said.message, found)
            return
    for way in ways:
        complaint = bench.put(way, lines)
        if complaint is not None:
            found.wrong.append(f"{way} refuses: {complaint[:300]}\n{text}")
            return
        theirs = dumped(bench.switch)
        told, real = (plain(one, cookies=way[1] is not None) for one in (mine, theirs))
        if told != real:
            found.wrong.append(f"{way}\n{_differences(told, real)}\n{text}")
            return
    found.counts[f"{form.name} same" if mine.flows or mine.groups else f"{form.name} nothing left"] += 1


def _taken(lines: Sequence[str]) -> Sequence[str]:
    """The lines before the first that is refused."""
    while lines:
        try:
            read_text("".join(f"{line}\n" for line in lines))
        except Unsupported:
            break
        except InputError as error:
            if "leave no flow" in str(error):
                break
            lines = lines[: error.diagnostics[0].span.line - 1]
        else:
            break
    return lines


def judge_messages(bench: Bench, form: Form, seed: int, count: int) -> Found:
    """So many random files as the messages that ``ovs-ofctl`` makes of them, where the switch takes all of these."""
    rng, found = random.Random(seed), Found()
    for _ in range(count):
        lines = _taken(Script(rng, form).lines())
        if not lines:
            continue
        command, version = rng.choice([way for way in form.ways if way[1] is not None])
        assert version is not None
        text = "".join(f"{line}\n" for line in lines)
        if bench.put((command, version), lines) is not None:
            found.counts["refused"] += 1
            continue
        bench.put((command, version), ())
        messages, _, _ = recorded(bench.switch, version, command, "-", text=text)
        try:
            mine = read(messages, "m")
        except Unsupported as reason:
            found.counts[f"unsupported: {reason.reason.partition(': ')[2][:60]}"] += 1
            continue
        except InputError as error:
            if "leave no flow" not in str(error):
                found.wrong.append(f"{error}\n{version}\n{text}")
                continue
            mine = Bridge()
        told, real = (plain(one, cookies=True) for one in (mine, dumped(bench.switch)))
        if told == real:
            found.counts["same"] += 1
        else:
            found.wrong.append(f"{version}\n{_differences(told, real)}\n{text}")
    return found


def _judge_refused(
    bench: Bench,
    form: Form,
    rng: random.Random,
    lines: Sequence[str],
    line: int,
    message: str,
    found: Found,
) -> None:
    for way in rng.sample(form.ways, 1):
        if bench.put(way, lines[:line]) is None:
            found.wrong.append(f"{way} takes line {line}, read: {message}\n" + "\n".join(lines[:line]))
            return
    if line > 1:
        judge(bench, form, rng, lines[: line - 1], found)
    found.counts[f"{form.name} refused: {message[:50]}"] += 1


def judge_files(bench: Bench, form: Form, seed: int, count: int) -> Found:
    """So many random files."""
    rng, found = random.Random(seed), Found()
    for _ in range(count):
        judge(bench, form, rng, Script(rng, form).lines(), found)
        if len(found.wrong) > 3:
            break
    return found
