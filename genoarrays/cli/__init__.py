"""What can be done from the shell?

A command parses, calls public functions, prints. Options bear the names of the Python arguments. A
user's mistake is one line on standard error and exit code 2.
"""

from __future__ import annotations

import sys
import warnings

import click

from genoarrays import __version__
from genoarrays.cli.attributing import attribute
from genoarrays.cli.data import info, verify
from genoarrays.cli.effects import variants
from genoarrays.cli.evaluating import compare, score
from genoarrays.cli.exporting import export
from genoarrays.cli.ingest import ingest, plan
from genoarrays.cli.learning import train
from genoarrays.cli.looking import plot
from genoarrays.cli.predicting import predict
from genoarrays.cli.reporting import report
from genoarrays.cli.showing import demo
from genoarrays.errors import GenomeError

__all__ = ["cli", "main"]


class _InOrder(click.Group):
    """Commands in the order in which one needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which they were added."""
        return list(self.commands)


@click.group(
    cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="genoarrays")
def cli() -> None:
    """The labelled, lazy, out-of-core genome for machine learning.

    Coordinates are 0-based and half-open, in bp, region strings too; --one-based reads what genome
    browsers show. Start with: genoarrays demo
    """


for command in (
    demo, ingest, plan, info, verify, train, predict, score, compare, report, attribute, variants,
    export, plot,
):  # fmt: skip
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with 0, with 2 for a mistake of the user, else with 1."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        cli.main(arguments, prog_name="genoarrays", standalone_mode=False)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        see = f" (see {context.command_path} --help)" if context else ""
        click.echo(f"Error: {error.format_message()}{see}", err=True)
        sys.exit(2)
    except (GenomeError, OSError, ImportError) as error:
        click.echo(f"Error: {_in_words_of_the_shell(str(error))}", err=True)
        for note in getattr(error, "__notes__", []):
            click.echo(f"  {note}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; the same command goes on from here", err=True)
        sys.exit(130)


_WORDS = {
    'overwrite="changed" or overwrite=True': "--overwrite-changed or --overwrite",
    "overwrite=True": "--overwrite",
    "choose another out=": "choose another --out",
    "resume=True": "--resume",
    "ref_mismatch='drop'": "--mismatch skip",
    "append=True": "--append",
    "call begin() first": "begin with --plan-only",
    "ga.to_zarr": "genoarrays ingest",
    "fingerprint='whole'": "--fingerprint whole",
    "out_of_bounds='clip' or 'drop'": "--out-of-bounds clip or drop",
    "out_of_bounds='drop'": "--out-of-bounds drop",
    "out_of_bounds": "--out-of-bounds",
    'rename_contigs="match"': "--rename-contigs match",
}


def _in_words_of_the_shell(message: str) -> str:
    """A message of a function, with the options of the command in place of its arguments."""
    for word, other in _WORDS.items():
        message = message.replace(word, other)
    return message


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    click.echo(f"Warning: {message}", err=True)
