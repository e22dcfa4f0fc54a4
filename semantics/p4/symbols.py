"""Which names are types, by scope: what the parser must know of declarations to read on (6.8)."""

from __future__ import annotations


class Symbols:
    """A stack of scopes. Names that nobody declared are no types."""

    def __init__(self, types: dict[str, bool] | None = None) -> None:
        self.is_type: dict[str, bool] = dict(types or {})
        """What each name is in the innermost scope that declares it."""
        self._undo: list[list[tuple[str, bool | None]]] = []

    @property
    def depth(self) -> int:
        """How many scopes are open below the global one."""
        return len(self._undo)

    def declare(self, name: str, is_type: bool) -> None:
        """Declare in the innermost scope."""
        if self._undo:
            self._undo[-1].append((name, self.is_type.get(name)))
        self.is_type[name] = is_type

    def push(self) -> None:
        """Open a scope."""
        self._undo.append([])

    def pop(self) -> None:
        """Close a scope."""
        for name, before in reversed(self._undo.pop()):
            if before is None:
                del self.is_type[name]
            else:
                self.is_type[name] = before

    def is_global_type(self, name: str) -> bool:
        """Whether ``.name`` is a type."""
        for scope in self._undo:
            for declared, before in scope:
                if declared == name:
                    return bool(before)
        return self.is_type.get(name, False)
