"""What every request to the API passes first: how many, how large, how deep, and in what form.

Bodies are read here whole, at most 64 KiB, and have to be plain JSON: UTF-8, no name twice, no NaN, no endless nesting, no text
that a database could not keep. What fails further in is logged, and answered without a word of what it was.
"""

import json
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from openova_console.access.arrival import Scope, header_of
from openova_console.access.gate import App, Receive, Send
from openova_console.api.rest.callers import key_of
from openova_console.api.rest.problems import failure, problem
from openova_console.settings.api import ApiSettings

BODY_LIMIT = 64 * 1024
DEPTH_LIMIT = 24
_LARGEST = 2**53
_MOST_CALLERS = 4096
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_log = logging.getLogger(__name__)


class BadBody(Exception):
    """The body cannot be used. `code` is the problem's; the message is one sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Buckets:
    """Token buckets, one per caller: `burst` at once, `rate` each second for long. `clock` gives monotonic seconds."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, float(burst), clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one token. Returns 0, or for how many seconds there will be none."""
        now = self._clock()
        level, at = self._levels.pop(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._rate)
        enough = level >= 1
        self._levels[key] = (level - 1 if enough else level, now)
        if len(self._levels) > _MOST_CALLERS:
            self._levels.popitem(last=False)
        return 0.0 if enough else (1 - level) / self._rate


def check_json(body: bytes) -> None:
    """Refuse what is no plain JSON. Raises `BadBody`."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadBody("params", "The request is not UTF-8: send JSON as RFC 8259 has it.") from None
    if _depth(text) > DEPTH_LIMIT:
        raise BadBody("params", f"The request is nested deeper than {DEPTH_LIMIT} levels.")
    try:
        _check_text(json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_whole))
    except json.JSONDecodeError:
        raise BadBody("params", "The request is no JSON: send one JSON object.") from None


def _depth(text: str) -> int:
    depth = deepest = 0
    inside = escaped = False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadBody("params", "The request names a field twice: which of them counts is not clear.")
    for key in found:
        _check_string(key)
    return found


def _no_constant(word: str) -> Any:
    raise BadBody("params", f"{word} is no number of JSON: leave it out or write null.")


def _whole(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > _LARGEST:
        raise BadBody("params", "The request holds a whole number beyond 2^53, which readers of JSON round.")
    return int(digits)


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        _check_string(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadBody("params", "The request holds a number that is too large.")
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, dict):
        for item in value.values():
            _check_text(item)


def _check_string(text: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadBody("params", "The request holds text that cannot be kept: a NUL, or half of a surrogate pair.")


class Shield:
    """ASGI middleware around the API.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, app: App, settings: ApiSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._reads = Buckets(settings.reads_per_s, settings.reads_burst, clock)
        self._writes = Buckets(settings.writes_per_s, settings.writes_burst, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wait = (self._reads if scope["method"] in _READS else self._writes).take(key_of(scope))
        if wait:
            seconds = math.ceil(wait)
            sentence = f"You ask more often than the console answers: try again in {seconds} s."
            answer = problem("rate", sentence, headers={"Retry-After": str(seconds)})
            await answer(scope, receive, send)
            return
        try:
            body = await _body(scope, receive)
        except BadBody as bad:
            await problem(bad.code, str(bad))(scope, receive, send)
            return
        await self._guarded(scope, _replayed(body, receive), send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Any) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = [(k, v) for k, v in message.get("headers", ()) if k.lower() != b"cache-control"]
                message = {**message, "headers": [*headers, (b"cache-control", b"no-store")]}
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:  # noqa: BLE001 - nobody further out knows how the API says it
            _log.exception("a request to the API failed")
            if not begun:
                await failure()(scope, receive, send)


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body, checked. Raises `BadBody`."""
    declared = header_of(scope, b"content-length")
    if declared.isascii() and declared.isdigit() and int(declared) > BODY_LIMIT:
        raise BadBody("too-large", f"The request is larger than {BODY_LIMIT // 1024} KiB.")
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_LIMIT:
            raise BadBody("too-large", f"The request is larger than {BODY_LIMIT // 1024} KiB.")
    if body:
        kind = header_of(scope, b"content-type").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise BadBody("media-type", "Send the request as application/json.")
        check_json(body)
    return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more for the application; afterwards what the connection says."""
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
