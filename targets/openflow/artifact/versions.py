"""For which version of OpenFlow a flow file is meant: what its words and a comment say.

``ovs-ofctl add-flows`` speaks 1.0 if it is not told otherwise (``-O``) and the words leave it open
(``open_vconn_for_flow_mod`` of ``utilities/ovs-ofctl.c``, 3.1). Versions differ in what commands change, in
``mod_vlan_vid``, and in instructions: of what it sends in 1.0 ``ovs-ofctl`` leaves out ``write_actions`` and
``clear_actions``, ``goto_table`` becomes ``resubmit``, which does the same there at the end of a flow without an action
set, and the switch refuses ``write_metadata`` before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ....semantics.source import InputError, Span, Unsupported
from .flow_lines import of_later_versions
from .flows import Action, ClearActions, Flow, Goto, Opaque, PushVlan, SetField, TagWith, ToMeter, WriteActions
from .steps import FlowChange, Step, Version, flat, flow_of

SAYS: Final = "# p4verify openflow:"
"""How the comment begins."""
_BOTH: Final[tuple[Version, ...]] = ("1.0", "later")
_BY_NAME: Final[dict[str, Version]] = {"1.0": "1.0", "1.3": "later", "1.4": "later", "1.5": "later"}


def said_version(line: str, place: Span) -> Version | None:
    """The version that a line of a file names; None: it is another line. Raises InputError: there is none such."""
    if not line.startswith(SAYS):
        return None
    name = line[len(SAYS) :].strip()
    if name not in _BY_NAME:
        raise InputError.at(place, f"no version of OpenFlow is called {name[:20]!r} ({', '.join(_BY_NAME)})", line)
    return _BY_NAME[name]


def versions_of(
    steps: Iterable[Step], said: Version | None, *, bundle: bool, later: bool, place: Span
) -> Sequence[Version]:
    """Which versions the lines of a file can be spoken in.

    Sound because a version that is said is the one that the user speaks, and everything that this one would not send
    as it is written is refused here; where none is said, all that are possible are taken.

    Args:
        steps: the lines.
        said: what the file says; None: nothing.
        bundle: whether they are a bundle, which goes with 1.4 and later.
        later: whether some line has a word that 1.0 has not.
        place: where the version is said.

    Raises:
        InputError: 1.0 is said, and ``ovs-ofctl`` refuses the file for it.
        Unsupported: a file for 1.0 has instructions that are not sent as they are written.
    """
    flows = [flow for flow in map(flow_of, steps) if flow is not None]
    later = bundle or later or any(_has(flow, PushVlan | ToMeter) for flow in flows)
    if said == "1.0":
        if later:
            raise InputError.at(place, "this file says what OpenFlow 1.0 has not")
        for flow in flows:
            if left_out([flow]) or refused([flow]):
                raise Unsupported("instructions in a file for OpenFlow 1.0, which has none", flow.span)
        return _BOTH[:1]
    if said is None and not later:
        return _BOTH
    return _BOTH[1:]


def as_spoken(steps: Sequence[Step], versions: Sequence[Version], *, shown: bool) -> Sequence[Step]:
    """The steps as ``ovs-ofctl`` sends them in one of these versions.

    Raises:
        Unsupported: one says ``mod_vlan_vid``, and it is not known what it does in them.
    """
    return steps if _BOTH[0] in versions else [_of_later(step, shown=shown) for step in steps]


def _of_later(step: Step, *, shown: bool) -> Step:
    flow = flow_of(step)
    if flow is None or not _has(flow, TagWith):
        return step
    spoken = replace(flow, actions=of_later_versions(flow.match, flow.actions))
    if shown or _has(spoken, Opaque) > _has(flow, Opaque):  # later versions show it in other words
        raise Unsupported("mod_vlan_vid in a file for OpenFlow 1.3 or later", flow.span)
    return replace(step, flow=spoken) if isinstance(step, FlowChange) else spoken


def left_out(flows: Iterable[Flow]) -> bool:
    """Whether some flows have what ``ovs-ofctl`` leaves out of what it sends in OpenFlow 1.0."""
    return any(_has(flow, WriteActions | ClearActions) for flow in flows)


def refused(flows: Iterable[Flow]) -> bool:
    """Whether the switch may refuse some flows if they are sent in OpenFlow 1.0: of what writes metadata it is not
    known here whether it is the action or the instruction."""
    return any(_has(flow, Goto) and any(_is_metadata(one) for one in flow.actions) for flow in flows)


def _is_metadata(action: Action) -> bool:
    return isinstance(action, SetField) and action.field == "metadata"


def _has(flow: Flow, kinds: object) -> bool:
    return any(isinstance(one, kinds) for one in flat(flow.actions))  # type: ignore[arg-type]
