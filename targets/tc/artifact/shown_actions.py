"""Actions as ``tc filter show`` prints them for people (iproute2 6.1): a line ``action order N: ...`` and what follows.

Most of it is in the words of scripts; what is not is brought into them, but for ``pedit``, whose words are told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .actions import PASS, Action, Control, Pedit, PeditHeader, PeditKey
from .hooks import PortNames
from .read_actions import read_actions
from .sampling import shown_sample
from .words import Command, Word

_ORDER: Final = re.compile(r"action order \d+:\s*")
_MIRRED: Final = re.compile(r"mirred \((Egress|Ingress) (Redirect|Mirror) to device (\S+)\)\s+(.*)")
_CSUM: Final = re.compile(r"csum \(([a-z, ]+)\) action (.*)")
_KEY: Final = re.compile(
    r"key #\d+\s+at (?:(\w+)\+|(\w+)(?=-))?(-?\d+): (?:(val|add) )?([0-9a-f]{1,8}) mask ([0-9a-f]{1,8})"
)
_POLICE: Final = re.compile(
    r"police 0x[0-9a-f]+ (.*?)\s*action ([a-z]+(?:(?: chain)? \d+)?)(?:/([a-z]+(?: \d+)?))?(?: .*|)"
)
_BOOKKEEPING: Final = re.compile(
    r"index \d|ref \d|random type none|Action statistics|Sent |backlog |rate \d|cookie |used_hw_stats|hw_stats"
    r"|no_percpu|installed \d|in_hw|not_in_hw|skip_hw|skip_sw"
)
_UNNAMED: Final = re.compile(r"protocol \[(\d+)\]")
_DRAWN: Final = re.compile(r"random type (netrand|determ)\s+(.*?)\s*val (\d+)")
_HEADERS: Final[dict[str, PeditHeader]] = {
    "eth": "eth", "ipv4": "ip", "ipv6": "ip6", "tcp": "tcp", "udp": "udp", "network": "network",
}  # fmt: skip

Line = tuple[Word, str]
"""The line's text, without the blanks around it, with its place; and the line as it stands in the file."""


def is_action(text: str) -> bool:
    """Whether a line, without the blanks around it, begins an action."""
    return _ORDER.match(text) is not None


def shown_action(lines: Sequence[Line], ports: PortNames) -> Action:
    """The action in these lines, the first of which begins it. Raises InputError, ValueError."""
    (first, _), *rest = lines
    text = " ".join(_ORDER.sub("", first.text).split())
    kept = [word.text for word, _ in rest if not _BOOKKEEPING.match(word.text)]
    if text.startswith("pedit"):
        return _pedit(text, kept)
    drawn = next((word.text for word, _ in rest if _DRAWN.match(word.text)), "")
    if drawn:
        kept = [one for one in kept if one != drawn]
        text += _DRAWN.sub(r" random \1 \2 \3", drawn)
    (action,) = read_actions(_command(_in_script_words(" ".join([text, *kept])), lines), ports)
    return action


def _command(text: str, lines: Sequence[Line]) -> Command:
    place = lines[0][0].span
    words = [Word(word, place) for word in text.split()]
    return Command(words, place, {place.line: lines[0][1]})


def _in_script_words(text: str) -> str:
    mirred = _MIRRED.match(text)
    if mirred:
        direction, verb, device, control = mirred.groups()
        return f"mirred {direction.lower()} {verb.lower()} dev {device}{'' if verb == 'Redirect' else f' {control}'}"
    csum = _CSUM.match(text)
    if csum:
        return f"csum {' and '.join(part.strip() for part in csum[1].split(','))} {csum[2]}"
    police = _POLICE.fullmatch(text)
    if police:
        limits, exceed, conform = police.groups()
        return f"police {limits} conform-exceed {exceed} / {conform or 'pass'}"
    text = _UNNAMED.sub(r"protocol \1", text)
    if text.startswith("gact action "):
        return text.replace("gact action ", "gact ", 1)
    if text.startswith("tunnel_key set"):
        return text.replace(" key_id ", " id ", 1)
    return shown_sample(text)


def _pedit(text: str, lines: Sequence[str]) -> Pedit:
    control = re.match(r"pedit action (\S+)(?: chain (\d+)| (\d+))? keys \d+", text)
    if control is None:
        raise ValueError("pedit action ... keys ... expected")
    keys = []
    for line in lines:
        key = _KEY.match(line)
        if key is None:
            raise ValueError(f"a key of pedit expected, not {line[:40]!r}")
        header = _HEADERS[key[1] or key[2] or "network"]
        keys.append(PeditKey(header, int(key[3]), int(key[5], 16), int(key[6], 16), key[4] == "add"))
    return Pedit(tuple(keys), _control(control[1], control[2] or control[3]) if control[1] != "pass" else PASS)


def _control(word: str, argument: str | None) -> Control:
    kind = "goto chain" if word == "goto" else word
    return Control(kind, int(argument or 0))  # type: ignore[arg-type]
