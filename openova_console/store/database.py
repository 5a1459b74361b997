"""The console's own database: SQLite by default, PostgreSQL by URL.

Store functions are synchronous and take a `Session`; async callers reach them through `in_thread`, which runs on one
dedicated pool so that store work never blocks the event loop. Writers on SQLite start with `BEGIN IMMEDIATE`: a
transaction that upgrades from reading to writing would fail instead of waiting. Nothing is opened at import time, since
production workers fork from a process that has imported the app.
"""

import asyncio
import contextvars
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Connection, DateTime, Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, SQLModel

P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000
_READING = "openova_reading"
_ALEMBIC = Path(__file__).resolve().parents[2] / "alembic"

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class StoreError(Exception):
    """The database cannot be used; the message is one sentence for a person."""


class UTCDateTime(TypeDecorator[datetime]):
    """An instant. Always aware and UTC in Python; SQLite, which knows no zones, stores it as naive UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored instant needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def open_engine(url: str) -> Engine:
    """The engine for this URL. Connects on first use only.

    Args:
        url: `sqlite:///…` or `postgresql+psycopg://…`.
    """
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        url,
        pool_size=5,
        max_overflow=5,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={"connect_timeout": 5, "application_name": "openova-console"},
    )


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling is switched off: it would begin late and never IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def session(engine: Engine) -> Iterator[Session]:
    """A writing session: commits when the block ends well, rolls back when it raises."""
    with Session(engine, expire_on_commit=False) as opened:
        yield opened
        opened.commit()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that only reads, and so never waits for a writer. Nothing written in it is kept."""
    with Session(engine.execution_options(**{_READING: True}), expire_on_commit=False) as opened:
        yield opened


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="store")


async def in_thread(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run synchronous store work on the store's own threads and await the result."""
    context = contextvars.copy_context()
    call = partial(context.run, partial(fn, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_pool(), call)


def check_writable(url: str) -> None:
    """Prove that the database can be written to.

    Raises:
        StoreError: one sentence: what is wrong, what it means, what to do.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        _check_sqlite_file(Path(parsed.database or ""))
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE TEMPORARY TABLE openova_writable (one INTEGER)"))
            connection.execute(text("DROP TABLE openova_writable"))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        shown = parsed.render_as_string(hide_password=True)
        raise StoreError(
            f"The database {shown} cannot be written to ({reason}), so the console cannot start: "
            "check that it runs and that console.database_url is right."
        ) from None
    finally:
        engine.dispose()


def _check_sqlite_file(path: Path) -> None:
    folder = path.parent
    advice = "name another folder in console.data_dir, or make this one writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} for the database cannot be made ({error.strerror}), so nothing could be kept: {advice}."
        ) from None
    for place in (folder, *([path] if path.exists() else [])):
        if not os.access(place, os.W_OK):
            raise StoreError(f"{place} cannot be written to, so nothing could be kept: {advice}.")


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to the newest schema, from whatever it has now. Works from any working directory.

    Raises:
        StoreError: when the database cannot be written to or a migration fails.
    """
    from alembic import command
    from alembic.util import CommandError

    check_writable(url)
    try:
        command.upgrade(alembic_config(url), revision)
    except (SQLAlchemyError, CommandError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise StoreError(
            f"The database could not be brought to this version's tables ({reason}), and was left as it was: "
            "restore the backup or start the version of the console that wrote it."
        ) from error


def alembic_config(url: str) -> Any:
    """Alembic's configuration for this database; `url` is passed outside the ini file, which would eat a % in it."""
    from alembic.config import Config

    config = Config(str(_ALEMBIC / "alembic.ini"))
    config.attributes["url"] = url
    return config
