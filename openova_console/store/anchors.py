"""Heads of the audit outside its database: an append-only file, a note of every attempt, and what they prove at start.

Whoever can alter the database can make a new chain, but not one that passes through the heads that lie elsewhere. The file
is only ever appended to, one line of JSON a head, each flushed to the disk. A line that a crash cut short is closed with a
mark by the next writer, so that it is told from a line that somebody altered.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from openova_console.handbook.canonical import canonical
from openova_console.handbook.seals import START, Anchor
from openova_console.store.audit import head, instant
from openova_console.store.change_tables import AnchorRow, AuditEvent
from openova_console.store.database import reading

_CUT = b"#cut"
_TAIL = 4096
_CHUNK = 500
_SEAL = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_SENTENCE_LIMIT = 500


class AnchorError(Exception):
    """An anchor file cannot be written or believed; the message is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class AnchorFile:
    """What an anchor file holds.

    Attributes:
        anchors: in the order in which they were written.
        broken: a sentence about lines that a crash cut short; empty when there are none.
    """

    anchors: tuple[Anchor, ...]
    broken: str


def write_file_anchor(path: Path, *, seq: int, seal: str, now: datetime) -> None:
    """Append one head to the file, which is made with mode 0600 when it is not there, and flush it to the disk.

    Args:
        seq, seal: number and seal of the newest event, as `audit.head` gives them.
        now: aware.

    Raises:
        AnchorError: it could not be written whole.
    """
    line = canonical({"at": instant(now), "seal": seal, "seq": seq}).encode() + b"\n"
    try:
        with _appending(path) as file:
            closing = _closing(file)
            written = os.write(file, closing + line)
            os.fsync(file)
    except OSError as error:
        raise AnchorError(
            f"The anchor file {path} cannot be written ({error.strerror}), so the audit's head lies only where it was before: "
            "make its folder writable or name another in operations.anchor_file."
        ) from None
    if written != len(closing + line):
        raise AnchorError(f"The anchor file {path} took only a part of the audit's head: is the disk full?")


def read_file_anchors(path: Path, *, missing_ok: bool = False) -> AnchorFile:
    """All heads in an anchor file.

    Args:
        missing_ok: a file that is not there holds no heads, instead of being an error.

    Raises:
        AnchorError: it cannot be read, or a line that no crash explains is no anchor.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        if missing_ok:
            return AnchorFile((), "")
        raise AnchorError(f"The anchor file {path} is not there: name the file that the console writes.") from None
    except OSError as error:
        raise AnchorError(f"The anchor file {path} cannot be read ({error.strerror}).") from None
    anchors, cut = [], []
    for number, line in enumerate(lines, 1):
        anchor = _anchor(line, str(path))
        if anchor:
            anchors.append(anchor)
        elif line.endswith(_CUT) or (line and number == len(lines)):
            cut.append(str(number))
        elif line:
            raise AnchorError(f"Line {number} of the anchor file {path} is no anchor, and no crash explains it: it was altered.")
    broken = f"{path} has lines that a crash cut short ({', '.join(cut)}); the others count." if cut else ""
    return AnchorFile(tuple(anchors), broken)


def anchor_from(data: object, place: str) -> Anchor | None:
    """A head as a ConfigMap holds it: everything is text there. None when it is none."""
    if not isinstance(data, Mapping):
        return None
    number, seal, at = data.get("seq"), data.get("seal"), data.get("at")
    if not isinstance(number, str) or not isinstance(seal, str) or not isinstance(at, str):
        return None
    good = _NUMBER.fullmatch(number) and _SEAL.fullmatch(seal)
    return Anchor(int(number), seal, at[:64], place) if good else None


def record(*, session: Session, seq: int, seal: str, place: str, ok: bool, sentence: str = "", now: datetime) -> AnchorRow:
    """Note an attempt to write a head somewhere, in the caller's transaction.

    Args:
        place: where, e.g. "file" or "region-1"; at most 120 characters.
        ok: whether it lies there now.
        sentence: why not.
    """
    row = AnchorRow(seq=seq, seal=seal, place=place, ok=ok, sentence=sentence[:_SENTENCE_LIMIT], at=now)
    session.add(row)
    session.flush()
    return row


def newest(session: Session, *, that_worked: bool = False) -> dict[str, AnchorRow]:
    """The newest attempt for each place, or the newest that worked."""
    chosen = select(func.max(AnchorRow.id)).group_by(col(AnchorRow.place))
    last = (chosen.where(col(AnchorRow.ok).is_(True)) if that_worked else chosen).scalar_subquery()
    rows = session.execute(select(AnchorRow).where(col(AnchorRow.id).in_(last)).order_by(col(AnchorRow.place))).scalars()
    return {row.place: row for row in rows}


def restored(engine: Engine, anchors: Sequence[Anchor]) -> str:
    """How this database contradicts heads that were written outside it; empty when it does not.

    A database that ends before such a head, or has another event there, was restored from a backup or made anew: what was
    done since is not in it.
    """
    found = contradicting(engine, anchors)
    if not found:
        return ""
    with reading(engine) as session:
        seq, _ = head(session)
    return _contradiction(found[0], seq, max(anchors, key=lambda anchor: anchor.seq))


def contradicting(engine: Engine, anchors: Sequence[Anchor]) -> tuple[Anchor, ...]:
    """The heads that are not in this database, by their number."""
    kept = sorted(set(anchors), key=lambda anchor: anchor.seq)
    found: list[Anchor] = []
    with reading(engine) as session:
        for first in range(0, len(kept), _CHUNK):
            chunk = kept[first : first + _CHUNK]
            wanted = select(col(AuditEvent.seq), col(AuditEvent.seal)).where(col(AuditEvent.seq).in_({a.seq for a in chunk}))
            seals = {0: START, **{row[0]: row[1] for row in session.execute(wanted)}}
            found += [anchor for anchor in chunk if seals.get(anchor.seq) != anchor.seal]
    return tuple(found)


def _contradiction(anchor: Anchor, seq: int, newest_kept: Anchor) -> str:
    if anchor.seq > seq:
        return (
            f"This database ends at audit event {seq}, but event {newest_kept.seq} was written to {newest_kept.place} "
            f"at {newest_kept.at}: it was restored from a backup, and what was done since is not in it."
        )
    return (
        f"Audit event {anchor.seq} of this database is not the one that was written to {anchor.place} at {anchor.at}: "
        "it was restored from a backup or is another database."
    )


@contextmanager
def _appending(path: Path) -> Iterator[int]:
    made = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)
    if made:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _closing(file: int) -> bytes:
    """What ends the last line, when a crash left it without its end."""
    size = os.fstat(file).st_size
    tail = os.pread(file, _TAIL, max(0, size - _TAIL))
    last = tail.rpartition(b"\n")[2]
    if not last:
        return b""
    return b"\n" if _anchor(last, "") else _CUT + b"\n"


def _anchor(line: bytes, place: str) -> Anchor | None:
    try:
        read = json.loads(line)
        seq, seal, at = read["seq"], read["seal"], read["at"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    good = type(seq) is int and seq >= 0 and isinstance(seal, str) and _SEAL.fullmatch(seal) and isinstance(at, str)
    return Anchor(seq, seal, at, place) if good else None
