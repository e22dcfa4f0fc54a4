"""Names that the control plane sees, and their aliases."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from .. import ir
from .annotations import given_name


def param_name(param: ir.Param) -> str:
    """A parameter's name as the source has it, which is what the control plane sees.

    Names within a block are unique in the IR, so the elaborator appends a number to some; the place of the declaration
    tells how long the name was.
    """
    length = param.span.end_column - param.span.column
    if param.span.line == param.span.end_line and 0 < length < len(param.name):
        if re.fullmatch(r"_\d+", param.name[length:]):
            return param.name[:length]
    return param.name


def type_name(type_: ir.HeaderType | ir.UnionType | ir.StructType | ir.EnumType | ir.NewType) -> str:
    """A named type's name; an instance of a generic one (``s<bit<32>, T>``) is called ``s_bit32_T``."""
    plain = re.sub(r"\b(bit|int|varbit)<(\d+)>", r"\1\2", type_.name)
    return given_name(type_.annotations, re.sub(r"[<,]\s*", "_", plain).replace(">", "").replace(" ", ""))


@dataclass(frozen=True, slots=True)
class Aliases:
    """The shortest run of last components that only one name has (``t`` for ``ingress.t``)."""

    users: Counter[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Aliases:
        """The aliases among these names; several objects of one name count once."""
        users: Counter[str] = Counter()
        for name in set(names):
            users.update(_suffixes(name))
        return cls(users)

    def alias(self, name: str) -> str:
        """The alias of one of the names."""
        return next((suffix for suffix in _suffixes(name) if self.users[suffix] < 2), name)


def _suffixes(name: str) -> list[str]:
    """``c``, ``b.c``, ``a.b.c`` for ``a.b.c``."""
    parts = name.split(".")
    return [".".join(parts[i:]) for i in reversed(range(len(parts)))]
