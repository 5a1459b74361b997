"""The sealed audit as a chain: each event carries the SHA-256 over itself and the seal before it.

A chain proves that nothing in its middle was edited, removed, added or moved. It cannot prove that its end is still there,
nor that it was not written anew as a whole: for that, heads of the chain (anchors) are kept where whoever alters the
chain cannot reach them. One event is one line of JSON, whose keys are sorted; the content counts, not how it is written.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from openova_console.handbook.canonical import sha256_of

START = "0" * 64
FIELDS = frozenset({"seq", "at", "event", "actor", "operation_id", "body", "previous", "seal"})
_TEXTS = FIELDS - {"seq", "body"}
_SEAL = b',"seal":"'


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head of the audit that was written outside its database.

    Attributes:
        seq: number of the event that was the newest; 0 when there was none.
        seal: its seal.
        at: when it was written, as text in UTC.
        place: where it was kept, for the sentence.
    """

    seq: int
    seal: str
    at: str
    place: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out of verifying a chain.

    Attributes:
        ok: whether the chain is unbroken and every anchor agrees.
        sentence: what a person reads.
        seq: number of the first event at which something is wrong; None when nothing is.
        events: how many events were good.
        head: seal of the last good event.
        anchors: how many anchors agree.
    """

    ok: bool
    sentence: str
    seq: int | None
    events: int
    head: str
    anchors: int


class Row(NamedTuple):
    """One event as it is stored; `body` is JSON text."""

    seq: int
    at: str
    event: str
    actor: str
    operation_id: str
    body: str
    previous: str
    seal: str


def seal_of(event: Mapping[str, Any]) -> str:
    """The seal of an event: the SHA-256 over the canonical JSON of all its fields but `seal`.

    Raises:
        ValueError: the event is no JSON.
    """
    return sha256_of({key: value for key, value in event.items() if key != "seal"})


def line_of(row: Row) -> bytes:
    """One stored event as its line of JSON, without a line break. `body` is taken as it is stored, whatever it is."""
    actor, at, event, operation_id, previous, seal = map(
        _quoted, (row.actor, row.at, row.event, row.operation_id, row.previous, row.seal)
    )
    body = row.body if isinstance(row.body, str) else _quoted(row.body)
    return (
        f'{{"actor":{actor},"at":{at},"body":{body},"event":{event},"operation_id":{operation_id},'
        f'"previous":{previous},"seal":{seal},"seq":{row.seq}}}'
    ).encode(errors="surrogatepass")


def _quoted(value: object) -> str:
    # SQLite keeps what it is given, whatever the column's type: what somebody put there must not stop a verification.
    return encode_basestring(value) if isinstance(value, str) else json.dumps(value, default=repr)


def verify(lines: Iterable[bytes], anchors: Sequence[Anchor] = ()) -> Verification:
    """Go through a whole chain, from its first event, and stop at the first fault.

    Args:
        lines: one event each, in the order of the chain; empty lines do not count.
        anchors: heads that were kept elsewhere; each must lie on this chain.
    """
    kept: dict[int, list[Anchor]] = defaultdict(list)
    for anchor in anchors:
        kept[anchor.seq].append(anchor)
    seq, head, agreed = 0, START, 0
    for anchor in kept.pop(0, ()):
        if anchor.seal != START:
            return _fault(0, head, agreed, seq=0, sentence=_rewritten(anchor))
        agreed += 1
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line:
            continue
        fault, found, seal = _next(line, number, seq, head)
        if fault:
            return _fault(seq, head, agreed, seq=found, sentence=fault)
        for anchor in kept.pop(seq + 1, ()):
            if anchor.seal != seal:
                return _fault(seq, head, agreed, seq=seq + 1, sentence=_rewritten(anchor))
            agreed += 1
        seq, head = seq + 1, seal
    for beyond in sorted(kept):
        anchor = kept[beyond][0]
        written = f"Event {beyond} was written to {anchor.place} at {anchor.at}"
        sentence = f"{written}, but the audit ends at event {seq}: its end was cut off."
        return _fault(seq, head, agreed, seq=seq + 1, sentence=sentence)
    events = "1 event" if seq == 1 else f"{seq} events"
    agree = "1 anchor agrees" if agreed == 1 else f"{agreed} anchors agree"
    return Verification(True, f"{events}, unbroken, head {head}, {agree}.", None, seq, head, agreed)


def _fault(events: int, head: str, agreed: int, *, seq: int, sentence: str) -> Verification:
    return Verification(False, sentence, seq, events, head, agreed)


def _rewritten(anchor: Anchor) -> str:
    return (
        f"Event {anchor.seq} is not the one that was written to {anchor.place} at {anchor.at}: "
        "the audit was written anew up to there, or comes from another database."
    )


def _next(line: bytes, number: int, seq: int, head: str) -> tuple[str, int, str]:
    """What is wrong with the event after event `seq` ("" when nothing is), at which event, and its seal."""
    wanted = seq + 1
    try:
        event = json.loads(line.decode())
    except (ValueError, RecursionError):
        return f"Line {number}, where event {wanted} should be, is no JSON: it was altered or cut off.", wanted, ""
    if reason := _shape(event):
        return f"Line {number}, where event {wanted} should be, {reason}: it is no event of an audit.", wanted, ""
    found = event["seq"]
    if found > wanted:
        return f"Event {wanted} is missing: event {found} comes after event {seq}.", wanted, ""
    if found < wanted:
        return f"Event {found} comes after event {seq}: it was added or moved.", found, ""
    if not _sealed(line, event):
        return f"Event {wanted} was altered: its seal does not fit its content.", wanted, ""
    if event["previous"] != head:
        before = f"event {seq}" if seq else "the start of an audit"
        return f"Event {wanted} was not written after {before}: one of the two was replaced.", wanted, ""
    return "", wanted, event["seal"]


def _shape(event: Any) -> str:
    if not isinstance(event, dict):
        return "is not an object"
    if event.keys() != FIELDS:
        wrong = sorted(FIELDS ^ event.keys())[0]
        return f"{'lacks' if wrong in FIELDS else 'has the unknown'} field {wrong[:40]!r}"
    if type(event["seq"]) is not int:
        return "has a seq that is no whole number"
    if not isinstance(event["body"], dict):
        return "has a body that is no object"
    for field in _TEXTS:
        if type(event[field]) is not str:
            return f"has a {field} that is no text"
    return ""


def _sealed(line: bytes, event: dict[str, Any]) -> bool:
    """Whether the event's seal is the one over its content.

    A line as it was exported is the sealed text with the seal put in, so that taking it out again is all. A line that was
    written in another way is read once more, without mercy for a key that comes twice, and put into canonical form.
    """
    seal: str = event["seal"]
    cut = line.rfind(_SEAL)
    end = cut + len(_SEAL) + 65
    if cut > 0 and hashlib.sha256(line[:cut] + line[end:]).hexdigest() == seal:
        return True
    try:
        read = json.loads(line.decode(), object_pairs_hook=_once)
        return seal_of(read) == seal
    except ValueError:
        return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("A key comes twice.")
    return read
