"""Two artifacts that hold several programs each: each program is compared with the one of its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .checks import Checker
from .proofs.verdict import Proof, Verdict
from .results import Result
from .semantics.source import Span
from .targets.base import HoldsSeveral, Target

Given = tuple[Target, Any, str]
"""Target, artifact, and the file that it comes from."""


def one_by_one(checker: Checker, first: Given, second: Given) -> list[Result]:
    """A result for each program that one of the two holds; what the other lacks is ``unsupported``.

    Where each holds one program, these are compared whatever they are called. Raises InputError as
    :meth:`Checker.check_two` does.
    """
    left, right = _apart(first), _apart(second)
    if first[0] is not second[0] or max(len(left), len(right)) < 2:
        return [checker.check_two(first, second)]
    results = []
    for name in dict.fromkeys((*left, *right)):
        if name in left and name in right:
            mine, theirs = ((given[0], parts[name], given[2]) for given, parts in ((first, left), (second, right)))
            results.append(checker.check_two(mine, theirs, name))
        else:
            has, lacks = (first, second) if name in left else (second, first)
            reason = f"{has[2]} has a program {name}, {lacks[2]} has none of this name"
            proof = Proof(Verdict.UNSUPPORTED, reason, where=Span(lacks[2], 0, 0))
            results.append(Result(f"{first[0].name} = {second[0].name}, program {name}", second[2], proof))
    return results


def _apart(given: Given) -> Mapping[str, Any]:
    target, artifact, _ = given
    return target.apart(artifact) if isinstance(target, HoldsSeveral) else {}
