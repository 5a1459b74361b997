"""The query of a list or a watch, parsed and judged as the API server does."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from openova_console.lab.kube import golang
from openova_console.lab.kube.errors import Cause, bad_request, bad_revision, invalid
from openova_console.lab.kube.kinds import Kind
from openova_console.lab.kube.paths import TRUE, watches
from openova_console.lab.kube.records import Record
from openova_console.lab.kube.selectors import Matches, by_fields, by_labels

_INCONSISTENT = -1


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where the next page starts: at the key `start` in the list of `revision`, or of now when `revision` is -1."""

    revision: int
    start: str

    @property
    def consistent(self) -> bool:
        return self.revision != _INCONSISTENT

    def token(self) -> str:
        """The opaque text that a client sends back."""
        text = json.dumps({"v": "meta.k8s.io/v1", "rv": self.revision, "start": self.start}, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def inconsistent(self) -> "Continuation":
        """The same place in whatever the list is then."""
        return Continuation(_INCONSISTENT, self.start)

    @classmethod
    def parse(cls, token: str) -> "Continuation":
        """Raises `Refusal` 400 for a token that the server did not make."""
        wrong = "invalid continue token: continue key is not valid: "
        try:
            foreign = re.search(r"[^A-Za-z0-9_-]", token)
            if foreign is not None:
                raise bad_request(f"{wrong}illegal base64 data at input byte {foreign.start()}")
            text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            content = golang.decode(text)
            return cls(int(content["rv"]), str(content["start"]))
        except binascii.Error:
            raise bad_request(f"{wrong}illegal base64 data at input byte {max(len(token) - 1, 0)}") from None
        except golang.NotJson as error:
            raise bad_request(f"{wrong}{error}") from None
        except (KeyError, TypeError, ValueError):
            raise bad_request(f"{wrong}server version does not match") from None


@dataclass(frozen=True, slots=True)
class ListOptions:
    """A list or a watch, ready to be answered. `revision` is "" when the query names none."""

    revision: str
    match: str
    limit: int
    continuation: Continuation | None
    labels: Matches | None
    fields: Matches | None
    watch: bool
    timeout_s: float
    bookmarks: bool
    initial_events: bool

    @property
    def selective(self) -> bool:
        return self.labels is not None or self.fields is not None

    def admits(self, record: Record) -> bool:
        """Whether the selectors let the object through."""
        return (self.labels is None or self.labels(record)) and (self.fields is None or self.fields(record))

    def number(self) -> int:
        """The revision as a number, 0 when none is named. Raises `Refusal` for one that is no number."""
        if not self.revision:
            return 0
        if not self.revision.isascii() or not self.revision.isdigit():
            raise bad_revision(self.revision, listing=not self.watch)
        return int(self.revision)


def list_options(query: Mapping[str, str], kind: Kind) -> ListOptions:
    """Parse the query. Raises `Refusal` 400 or 422."""
    watch = watches(query)
    match, revision = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    token = query.get("continue", "")
    initial_events = _flag(query, "sendInitialEvents")
    _judge(watch, revision, match, token, initial_events)
    if token and revision and revision != "0":
        raise bad_request("specifying resource version is not allowed when using continue")
    return ListOptions(
        revision=revision,
        match=match,
        limit=_number(query, "limit"),
        continuation=Continuation.parse(token) if token else None,
        labels=by_labels(query.get("labelSelector", "")),
        fields=by_fields(query.get("fieldSelector", ""), kind),
        watch=watch,
        timeout_s=float(_number(query, "timeoutSeconds")),
        bookmarks=_flag(query, "allowWatchBookmarks"),
        initial_events=initial_events,
    )


def _flag(query: Mapping[str, str], name: str) -> bool:
    return name in query and query[name] in TRUE


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    try:
        return int(text) if text else 0
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _judge(watch: bool, revision: str, match: str, token: str, initial_events: bool) -> None:
    """The server's rules for resourceVersionMatch and sendInitialEvents. Raises `Refusal` 422."""
    if initial_events and not watch:
        told = "sendInitialEvents is forbidden for list"
        raise _forbidden("sendInitialEvents", told)
    if watch:
        _judge_watch(match, initial_events)
        return
    if not match:
        return
    if token:
        raise _forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
    if not revision:
        raise _forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match not in ("Exact", "NotOlderThan"):
        message = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        raise _wrong(Cause("FieldValueNotSupported", message, "resourceVersionMatch"))
    if match == "Exact" and revision == "0":
        raise _forbidden("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')


def _judge_watch(match: str, initial_events: bool) -> None:
    if match == "NotOlderThan" if initial_events else not match:
        return
    told = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
    if initial_events:
        told = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    causes = [Cause("FieldValueForbidden", f"Forbidden: {told}", "resourceVersionMatch")]
    if match not in ("", "NotOlderThan"):
        told = f'Unsupported value: "{match}": supported values: "NotOlderThan"'
        causes.append(Cause("FieldValueNotSupported", told, "resourceVersionMatch"))
    raise _wrong(*causes)


def _forbidden(field: str, told: str) -> Exception:
    return _wrong(Cause("FieldValueForbidden", f"Forbidden: {told}", field))


def _wrong(*causes: Cause) -> Exception:
    return invalid("ListOptions", "meta.k8s.io", "", causes)
