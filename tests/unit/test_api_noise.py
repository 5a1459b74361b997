"""What browsers can make the framework log: short, without content, and not without end."""

import logging

import pytest

from openova_console.api.noise import MOST_PER_MINUTE, BrowserNoise, one_line


def _record(name: str, message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord(name, logging.ERROR, "x.py", 1, message, (), info)


def _raised(error: BaseException) -> BaseException:
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("engineio.server", "message async handler error"),
        ("engineio.server", "Unknown receive error"),
        ("reflex.app", "Received event data as a string. Event data: SENT"),
        ("reflex_base.event.processor.event_processor", "Error processing event queue entry for Event(name='SENT')"),
        ("reflex_base.event.processor.base_state_processor", "Error transforming event payload for handler X.y: SENT"),
    ],
)
def test_an_unusable_message_leaves_one_line_without_what_was_sent(name, message):
    record = _record(name, message, _raised(ValueError("SENT\nTraceback (most recent call last)")))
    assert BrowserNoise().filter(record)
    assert "SENT" not in record.getMessage()
    assert "ValueError, _raised:" in record.getMessage()
    assert record.exc_info is None
    assert record.levelname == "WARNING"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openova_console.web.components.trouble", "an event of a page failed"),
        ("reflex.app", "something else"),
        ("engineio.server", "x"),
    ],
)
def test_what_is_not_about_a_message_stays_whole(name, message):
    record = _record(name, message, _raised(ValueError("why")))
    assert BrowserNoise().filter(record)
    assert (record.getMessage(), record.levelno) == (message, logging.ERROR)
    assert record.exc_info is not None


def test_few_are_written_each_minute_and_the_last_says_so():
    at = 0.0
    noise = BrowserNoise(clock=lambda: at)
    records = [_record("engineio.server", "Unknown receive error") for _ in range(100)]
    written = [record for record in records if noise.filter(record)]
    assert len(written) == MOST_PER_MINUTE
    assert [r for r in written if "not logged" in r.getMessage()] == [written[-1]]
    at = 60.0
    assert noise.filter(_record("engineio.server", "Unknown receive error"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain sentence", "plain sentence"),
        ("one\ntwo\r\n2026-01-01 [info] forged", "one two  2026-01-01 [info] forged"),
        ("\x1b[31mred\x00", "\\x1b[31mred\\x00"),
        ("a\u2028b", "a\\x2028b"),
    ],
)
def test_a_message_is_one_line(text, line):
    assert one_line(text) == line


def test_a_message_is_not_longer_than_a_log_can_bear():
    assert len(one_line("x" * 1_000_000)) < 2100
