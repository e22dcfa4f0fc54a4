"""What one check of one target or artifact ended with, as the reports print it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .proofs.verdict import Beside, Counterexample, Explanation, Observed, Proof, Verdict


@dataclass(frozen=True)
class Result:
    """A proof with what it was about."""

    target: str
    """``ebpf``, ``u32``, ... ; ``ebpf = u32`` for software against hardware."""
    artifact: str | None
    """The file checked, None for what our own lowering made."""
    proof: Proof

    @property
    def verdict(self) -> Verdict:
        """The proof's verdict."""
        return self.proof.verdict

    def to_json(self) -> dict[str, Any]:
        """The result as the contract's JSON (``docs``: the command's contract)."""
        proof = self.proof
        where = proof.where
        return {
            "target": self.target,
            "artifact": self.artifact,
            "verdict": proof.verdict.value,
            "reason": proof.reason,
            "where": {"file": where.file, "line": where.line, "column": where.column} if where.file else None,
            "quantified_over": proof.quantified_over,
            "obligations": {
                "total": proof.tally.total,
                "folded": proof.tally.folded,
                "solved": proof.tally.solved,
                "compared": proof.tally.compared,
                "cached": proof.tally.cached,
            },
            "seconds": round(proof.seconds, 3),
            "counterexample": _counterexample(proof.counterexample),
            "regions": [
                {
                    "rules": list(region.rules),
                    "entries": list(region.entries),
                    "packet": region.packet.hex(),
                    "port": region.port,
                    "reason": region.reason,
                }
                for region in proof.regions
            ],
            "certificate": None,
            "assumptions": list(proof.assumptions),
            "observables": list(proof.observables),
            "warnings": list(proof.warnings),
        }


def _counterexample(found: Counterexample | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "packet": found.packet.hex(),
        "port": found.port,
        "rules": list(found.rules),
        **({"second_rules": list(found.second_rules)} if found.second_rules else {}),
        "inputs": dict(found.inputs),
        "expected": _observed(found.expected),
        "actual": _observed(found.actual),
        "obligation": found.obligation,
        "confirmed_by": list(found.confirmed_by),
        "decoded": list(found.decoded),
        "diverges": found.diverges or None,
        "block": found.block or None,
        "explanation": _explanation(found.explanation),
        "stf": found.stf or None,
        "no_stf": found.no_stf or None,
        **({"any_rules": list(found.any_rules)} if found.any_rules else {}),
        **({"beside": _beside(found.beside)} if found.beside is not None else {}),
    }


def _beside(found: Beside) -> dict[str, Any]:
    return {
        "packet": found.packet.hex(), "port": found.port, "inputs": dict(found.inputs),
        "expected": _observed(found.expected),
    }  # fmt: skip


def _explanation(found: Explanation) -> dict[str, Any]:
    return {
        "differs": list(found.differs),
        "undefined": list(found.undefined),
        "machine": list(found.machine),
        "blame": [
            {
                "file": blame.file, "line": blame.line, "column": blame.column, "stage": blame.stage or None,
                "table": blame.table or None, "action": blame.action or None, "step": dict(blame.step),
            }
            for blame in found.blame
        ],
        "steps": [
            {"first": row.first, "second": row.second, "differs": row.differs, "parts": row.parts}
            for row in found.rows
        ],
    }  # fmt: skip


def _observed(seen: Observed) -> dict[str, Any]:
    carried = seen.carried or ({},) * len(seen.outputs)
    return {
        "outputs": [
            {"port": port if to == "port" else to, "packet": frame.hex(), **({"metadata": dict(more)} if more else {})}
            for (to, port, frame), more in zip(seen.outputs, carried, strict=True)
        ],
        **({"events": [{"name": name, "fields": list(fields)} for name, fields in seen.events]} if seen.events else {}),
        "dropped": not seen.outputs and seen.fault is None,
        "metadata": dict(seen.metadata),
        "state": {name: {str(i): v for i, v in cells.items()} for name, cells in seen.state.items()},
        **({"fault": seen.fault} if seen.fault else {}),
    }


def exit_code(results: Sequence[Result]) -> int:
    """0 all accepted; 1 something rejected; 3 something unsupported; 4 something undecided (1 before 3 before 4).

    Raises:
        ValueError: there is no result, so nothing was shown.
    """
    if not results:
        raise ValueError("no check was made")
    verdicts = {r.verdict for r in results}
    for verdict, code in ((Verdict.REJECT, 1), (Verdict.UNDECIDED, 4), (Verdict.UNSUPPORTED, 3)):
        if verdict in verdicts:
            return code
    return 0
