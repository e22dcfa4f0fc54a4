"""Large rule sets against artifacts with large lists of entries (``docs/scale.md``).

What the two sides do with whatever their large tables answer is proven once, for answers that are alike; that the
tables' answers are alike is found by comparing rows with rows, without a solver; and only where they are not, a
region of the header space is searched for a packet.
"""

from .check import OPEN_FROM, Large, LargePair, LeavesOpen, check_large, checked
from .standing import Change, NotAccepted, Standing

__all__ = [
    "OPEN_FROM",
    "Change",
    "Large",
    "LargePair",
    "LeavesOpen",
    "NotAccepted",
    "Standing",
    "check_large",
    "checked",
]
