"""First-match lists over bits: rules and filters as data, and the comparison of two lists by regions of the key space.

A *cube* is a pair ``(value, mask)`` of numbers: the keys ``k`` with ``k & mask == value``; ``value`` has no bit outside
``mask``. A :class:`Row` is a cube with a decision and a rank; of the rows of a list that hold a key the one with the
least rank decides.
"""

from .comparison import Comparison, Difference, TooHard
from .cubes import Cube, meet, overlap, part, subtract
from .index import Rank, Row, TupleSpace

__all__ = [
    "Comparison",
    "Cube",
    "Difference",
    "Rank",
    "Row",
    "TooHard",
    "TupleSpace",
    "meet",
    "overlap",
    "part",
    "subtract",
]
