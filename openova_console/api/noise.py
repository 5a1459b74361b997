"""What a browser can make the framework log by sending it nonsense: one short line each, and never many of them.

The framework logs an unusable message with its whole content and a traceback. Both are chosen by whoever sends it, up to a
megabyte at a time: they would fill the disk, hide what matters, and could be made to look like other lines.
"""

import logging
import re
import time
import traceback
from collections.abc import Callable

MOST_PER_MINUTE = 30
_LONGEST = 2000
_SENTENCE = "a browser sent a message that cannot be used, so it was dropped"
# Logger → how the lines begin that it writes about what a browser sent.
_ABOUT_MESSAGES: dict[str, tuple[str, ...]] = {
    "engineio.server": ("message async handler error", "message handler error", "Unknown receive error"),
    "socketio.server": ("",),
    "reflex.app": ("Received event",),
    "reflex_base.event.processor.event_processor": ("Error processing event queue entry",),
    "reflex_base.event.processor.base_state_processor": ("Error transforming event payload",),
}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: str) -> str:
    """The text without line breaks and other control characters, cut to a length that a log can bear."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
    return _CONTROLS.sub(lambda found: " " if found.group() in "\t\r\n" else f"\\x{ord(found.group()):02x}", short).strip()


class BrowserNoise(logging.Filter):
    """Filter for the handler that writes: shortens lines about unusable messages, and lets few of them through.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._since = float("-inf")
        self._written = 0

    def filter(self, record: logging.LogRecord) -> bool:
        begins = _ABOUT_MESSAGES.get(record.name)
        if begins is None or record.levelno < logging.WARNING or not str(record.msg).startswith(begins):
            return True
        now = self._clock()
        if now - self._since >= 60:
            self._since, self._written = now, 0
        self._written += 1
        if self._written > MOST_PER_MINUTE:
            return False
        last = "; the rest of this minute's are not logged" if self._written == MOST_PER_MINUTE else ""
        record.msg, record.args = f"{_SENTENCE}{_where(record)}{last}", ()
        record.exc_info = record.exc_text = record.stack_info = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _where(record: logging.LogRecord) -> str:
    """The kind of error and the line of code, which hold nothing of what was sent."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    at = f", {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return f" ({type(error).__name__}{at})"
