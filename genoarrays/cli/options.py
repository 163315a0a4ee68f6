"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["check", "name_values", "overwrite", "progress", "pairs", "split_names"]

overwrite = click.option("--overwrite", is_flag=True, help="Replace what an earlier run wrote.")
check = click.option(
    "--check/--no-check", default=True, show_default=True, help="Compare the store with what the "
    "model was trained on: genome, labels, values of a few windows; not for other samples.",
)  # fmt: skip
progress = click.option(
    "--progress/--no-progress", default=None, help="Progress bars; by default on a terminal only."
)


def split_names(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> list[str]:
    """Names given as `a,b` or by repeating the option."""
    return [name for value in values for name in value.split(",") if name]


def pairs(convert: Callable[[str], Any]) -> Callable[..., dict[str, Any]]:
    """Callback for options such as `--flank dna=150,dnase=450`."""

    def read(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Any:
        found = {}
        for pair in (p for value in values for p in value.split(",") if p):
            name, equals, text = pair.partition("=")
            try:
                if not equals:
                    raise ValueError
                found[name] = convert(text)
            except ValueError:
                raise click.BadParameter(
                    f"{pair!r} is not NAME=VALUE with a value of type {convert.__name__}"
                ) from None
        return found

    return read


def name_values(
    flag: str, convert: Callable[[str], Any], text: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Option of NAME=VALUE pairs."""
    return click.option(
        flag, multiple=True, metavar="NAME=VALUE", callback=pairs(convert), help=text
    )
