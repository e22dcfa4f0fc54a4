"""Rules as commands of BMv2's ``simple_switch_CLI`` (behavioral-model, ``docs/runtime_CLI.md``).

After its ``tools/runtime_CLI.py``. Tables: :mod:`.bmv2_tables`; action profiles, replication, value sets and state:
:mod:`.bmv2_objects`. Where entries have priorities the *smallest* wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .. import ir
from ..source import InputError, Unsupported
from .bmv2_objects import COMMANDS as OBJECTS
from .bmv2_session import Arguments, Cli, Command, Word, words
from .bmv2_tables import COMMANDS as TABLES
from .build import Builder, source_entries
from .ruleset import RuleSet

COMMANDS: Final[dict[str, Command]] = {**TABLES, **OBJECTS}
INERT: Final = re.compile(
    r"(show(_.*)?|help|echo|EOF|.*_(dump|info)|.*_dump_.*|table_(num_entries|show_actions|set_timeout)"
    r"|get_time_.*|set_queue_.*|(counter|register)_read|meter_get_rates|pvs_get|mirroring_get|port_(add|remove)"
    r"|write_config_to_file)"
)
"""Commands that show something, or change what no meaning looks at (queues, ports, timeouts)."""
NOT_MODELLED: Final = re.compile(r"set_crc(16|32)_parameters|load_new_config_file|swap_configs|mc_set_lag_membership")


def read_cli(text: str, name: str, program: ir.Program) -> RuleSet:
    """The rules that the commands install. Raises InputError with file, line and column."""
    cli = Cli(cli_builder(program))
    for at, line in enumerate(text.splitlines(), 1):
        parts = words(line, name, at)
        if parts:
            run_command(cli, parts)
    return cli.builder.finish()


def cli_builder(program: ir.Program) -> Builder:
    """A builder whose ranks are negated CLI priorities; source entries take 1, 2, ... in the order they win."""
    ranks = {}
    for _, table in program.tables():
        order = {rule.span: -(i + 1) for i, rule in enumerate(source_entries(program, table))}
        ranks[table.control_name] = [order.get(entry.span, 0) for entry in table.entries]
    return Builder(program, source_rank=ranks)


def run_command(cli: Cli, parts: Sequence[Word]) -> None:
    """Carry out one command.

    Raises:
        InputError: it is none, or does not fit the program; with its place.
        Unsupported: it changes what is not modelled.
    """
    (verb, span), rest = parts[0], list(parts[1:])
    handler = COMMANDS.get(verb)
    if handler is not None:
        handler(cli, Arguments(rest, span))
    elif NOT_MODELLED.fullmatch(verb):
        raise Unsupported(f"command {verb}", span)
    elif not INERT.fullmatch(verb):
        raise InputError.at(span, f"command {verb} is not understood here")
