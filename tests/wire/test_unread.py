"""Two pages over half a minute: one that is looked at, and one in a frozen tab that reads nothing and answers no ping."""

from concurrent.futures import Future
from itertools import pairwise
from typing import Any

import pytest

from openova_console.web.publish import TOPICS
from openova_console.web.topics.changes import ChangesPanel
from tests.wire.browser import ALARM, PULSE, REGION, REPLICATION, SOURCE
from tests.wire.conftest import FROZEN_S, LongWatch

ALL = {PULSE, ALARM, REGION, REPLICATION, SOURCE, ChangesPanel.get_full_name(), *(panel.get_full_name() for panel, _ in TOPICS)}


@pytest.fixture
def watched(long_watch: "Future[LongWatch]") -> LongWatch:
    return long_watch.result(FROZEN_S + 20)


def test_a_browser_that_takes_nothing_is_dropped_within_half_a_minute(watched: LongWatch) -> None:
    """Pings go out every 10 s and wait 15 s for their answer. Had it been kept, it would have come back to life."""
    assert watched.ended


def test_the_others_go_on_meanwhile(watched: LongWatch) -> None:
    # Without a sign of life every few seconds a browser would take calm for silence: its limit is 8 s.
    assert max(after.at - before.at for before, after in pairwise(watched.updates)) < 5
    assert watched.updates[-1].at - watched.updates[0].at > watched.thawed - 5


def test_only_panels_that_changed_are_sent_and_now_and_then_all(watched: LongWatch) -> None:
    last: dict[str, Any] = {}
    wholes, partial = [], 0
    for update in watched.updates:
        assert update.is_broadcast
        if update.delta.keys() == ALL:
            wholes.append(update.at)
        else:
            partial += 1
            assert [panel for panel, values in update.delta.items() if last.get(panel) == values] == []
        last.update(update.delta)
    # Whatever changed, all panels go out every 10 s, for who has missed something.
    assert len(wholes) >= 2
    assert max(after - before for before, after in pairwise(wholes)) < 15
    assert partial > len(wholes)
