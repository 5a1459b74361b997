"""`users`: local accounts, before the console has two administrators, and when it is lost (`offline`).

A password is typed or read from a file, never given as an argument: arguments are seen.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from openova_console.access import passwords, users
from openova_console.access.roles import Role
from openova_console.cli import offline
from openova_console.cli.output import Config, fail, one_sentence, settings_from
from openova_console.settings import Settings
from openova_console.store.database import migrate, open_engine, session
from openova_console.store.tables import User

app = typer.Typer(help="Local accounts: list them, make the first ones, and find back in when nobody can.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The account's name; case does not matter.", show_default=False)]
RoleOption = Annotated[Role, typer.Option("--role", "-r", help="What the account may do.", show_default=False)]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="Read the password from this file instead of asking.", show_default=False),
]
MustChange = Annotated[
    bool, typer.Option("--must-change/--keeps", help="Whether the password must be changed at the first sign-in.")
]


@dataclass(frozen=True)
class _Books:
    """The console's database, open for writing."""

    session: Session
    settings: Settings
    now: datetime
    begun: bool

    def by_name(self, name: str) -> User:
        return users.by_name_or_raise(session=self.session, name=name)

    def make_known(self, command: str, what: str, user: User) -> None:
        offline.make_known(self.session, command, what, user, self.now, loud=self.begun)


@contextmanager
def _books(config: Path | None) -> Iterator[_Books]:
    settings = settings_from(config)
    with one_sentence():
        migrate(settings.database_url)
        engine = open_engine(settings.database_url)
        try:
            with session(engine) as opened:
                yield _Books(opened, settings, datetime.now(UTC), offline.has_begun(opened))
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
    """Make one of the first accounts: any before there is an administrator, then the second administrator."""
    with _books(config) as books:
        offline.check_add(books.session, role)
    password = _password(password_file)
    with _books(config) as books:
        offline.check_add(books.session, role)
        user = users.add(session=books.session, name=name, password=password, role=role, now=books.now, must_change=must_change)
        books.make_known("add", f"was made as {user.role}", user)
    later = ", who must change the password at the first sign-in" if must_change else ""
    typer.echo(f"{user.name} is {user.role}{later}.")


@app.command("list")
def list_users(config: Config = None) -> None:
    """List all accounts."""
    with _books(config) as books:
        everyone = users.everyone(session=books.session)
        rows = [(user.name, user.role, _state(user), f"{user.created_at:%Y-%m-%d}") for user in everyone]
    if not rows:
        typer.echo("There are no accounts yet: start the console and use the code in its log, or `users add`.")
        return
    titles = ("name", "role", "state", "since")
    widths = [max(len(row[i]) for row in (titles, *rows)) for i in range(len(titles))]
    for row in (titles, *rows):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _state(user: User) -> str:
    if user.break_glass:
        return "used" if user.disabled else "sealed"
    return "disabled" if user.disabled else "open"


@app.command("disable")
def disable(name: Name, config: Config = None) -> None:
    """Close an account and end its sessions, before there is an administrator."""
    with _books(config) as books:
        offline.check_change(books.session, "disable-account")
        user = books.by_name(name)
        users.disable(session=books.session, user=user, now=books.now)
        books.make_known("disable", "was closed", user)
    typer.echo(f"{user.name} is disabled; open pages close within seconds.")


@app.command("set-role")
def set_role(
    name: Name, role: Annotated[Role, typer.Argument(help="The new role.", show_default=False)], config: Config = None
) -> None:
    """Change what an account may do, and end its sessions, before there is an administrator."""
    with _books(config) as books:
        offline.check_change(books.session, "change-role")
        user = books.by_name(name)
        if user.break_glass:
            raise offline.NotHere(f"{user.name} is the sealed account, which has no other role.")
        users.set_role(session=books.session, user=user, role=role, now=books.now)
        books.make_known("set-role", f"was made {user.role}", user)
    typer.echo(f"{user.name} is {user.role}; open pages close within seconds.")


@app.command("set-password")
def set_password(name: Name, password_file: PasswordFile = None, must_change: MustChange = True, config: Config = None) -> None:
    """Give an account a new password, and end its sessions, before there is an administrator."""
    with _books(config) as books:
        offline.check_change(books.session, "reset-password")
    password = _password(password_file)
    with _books(config) as books:
        offline.check_change(books.session, "reset-password")
        user = books.by_name(name)
        if user.break_glass:
            raise offline.NotHere(f"{user.name} is the sealed account: `users break-glass` gives it a new word.")
        users.set_password(session=books.session, user=user, password=password, now=books.now, must_change=must_change)
        books.make_known("set-password", "has a new password", user)
    typer.echo(f"{user.name} has a new password; open pages close within seconds.")


@app.command("break-glass")
def break_glass(name: Name, config: Config = None) -> None:
    """Seal an account for whoever is alone on call, before there are two administrators. Prints its word once."""
    word, word_hash = passwords.one_time_word()
    with _books(config) as books:
        offline.check_seal(books.session)
        user = users.seal(session=books.session, name=name, word_hash=word_hash, now=books.now)
        books.make_known("break-glass", "was sealed with a new word", user)
    typer.echo(f"{user.name} is sealed. Its word is shown this once: put it where only an emergency opens it.\n{word}")


@app.command("recover")
def recover(name: Name, config: Config = None) -> None:
    """Give an administrator a one-time word when nobody can sign in. Everybody is told, and it has to be reviewed."""
    word, word_hash = passwords.one_time_word()
    with _books(config) as books:
        user = books.by_name(name)
        offline.check_recover(books.session, user, books.settings.console, books.now)
        users.reset_with_word(session=books.session, user=user, word_hash=word_hash, now=books.now)
        if user.disabled:
            users.enable(session=books.session, user=user, now=books.now)
        books.make_known("recover", "was given a one-time word", user)
    typer.echo(f"{user.name} can sign in once with this word, and has to change it then:\n{word}")
