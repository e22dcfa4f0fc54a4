"""What ``p4verify offload`` prints beside the verdict: what is in hardware, and what could safely be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..offload import Division, Proposal
from ..results import Result
from ..targets.offload import Profile
from . import render, to_json


def render_offload(
    form: str, results: Sequence[Result], division: Division | None, proposal: Proposal | None, profile: Profile | None
) -> str:
    """The report in the form named. ``division``: None where the list cannot be read as one."""
    if form == "json":
        data: dict[str, Any] = to_json(None, results)
        data["profile"] = None if profile is None else {"name": profile.name, "sources": list(profile.sources)}
        data["in_hardware"] = _entries(division, sorted(division.in_device)) if division is not None else []
        data["proposal"] = None if proposal is None or division is None else _json(division, proposal, profile)
        return json.dumps(data, indent=2)
    text = render(form, None, results)
    if form != "text" or proposal is None or division is None:
        return text
    return "\n".join([text, *(f"              {line}" for line in _lines(division, proposal, profile))])


def _entries(division: Division, numbers: Sequence[int]) -> list[dict[str, Any]]:
    return [_entry(division, number) for number in numbers]


def _entry(division: Division, number: int) -> dict[str, Any]:
    entry = division.entries[number]
    where = {"file": entry.span.file, "line": entry.span.line, "column": entry.span.column}
    return {"entry": entry.text, "where": where if entry.span.file else None}


def _table(profile: Profile | None, place: int) -> str | None:
    return None if profile is None else profile.tables[place].name


def _json(division: Division, proposal: Proposal, profile: Profile | None) -> dict[str, Any]:
    chosen = proposal.chosen
    return {
        "in_hardware": None if chosen is None else [
            {**_entry(division, n), "table": _table(profile, chosen[n])} for n in sorted(chosen)
        ],
        "largest": proposal.largest,
        "reason": proposal.reason or None,
        "not_taken": [{**_entry(division, n), "reason": why} for n, why in sorted(proposal.left_out.items())],
    }  # fmt: skip


def _lines(division: Division, proposal: Proposal, profile: Profile | None) -> list[str]:
    if proposal.chosen is None:
        return [f"proposal: none: {proposal.reason}"]
    total = len(division.entries)
    how = "the largest part that is safe" if proposal.largest else f"a part that is safe ({proposal.reason})"
    lines = [f"proposal: {how}: {len(proposal.chosen)} of {total} entries in hardware"]
    for number in sorted(proposal.chosen):
        table = _table(profile, proposal.chosen[number])
        lines.append(f"  {division.told(number + 1)}" + (f"  [{table}]" if table else ""))
    lines += [f"  not taken: {division.told(n + 1)} ({why})" for n, why in sorted(proposal.left_out.items())]
    return lines
