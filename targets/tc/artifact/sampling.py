"""The action ``sample`` in all forms in which it comes: words, JSON and ``TCA_ACT_OPTIONS``.

Words: ``tc/m_sample.c`` of iproute2 6.1; attributes: ``uapi/linux/tc_act/tc_sample.h``, as ``tcf_sample_init`` and
``tcf_sample_dump`` of ``net/sched/act_sample.c`` (Linux 6.1) take and give them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from .actions import Action, Control, Sample
from .attributes import Attribute, number
from .netlink_controls import has_only, parameters, read_generic
from .words import Command

_TM, _PARMS, _RATE, _TRUNC, _GROUP, _PAD = range(1, 7)
_MOST: Final = 0xFFFFFFFF
_SHOWN: Final = re.compile(r"sample rate 1/(\d+) group (\d+)(?: trunc_size (\d+))? (.*)")


def read_sample(command: Command, control: Callable[[Command], Control]) -> Sample:
    """What stands after ``sample``; ``control`` reads what may follow. Raises InputError, ValueError."""
    found: dict[str, int] = {}
    while command.take("rate", "group", "trunc"):
        word = command.last_text
        found[word] = command.number(word, 0, _MOST)
    for word in ("rate", "group"):
        if word not in found:
            raise command.error(f"sample needs a {word}")
    return Sample(found["rate"], found["group"], found.get("trunc"), control(command))


def sample_words(action: Sample) -> Iterator[str]:
    """What :func:`read_sample` reads, without the control."""
    yield f"rate {action.rate} group {action.group}"
    if action.truncated is not None:
        yield f"trunc {action.truncated}"


def shown_sample(text: str) -> str:
    """What ``tc filter show`` prints for people, in the words of scripts; any other text as it is."""
    found = _SHOWN.fullmatch(text)
    if found is None:
        return text
    rate, group, trunc, control = found.groups()
    return " ".join(["sample", f"rate {rate} group {group}", *([f"trunc {trunc}"] if trunc else []), control])


def sample_of(found: Mapping[str, Any], control: Control) -> Action:
    """One in the JSON that ``tc -j filter show`` prints. Raises KeyError, ValueError."""
    truncated = int(found["trunc_size"]) if "trunc_size" in found else None
    return Sample(int(found["rate"]), int(found["group"]), truncated, control)


def sample_options(action: Sample) -> bytes:
    """``act_sample``."""
    out = parameters(_PARMS, action.control) + number(_RATE, action.rate) + number(_GROUP, action.group)
    return out if action.truncated is None else out + number(_TRUNC, action.truncated)


def read_sample_options(found: dict[int, Attribute]) -> Action | None:
    """See :func:`sample_options`; None for what is not known. Raises InputError, ValueError."""
    if not has_only(found, range(_TM, _PAD + 1)):
        return None
    control, _ = read_generic(found[_PARMS])
    truncated = found[_TRUNC].number() if _TRUNC in found else None
    return Sample(found[_RATE].number(), found[_GROUP].number(), truncated, control)
