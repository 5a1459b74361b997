"""The commands, put together."""

from pathlib import Path
from typing import Annotated

import typer

from openova_console.cli import audit, frontend, run, status, users
from openova_console.cli.output import Config, fail, one_sentence, settings_from
from openova_console.settings import Settings, SettingsError, load
from openova_console.store.database import migrate as migrate_database

app = typer.Typer(
    name="openova",
    help="The control room of a two-region platform.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(users.app, name="users")
app.add_typer(audit.app, name="audit")
app.command()(status.status)

app.command(name="run")(run.run)


@app.command()
def build() -> None:
    """Build the pages, if their inputs changed since the last time."""
    try:
        frontend.ensure()
    except frontend.BuildError as error:
        fail(str(error))
    typer.echo("The pages are built.")


@app.command("check-config")
def check_config(file: Annotated[Path, typer.Argument(help="The settings file.", show_default=False)]) -> None:
    """Check a settings file: one line per mistake and exit 1, or one line that sums it up."""
    try:
        settings = load(file)
    except SettingsError as error:
        fail("\n".join(str(mistake) for mistake in error.mistakes))
    typer.echo(_summary(file, settings))


def _summary(file: Path, settings: Settings) -> str:
    regions = " and ".join(f"{region.id} ({region.role})" for region in settings.regions)
    dr = "" if len(settings.regions) == 2 else ", no second region to fail over to"
    return f"{file}: good. {settings.environment.name}: {regions}{dr}, looked at from {settings.console.looks_from}."


@app.command()
def migrate(config: Config = None) -> None:
    """Bring the database to the newest tables. Safe to repeat."""
    settings = settings_from(config)
    with one_sentence():
        migrate_database(settings.database_url)
    typer.echo("The database has the newest tables.")


def main() -> None:
    """Run the command line."""
    app()
