"""The audit as a file of JSON Lines, and whether a file or a database holds it unbroken.

An export is read in batches, so that it takes the same memory for ten events and for ten million. A database is verified
through the same lines as a file. It is opened for reading only: looking for traces leaves none.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlmodel import col

from openova_console.handbook.seals import Anchor, Row, Verification, line_of, verify
from openova_console.store.change_tables import AuditEvent
from openova_console.store.database import StoreError, open_engine, reading

_BATCH = 1000
# An event has at most 64 KiB of body; a longer line is none.
_LINE_LIMIT = 1024 * 1024
_SQLITE_MAGIC = b"SQLite format 3\x00"
_COLUMNS = tuple(
    col(column)
    for column in (
        AuditEvent.seq,
        AuditEvent.at,
        AuditEvent.event,
        AuditEvent.actor,
        AuditEvent.operation_id,
        AuditEvent.body,
        AuditEvent.previous,
        AuditEvent.seal,
    )
)


def export(engine: Engine) -> Iterator[bytes]:
    """The whole audit, oldest event first, as chunks of JSON Lines; later events than those at the start are left out.

    Raises:
        StoreError: the database cannot be read or has no audit.
    """
    for batch in _batches(engine):
        yield b"\n".join(batch) + b"\n"


def verify_database(
    engine: Engine, anchors: Sequence[Anchor] = (), *, read: Callable[[int], None] = lambda _events: None
) -> Verification:
    """Verify the audit in a database.

    Args:
        read: hears how many more events were read, again and again until the end.

    Raises:
        StoreError: the database cannot be read or has no audit.
    """

    def lines() -> Iterator[bytes]:
        for batch in _batches(engine):
            yield from batch
            read(len(batch))

    return verify(lines(), anchors)


def verify_file(path: Path, anchors: Sequence[Anchor] = ()) -> Verification:
    """Verify an exported file of JSON Lines.

    Raises:
        StoreError: the file cannot be read.
    """
    try:
        return verify(_lines(path), anchors)
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}): name an exported audit or a database.") from None


def verify_place(place: str, anchors: Sequence[Anchor] = ()) -> Verification:
    """Verify what `place` names: a database's URL, a SQLite file or an exported file.

    Raises:
        StoreError: it cannot be read, or is a database without an audit.
    """
    if "://" not in place:
        path = Path(place)
        if not _is_sqlite(path):
            return verify_file(path, anchors)
        engine = _read_only(path)
    else:
        engine = open_read_only(place)
    try:
        return verify_database(engine, anchors)
    finally:
        engine.dispose()


def open_read_only(url: str) -> Engine:
    """An engine on a database that exists, for reading only where that is SQLite: nothing is made that was not there.

    Raises:
        StoreError: the URL is none, or names a file that cannot be read or is no SQLite database.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return open_engine(url)
    except (ArgumentError, ImportError):
        raise StoreError(
            "This is no address of a database: write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME."
        ) from None
    path = Path(parsed.database or "")
    if not _is_sqlite(path):
        raise StoreError(f"{path} is not a SQLite database: name the console's own, or an exported audit by its path alone.")
    return _read_only(path)


def _batches(engine: Engine) -> Iterator[list[bytes]]:
    last: int | None = None
    try:
        with reading(engine) as session:
            newest = session.execute(select(_COLUMNS[0]).order_by(_COLUMNS[0].desc()).limit(1)).scalar()
        while newest is not None:
            # Short transactions: a long one would keep SQLite's log from being folded back into the file.
            wanted = select(*_COLUMNS).where(_COLUMNS[0] <= newest).order_by(_COLUMNS[0]).limit(_BATCH)
            if last is not None:
                wanted = wanted.where(_COLUMNS[0] > last)
            with reading(engine) as session:
                rows = session.execute(wanted).all()
            if not rows:
                return
            last = rows[-1][0]
            yield [line_of(Row._make(row)) for row in rows]
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        shown = engine.url.render_as_string(hide_password=True)
        raise StoreError(
            f"The audit in {shown} cannot be read ({reason}): check that it is a console's database and that it runs."
        ) from None


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(_LINE_LIMIT):
            yield line


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}): name an exported audit or a database.") from None


def _read_only(path: Path) -> Engine:
    where = f"file:{quote(str(path.absolute()))}?mode=ro"
    return create_engine(f"sqlite:///{path}", creator=lambda: sqlite3.connect(where, uri=True, check_same_thread=False))
