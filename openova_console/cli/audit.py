"""`audit`: verify the sealed audit offline, and export it as JSON Lines."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from openova_console.cli.output import Config, fail, one_sentence, settings_from
from openova_console.handbook.seals import Anchor
from openova_console.store.anchors import AnchorError, read_file_anchors
from openova_console.store.audit_file import export, open_read_only, verify_place
from openova_console.store.database import StoreError

app = typer.Typer(help="The sealed audit: verify it, export it.", no_args_is_help=True)

_CANNOT = 2

Place = Annotated[
    str,
    typer.Argument(metavar="FILE|DB", help="An exported file, a SQLite file, or a database's URL.", show_default=False),
]
AnchorFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--anchor", "-a", help="A file of anchors that each must lie on the chain; may be repeated.", show_default=False
    ),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write to this new file instead.", show_default=False)]


@app.command("verify")
def verify(place: Place, anchor: AnchorFiles = None) -> None:
    """Say in one sentence whether an audit is unbroken.

    Exits with 0 when it is, 1 when it is not, 2 when that could not be found out. Only anchors from elsewhere show that
    the end is still there and that the whole was not written anew.
    """
    try:
        anchors = _anchors(anchor or [])
        found = verify_place(place, anchors)
    except (StoreError, AnchorError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_CANNOT) from None
    if not found.ok:
        fail(found.sentence)
    typer.echo(found.sentence)


@app.command("export")
def export_audit(out: Out = None, config: Config = None) -> None:
    """Write the whole audit as JSON Lines, oldest event first, to standard output or a new file."""
    settings = settings_from(config)
    with one_sentence():
        engine = open_read_only(settings.database_url)
        try:
            with _target(out) as file:
                for chunk in export(engine):
                    file.write(chunk)
        finally:
            engine.dispose()


def _anchors(files: list[Path]) -> list[Anchor]:
    anchors: list[Anchor] = []
    for file in files:
        read = read_file_anchors(file)
        if read.broken:
            typer.echo(read.broken, err=True)
        anchors.extend(read.anchors)
    return anchors


@contextmanager
def _target(out: Path | None) -> Iterator[BinaryIO]:
    if out is None:
        yield typer.get_binary_stream("stdout")
        return
    try:
        # Who did what is not for everybody to read; and what is there already may be the only copy.
        file = os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
    except FileExistsError:
        fail(f"{out} exists already and stays as it is: name a new file.")
    except OSError as error:
        fail(f"{out} cannot be written ({error.strerror}): name a new file in a folder that is writable.")
    try:
        with file:
            yield file
    except BaseException as error:
        # A part must not pass for the whole.
        out.unlink()
        if isinstance(error, OSError):
            fail(f"{out} could not be written to its end ({error.strerror}) and was removed again.")
        raise
