"""`users`: local accounts. A password is typed or read from a file, never given as an argument: arguments are seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from openova_console.access import users
from openova_console.access.roles import Role
from openova_console.cli.output import Config, fail, one_sentence, settings_from
from openova_console.store.database import migrate, open_engine, session

app = typer.Typer(help="Local accounts: add, list, disable, change role or password.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The account's name; case does not matter.", show_default=False)]
RoleOption = Annotated[Role, typer.Option("--role", "-r", help="What the account may do.", show_default=False)]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="Read the password from this file instead of asking.", show_default=False),
]
MustChange = Annotated[
    bool, typer.Option("--must-change/--keeps", help="Whether the password must be changed at the first sign-in.")
]


@contextmanager
def _store(config: Path | None) -> Iterator[Session]:
    settings = settings_from(config)
    with one_sentence():
        migrate(settings.database_url)
        engine = open_engine(settings.database_url)
        try:
            with session(engine) as opened:
                yield opened
        finally:
            engine.dispose()


def _password(file: Path | None) -> str:
    if file is None:
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt="Password again"))
    try:
        # Editors end a file with a line break, which nobody types.
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        fail(f"The password file {file} cannot be read ({reason}): name a readable file.")


@app.command("add")
def add(
    name: Name,
    role: RoleOption,
    password_file: PasswordFile = None,
    must_change: MustChange = True,
    config: Config = None,
) -> None:
    """Make an account."""
    password = _password(password_file)
    with _store(config) as opened:
        user = users.add(session=opened, name=name, password=password, role=role, now=datetime.now(UTC), must_change=must_change)
    later = ", who must change the password at the first sign-in" if must_change else ""
    typer.echo(f"{user.name} is {user.role}{later}.")


@app.command("list")
def list_users(config: Config = None) -> None:
    """List all accounts."""
    with _store(config) as opened:
        everyone = users.everyone(session=opened)
        rows = [
            (user.name, user.role, "disabled" if user.disabled else "open", f"{user.created_at:%Y-%m-%d}") for user in everyone
        ]
    if not rows:
        typer.echo("There are no accounts yet: start the console and use the code in its log, or `users add`.")
        return
    titles = ("name", "role", "state", "since")
    widths = [max(len(row[i]) for row in (titles, *rows)) for i in range(len(titles))]
    for row in (titles, *rows):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@app.command("disable")
def disable(name: Name, config: Config = None) -> None:
    """Close an account and end its sessions."""
    with _store(config) as opened:
        user = users.by_name_or_raise(session=opened, name=name)
        users.disable(session=opened, user=user, now=datetime.now(UTC))
    typer.echo(f"{user.name} is disabled; open pages close within seconds.")


@app.command("set-role")
def set_role(
    name: Name, role: Annotated[Role, typer.Argument(help="The new role.", show_default=False)], config: Config = None
) -> None:
    """Change what an account may do, and end its sessions."""
    with _store(config) as opened:
        user = users.by_name_or_raise(session=opened, name=name)
        users.set_role(session=opened, user=user, role=role, now=datetime.now(UTC))
    typer.echo(f"{user.name} is {user.role}; open pages close within seconds.")


@app.command("set-password")
def set_password(name: Name, password_file: PasswordFile = None, must_change: MustChange = True, config: Config = None) -> None:
    """Give an account a new password, and end its sessions."""
    password = _password(password_file)
    with _store(config) as opened:
        user = users.by_name_or_raise(session=opened, name=name)
        users.set_password(session=opened, user=user, password=password, now=datetime.now(UTC), must_change=must_change)
    typer.echo(f"{user.name} has a new password; open pages close within seconds.")
