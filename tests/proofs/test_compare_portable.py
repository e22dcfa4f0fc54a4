"""Programs of PSA and PNA against each other: what differs is found, what does not is proven."""

import pytest

from p4verify.proofs import refine
from p4verify.proofs.engine import Engine
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import meaning
from tests.support.portable_text import pna, psa, tc

GROUP = "multicast(ostd, (MulticastGroup_t) 7);"
CLONE = "ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) {};"
ONE_IS_COPIED = "if (hdr.h.c == 1) {{ " + CLONE + " }}"
"""By the egress, so that a copy is copied, too, and its copy."""
REGISTER = "Register<bit<8>, bit<32>>(4) r;"
HASH = "Hash<bit<8>>(PSA_HashAlgorithm_t.TARGET_DEFAULT) h;"
RANDOM = "Random<bit<8>>(1, 9) r;"
DIGEST = "Digest<meta_t>() dg;"
MIRROR = "mirror_packet((MirrorSlotId_t) {}, (MirrorSessionId_t) {}); send_to_port((PortId_t) 1);"

SAME = {
    "egress of copies": (psa(GROUP, "hdr.h.a = 1;"), psa(GROUP, "hdr.h.a = 2 - 1;")),
    "the instance of a copy": (
        psa(GROUP, "hdr.h.a = (bit<8>) (bit<16>) istd.instance;"),
        psa(GROUP, "hdr.h.a = (bit<8>) ((bit<16>) istd.instance & 255);"),
    ),
    "a clone is the frame as it came": (psa(CLONE.format(5)), psa(CLONE.format(5) + "hdr.h.d = hdr.h.d ^ 0;")),
    "state that copies write": (
        psa(GROUP, "r.write(32w1, hdr.h.b);", egress_locals=REGISTER),
        psa(GROUP, "r.write(32w1, hdr.h.b + 0);", egress_locals=REGISTER),
    ),
    "an undefined port may be any": (
        psa("PortId_t p; ostd.egress_port = p;"),
        psa("send_to_port(ostd, (PortId_t) 3);"),
    ),
    "a random number may be any in its range": (psa("hdr.h.d = r.read();", locals=RANDOM), psa("hdr.h.d = 5;")),
    "an unknown hash is a function": (
        psa("hdr.h.d = h.get_hash(hdr.h.a);", locals=HASH),
        psa("hdr.h.d = h.get_hash(hdr.h.a);", locals=HASH),
    ),
    "headers that move between the pipelines": (
        psa("hdr.e.setValid(); hdr.e = {1, 2, 3, 4};", id="pkt.emit(hdr.h); pkt.emit(hdr.e);"),
        psa("", "hdr.e.setValid(); hdr.e = {1, 2, 3, 4};"),
    ),
    "copies that some packets have made for ever": (
        psa("", ONE_IS_COPIED.format(5)),
        psa("", "if (!(hdr.h.c == 1)) { } else { " + CLONE.format(5) + " }"),
    ),
    "a mirror slot's number": (pna(MIRROR.format(1, 5)), pna(MIRROR.format(2, 5))),
}

DIFFERENT = {
    "egress of copies": (psa(GROUP, "hdr.h.a = 1;"), psa(GROUP, "hdr.h.a = 2;")),
    "the group": (psa(GROUP), psa(GROUP.replace("7", "8"))),
    "the session": (psa(CLONE.format(5)), psa(CLONE.format(6))),
    "the session of copies that some packets have made for ever": (
        psa("", ONE_IS_COPIED.format(5)),
        psa("", ONE_IS_COPIED.format(6)),
    ),
    "copies that some packets have made for ever, or none": (psa("", ONE_IS_COPIED.format(5)), psa("")),
    "state that copies write": (
        psa(GROUP, "r.write(32w1, hdr.h.b);", egress_locals=REGISTER),
        psa(GROUP, "r.write(32w1, hdr.h.c);", egress_locals=REGISTER),
    ),
    "resubmission": (psa("ostd.resubmit = hdr.h.a == 1;"), psa("ostd.resubmit = hdr.h.a == 2;")),
    "recirculation": (psa("send_to_port(ostd, PSA_PORT_RECIRCULATE);"), psa("send_to_port(ostd, (PortId_t) 3);")),
    "any port for a port": (psa("send_to_port(ostd, (PortId_t) 3);"), psa("PortId_t p; ostd.egress_port = p;")),
    "a number out of range": (psa("hdr.h.d = r.read();", locals=RANDOM), psa("hdr.h.d = 10;")),
    "the data of a hash": (
        psa("hdr.h.d = h.get_hash(hdr.h.a);", locals=HASH),
        psa("hdr.h.d = h.get_hash(hdr.h.b);", locals=HASH),
    ),
    "a digest": (
        psa("meta = {1, 2, true};", id="dg.pack(meta); pkt.emit(hdr);", id_locals=DIGEST),
        psa("meta = {1, 2, true};", id="pkt.emit(hdr);", id_locals=DIGEST),
    ),
    "P4TC's stack": (tc("hdr.h.a = 1;"), tc("hdr.h.a = 1; send_to_port((PortId_t) 1);")),
    "mirror copies": (pna(MIRROR.format(1, 5)), pna(MIRROR.format(1, 6))),
}


def difference(pair: tuple[ir.Program, ir.Program]) -> str:
    """Where two programs differ; "" if they are proven to do the same."""
    outcome = refine.search(meaning(pair[0]), meaning(pair[1]), Engine.within(30))
    assert not outcome.unknown
    return outcome.difference.obligation if outcome.difference else outcome.empty


@pytest.mark.parametrize("name", SAME)
def test_the_same_is_proven(name: str) -> None:
    assert difference(SAME[name]) == ""


@pytest.mark.parametrize("name", DIFFERENT)
def test_differences_are_found(name: str) -> None:
    assert difference(DIFFERENT[name]).startswith("case")
