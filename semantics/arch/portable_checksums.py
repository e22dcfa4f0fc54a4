"""The hashes and checksums that PSA and PNA share: ``Hash``, ``Checksum``, ``InternetChecksum``.

After the PSA specification 1.2 ("Hashes", "Checksums") and, where it says nothing, BMv2's ``psa_hash.cpp`` and
``psa_internet_checksum.cpp``. Decisions:

* Data is its fields side by side; where they are no whole bytes, zeros come before them (``psa_hash.cpp``).
* A result is cut to the width of the type that is asked for, or filled with zeros.
* ``get_hash(base, data, max)`` is ``base + hash % max``; for a ``max`` of 0 it is not defined.
* ``Checksum.update`` adds data behind what was added before: a CRC goes on, ``ONES_COMPLEMENT16`` sums on; of
  ``IDENTITY`` the last 64 bits are kept.
* The custom CRCs and ``TARGET_DEFAULT`` are as in :mod:`p4verify.semantics.meaning.hashes`.
* What a checksum object holds begins anew whenever the parser or control that holds it is applied.
"""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.checksums import CRC16, CRC32, Crc, crc_end, crc_more, crc_start, ones_complement_sum, words
from ..meaning.dispatch import ExternTable
from ..meaning.hashes import compute, custom_crc, opaque, opaque_bits
from ..meaning.machine import Machine
from ..meaning.packet_out import field_bits
from ..meaning.values import Scalar, Value, unpack
from ..source import Span, Unsupported
from .extern_call import Call

NAMES: Final = {"ONES_COMPLEMENT16": "csum16"}
"""Where a member of ``HashAlgorithm_t`` has another name in :mod:`.hashes` than its own in lower case."""

KNOWN_CRCS: Final = {"crc16": CRC16, "crc32": CRC32}


def data_bits(call: Call, index: int) -> Term | None:
    """The data of an argument as whole bytes, zeros before it; None for none."""
    parts = field_bits(call.m, call.value(index), call.node.params[index].type, call.node.span)
    if not parts:
        return None
    data = b.concat(*parts)
    return b.zext(data, data.width + -data.width % 8)


def algorithm(m: Machine, instance: str, span: Span) -> str:
    """The hash algorithm with which an object was made."""
    for _, value in m.program.instance(instance).args:
        if isinstance(value, ir.Const) and isinstance(value.value, str):
            return NAMES.get(value.value, value.value.lower())
    raise Unsupported(f"{instance} without a hash algorithm", span)


# --- Hash -----------------------------------------------------------------------------------------------------------


def _get_hash(m: Machine, node: ir.ExternCall) -> Value:
    """``get_hash(data)`` and ``get_hash(base, data, max)``."""
    call = Call(m, node)
    name = algorithm(m, call.instance, node.span)
    width = ir.width_of(node.type)
    if len(node.params) == 1:
        result = b.resize(compute(m, name, data_bits(call, 0), node.span), width)
    else:
        result = _within(call, compute(m, name, data_bits(call, 1), node.span), width)
    return unpack(node.type, result, node.span)


def _within(call: Call, value: Term, width: int) -> Term:
    """``base + value % max``."""
    base, limit = call.term(0), call.term(2)
    wide = max(value.width, base.width, limit.width, width)
    none = call.m.decide(b.eq(limit, b.bv(0, limit.width)))
    rest = b.bv(0, wide)
    if none is not b.TRUE:
        rest = b.urem(b.zext(value, wide), b.zext(limit, wide))
    if none is not b.FALSE:
        rest = b.ite(none, call.m.fresh(wide, "a hash modulo 0", call.node.span), rest)
    return b.resize(b.add(b.zext(base, wide), rest), width)


# --- Checksum -------------------------------------------------------------------------------------------------------


def _crc(m: Machine, name: str) -> Crc | None:
    return KNOWN_CRCS.get(name) or custom_crc(m, name)


def _start(m: Machine, name: str) -> Term:
    parameters = _crc(m, name)
    if parameters is not None:
        return crc_start(parameters)
    return b.bv(0, 16 if name == "csum16" else opaque_bits(name))


def _more(m: Machine, name: str, state: Term, data: Term, span: Span) -> Term:
    parameters = _crc(m, name)
    if parameters is not None:
        return crc_more(parameters, state, data)
    if name == "csum16":
        return ones_complement_sum([state, *words(data, 16)])
    if name == "identity":
        both = b.concat(state, data)
        return b.extract(both, state.width - 1, 0)
    return opaque(m, name, (state, data), span)


def _end(m: Machine, name: str, state: Term) -> Term:
    parameters = _crc(m, name)
    if parameters is not None:
        return crc_end(parameters, state)
    return b.bnot(state) if name == "csum16" else state


def _clear(m: Machine, node: ir.ExternCall) -> None:
    call = Call(m, node)
    call.remember(_start(m, algorithm(m, call.instance, node.span)))


def _update(m: Machine, node: ir.ExternCall) -> None:
    call = Call(m, node)
    data = data_bits(call, 0)
    if data is not None:
        call.remember(_more(m, algorithm(m, call.instance, node.span), call.recall(), data, node.span))


def _get(m: Machine, node: ir.ExternCall) -> Value:
    call = Call(m, node)
    result = _end(m, algorithm(m, call.instance, node.span), call.recall())
    return unpack(node.type, b.resize(result, ir.width_of(node.type)), node.span)


# --- InternetChecksum -----------------------------------------------------------------------------------------------


def _words(call: Call) -> list[Term]:
    data = data_bits(call, 0)
    if data is not None and data.width % 16:
        raise Unsupported(
            f"InternetChecksum.{call.node.method} of {data.width} bits, no multiple of 16", call.node.span
        )
    return words(data, 16)


def _internet_clear(m: Machine, node: ir.ExternCall) -> None:
    Call(m, node).remember(b.bv(0, 16))


def _internet_add(m: Machine, node: ir.ExternCall) -> None:
    call = Call(m, node)
    call.remember(ones_complement_sum([call.recall(), *_words(call)]))


def _internet_subtract(m: Machine, node: ir.ExternCall) -> None:
    """The complement of each word is added (PSA, "InternetChecksum implementation")."""
    call = Call(m, node)
    call.remember(ones_complement_sum([call.recall(), *(b.bnot(word) for word in _words(call))]))


def _internet_get(m: Machine, node: ir.ExternCall) -> Value:
    return Scalar(b.bnot(Call(m, node).recall()))


def _internet_get_state(m: Machine, node: ir.ExternCall) -> Value:
    return Scalar(Call(m, node).recall())


def _internet_set_state(m: Machine, node: ir.ExternCall) -> None:
    call = Call(m, node)
    call.remember(call.term(0))


def begin_block(m: Machine, block: str) -> None:
    """Checksum objects of a block begin anew when it does."""
    for instance in m.program.instances:
        if instance.name.rpartition(".")[0] != block:
            continue
        if instance.extern == "InternetChecksum":
            m.remember(instance.name, b.bv(0, 16))
        elif instance.extern == "Checksum":
            m.remember(instance.name, _start(m, algorithm(m, instance.name, instance.span)))


EXTERNS: Final[ExternTable] = {
    ("Hash", "get_hash"): _get_hash,
    ("Checksum", "clear"): _clear,
    ("Checksum", "update"): _update,
    ("Checksum", "get"): _get,
    ("InternetChecksum", "clear"): _internet_clear,
    ("InternetChecksum", "add"): _internet_add,
    ("InternetChecksum", "subtract"): _internet_subtract,
    ("InternetChecksum", "get"): _internet_get,
    ("InternetChecksum", "get_state"): _internet_get_state,
    ("InternetChecksum", "set_state"): _internet_set_state,
}
