"""How do options of a command come from a file?

`--config run.toml` holds options by their names, with - or _; what stands in the command line goes
before. Lists are options that are repeated, tables are NAME=VALUE pairs.

    inputs = ["dna", "dnase"]
    targets = ["bound"]
    width = 200
    flank = { dna = 150, dnase = 450 }
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

__all__ = ["config"]


def _read(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Make what the file says the defaults of the command."""
    if path is None:
        return
    try:
        told = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.BadParameter(f"{path}: {error}") from None
    known = {str(one.name): one for one in context.command.params if one is not parameter}
    names = {flag.lstrip("-").replace("-", "_"): one for one in known.values() for flag in one.opts}
    names |= known
    defaults: dict[str, Any] = {}
    for key, value in told.items():
        option = names.get(key.replace("-", "_"))
        if option is None:
            raise click.BadParameter(
                f"{path}: {key!r} is no option; there are {', '.join(sorted(names))}"
            )
        if isinstance(value, dict):
            value = [f"{name}={one}" for name, one in value.items()]
        elif option.multiple and not isinstance(value, list):
            value = [str(value)]
        elif isinstance(value, list) and not option.multiple:
            raise click.BadParameter(f"{path}: {key!r} takes one value, not a list")
        defaults[str(option.name)] = [*map(str, value)] if isinstance(value, list) else value
    context.default_map = {**(context.default_map or {}), **defaults}


config = click.option(
    "--config", type=click.Path(path_type=Path), is_eager=True, expose_value=False, callback=_read,
    help="TOML file of options; those of the command line go before.",
)  # fmt: skip
