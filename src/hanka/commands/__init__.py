"""The commands that go on from a run: may it ship, has it drifted, who approved it. One module each.

`cli.py` holds the commands that make a run; each module here parses, calls `operations`, prints, and leaves with an exit
code: 0 done or passed, 1 failed, 2 the input is wrong, 3 inconclusive. Heavy imports stand inside the functions.
"""

from __future__ import annotations

import typer

from hanka.commands import log
from hanka.commands.ab import ab
from hanka.commands.advise import advise
from hanka.commands.cost import cost
from hanka.commands.emergence import emergence
from hanka.commands.gate import gate
from hanka.commands.judge import judge
from hanka.commands.monitor import monitor
from hanka.commands.rollback import rollback
from hanka.commands.rollout import rollout
from hanka.commands.sample import sample


def add_commands(app: typer.Typer) -> None:
    """Add all of them to the command line, in the order in which they are used."""
    app.command()(sample)
    app.command()(advise)
    app.command()(cost)
    app.command()(emergence)
    app.command()(gate)
    app.command()(judge)
    app.command()(rollout)
    app.add_typer(log.app, name="log")
    app.command()(rollback)
    app.command()(monitor)
    app.add_typer(ab)
