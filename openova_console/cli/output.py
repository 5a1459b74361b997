"""What every command shares: settings from a file, one sentence for a mistake, no tracebacks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from openova_console.access.passwords import WeakPassword
from openova_console.access.users import UserError
from openova_console.cli.offline import NotHere
from openova_console.settings import Settings, SettingsError, load
from openova_console.store.database import StoreError

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="OPENOVA_CONFIG", help="The settings file.", show_default=False),
]


def fail(sentence: str) -> NoReturn:
    """Print a sentence to standard error and exit with 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def settings_from(path: Path | None) -> Settings:
    """The settings, or one line per mistake and exit 1."""
    try:
        return load(path)
    except SettingsError as error:
        fail("\n".join(str(mistake) for mistake in error.mistakes))


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn what a person can mend into its sentence and exit 1."""
    try:
        yield
    except (StoreError, UserError, WeakPassword, NotHere) as error:
        fail(str(error))
