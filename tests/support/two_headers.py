"""A v1model program with two headers, the second behind two questions of the parser, around an ingress control."""

from __future__ import annotations

from typing import Final

BEFORE: Final = """#include <core.p4>
#include <v1model.p4>
header e_t { bit<8> kind; bit<16> a; }
header f_t { bit<16> a; bit<16> c; bit<32> d; }
struct h_t { e_t e; f_t f; }
struct m_t { bit<8> x; }
parser p(packet_in pk, out h_t h, inout m_t m, inout standard_metadata_t s) {
    state start { pk.extract(h.e); transition select(h.e.kind) { 0x5A: next; default: accept; } }
    state next { pk.extract(h.f); transition select(h.f.a) { 0xBEEF: accept; default: reject; } }
}
control v(inout h_t h, inout m_t m) { apply { } }
"""
"""Headers, metadata and parser; the control is ``i``."""

BEHIND: Final = """control g(inout h_t h, inout m_t m, inout standard_metadata_t s) { apply { } }
control c(inout h_t h, inout m_t m) { apply { } }
control d(packet_out pk, in h_t h) { apply { pk.emit(h.e); pk.emit(h.f); } }
V1Switch(p(), v(), i(), g(), c(), d()) main;
"""
"""Both headers are sent."""
