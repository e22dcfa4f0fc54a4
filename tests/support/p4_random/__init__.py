"""Random well-typed P4-16 programs as text, with packets that reach deep into their parsers.

:func:`random_program` makes a program from a source of chance; :func:`programs` is the same as a Hypothesis strategy,
which shrinks. One module has one subject: types, what is in scope, expressions, statements, functions and actions,
tables, parsers, controls, architectures, packets.
"""

from .program import ARCHITECTURES, Generated, programs, random_program
from .settings import DEFINED, SMALL, Settings

__all__ = ["ARCHITECTURES", "DEFINED", "SMALL", "Generated", "Settings", "programs", "random_program"]
