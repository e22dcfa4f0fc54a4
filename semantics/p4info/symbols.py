"""The objects of a program with their ids and aliases, before anything is written about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .. import ir
from ..source import NOWHERE, Span
from . import model as m
from .annotations import shown
from .ids import Kind, assign, own_id
from .names import Aliases


@dataclass
class Symbols:
    """Names by kind; after :meth:`number` their ids and aliases."""

    names: dict[Kind, dict[str, tuple[int | None, Span]]] = field(default_factory=dict)
    ids: dict[Kind, dict[str, int]] = field(default_factory=dict)
    aliases: Aliases = field(default_factory=lambda: Aliases.of(()))

    def add(self, kind: Kind, name: str, annotations: Iterable[ir.Annotation] = (), span: Span = NOWHERE) -> None:
        """Enter an object; a second one of the same kind and name is the same object."""
        self.names.setdefault(kind, {}).setdefault(name, (own_id(annotations), span))

    def number(self) -> None:
        """Give out the ids. Raises InputError for an ``@id`` that cannot be."""
        taken: set[int] = set()
        self.ids = {kind: assign(kind, self.names[kind], taken) for kind in sorted(self.names)}
        self.aliases = Aliases.of(name for names in self.names.values() for name in names)

    def id(self, kind: Kind, name: str) -> int:
        """The id of an object."""
        return self.ids[kind][name]

    def preamble(
        self, kind: Kind, name: str, annotations: Iterable[ir.Annotation], without: Iterable[str] = ()
    ) -> m.Preamble:
        """The preamble of an object."""
        texts = shown(annotations, frozenset(without))
        alias = self.aliases.alias(name)
        return m.Preamble(self.id(kind, name), name, alias, texts.plain, texts.doc, texts.structured)
