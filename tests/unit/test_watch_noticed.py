"""How long an alarm has been there: flapping does not reset it, being over does."""

from datetime import timedelta

from openova_console.watch.noticed import FORGET_S, Noticed
from tests.support.factories import NOW


def test_an_alarm_keeps_the_instant_at_which_it_was_first_seen():
    noticed = Noticed()
    for second in range(5):
        noticed.see(["Region 1 is down"], NOW + timedelta(seconds=second))
    assert noticed.since("Region 1 is down") == NOW
    assert noticed.since("something else") is None


def test_one_that_flaps_is_the_same_and_one_that_is_over_is_not():
    noticed = Noticed()
    noticed.see(["lag"], NOW)
    noticed.see([], NOW + timedelta(seconds=FORGET_S))
    assert noticed.since("lag") == NOW
    noticed.see([], NOW + timedelta(seconds=FORGET_S + 1))
    assert noticed.since("lag") is None
    noticed.see(["lag"], NOW + timedelta(seconds=FORGET_S + 2))
    assert noticed.since("lag") == NOW + timedelta(seconds=FORGET_S + 2)
