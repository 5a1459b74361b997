"""Logs: one line per event, as JSON or for a person, without secrets.

Reflex logs an unknown event with all of its headers, cookies included, and names client tokens, which are the keys of a
browser's state. What such lines hold is chosen by whoever sends it, so every line of every logger is redacted: by the name
of the field where there is one, by shape otherwise.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal

import structlog

from openova_console.api.noise import BrowserNoise, one_line

HIDDEN = "[hidden]"
_LONGEST_SEARCHED = 20_000
_SECRET_NAMES = re.compile(r"(?i)cookie|authorization|password|passwd|secret|api[-_]?key|csrf|token|setup[-_]?code|payload")
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # 'cookie': '…', "Authorization": "…", token='…', client_token: "…"
    (
        re.compile(
            r"""(?ix)(["']?[\w-]*(?:cookie|authorization|password|secret|csrf|token|api[-_]key)["']?\s*[:=]\s*)
            b?(["'])(?:\\.|(?!\2).)*\2"""
        ),
        rf"\1\2{HIDDEN}\2",
    ),
    (re.compile(r"(?i)\b((?:__Host-)?openova(?:-csrf)?=)[^\s;,'\"]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)([?&](?:token|code|password|csrf)=)[^&\s'\"]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(disconnected client |client token |token )'?[\w-]{8,}'?"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:set-)?cookie\s*:\s*)[^\n'\"]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(://[^\s/:@]+:)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    # event payloads, as reflex prints an Event
    (re.compile(r"(payload=)\{.*?\}(?=,\s*\w+=|\)|$)", re.S), rf"\1{HIDDEN}"),
)


def redact(text: str) -> str:
    """The text without what looks like a cookie, a token, a password or an event's payload."""
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def _hide(value: Any, name: str = "") -> Any:
    if name and _SECRET_NAMES.search(name):
        return HIDDEN
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _hide(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_hide(inner) for inner in value]
    return value


def redactor(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Structlog processor: hides values by the name of their field and by their shape; the message is one line."""
    # Cut twice: what browsers send must not be searched by the megabyte, and what is hidden must not be cut in half.
    message = one_line(redact(str(event.get("event", ""))[:_LONGEST_SEARCHED]))
    return {**{key: _hide(value, key) for key, value in event.items() if key != "event"}, "event": message}


def configure(*, style: Literal["json", "console"] = "console", level: int = logging.INFO) -> None:
    """Send all logs of this process to standard error, one redacted line per event. Call once, at the start."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        # After everything that makes text, before it is rendered: a rendered line could be broken by it.
        redactor,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(BrowserNoise())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Loggers with handlers of their own would print the same line a second time, as it came.
    for name in list(logging.root.manager.loggerDict):
        own = logging.getLogger(name)
        if own.handlers:
            own.handlers[:] = []
            own.propagate = True
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
