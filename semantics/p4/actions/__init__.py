"""The tree builder: one method per action that ``p4_16.lark`` names."""

from __future__ import annotations

from .declarations import DeclarationActions
from .statements import StatementActions


class Builder(StatementActions, DeclarationActions):
    """Makes the nodes as the parser reduces rules."""
