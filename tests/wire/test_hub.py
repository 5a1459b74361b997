"""Live push: what the hub broadcasts is what Reflex itself would send, to whom, how soon, and no more than changed."""

import asyncio
import time
from typing import Any

import pytest
import reflex as rx
from reflex_base.constants import SocketEvent
from reflex_base.constants.state import FIELD_MARKER

from openova_console.web import hub
from openova_console.web.publish import TOPICS
from openova_console.web.states import panels
from tests.support.running import RunningConsole, RunningLab
from tests.wire.browser import ALARM, PULSE, REGION, REPLICATION, SOURCE, Closed, Update
from tests.wire.conftest import Open

ALL = {PULSE, ALARM, REGION, REPLICATION, SOURCE, *(panel.get_full_name() for panel, _ in TOPICS)}


def _shape(value: Any) -> Any:
    """Which fields of which kinds, whatever they hold. None stands for a list that is empty."""
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shape(value[0])] if value else None
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _fits(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_fits(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return _fits(one[0], other[0])
    return bool(one == other)


def test_what_the_hub_relies_on_in_the_framework_is_as_it_was() -> None:
    assert (FIELD_MARKER, str(SocketEvent.EVENT)) == ("_rx_state_", "event")


EVERY = [panels.Pulse, panels.AlarmPanel, panels.RegionPanel, panels.ReplicationPanel, panels.SourcePanel]
EVERY += [panel for panel, _ in TOPICS]


@pytest.mark.parametrize("panel", EVERY, ids=lambda panel: panel.__name__)
def test_a_delta_of_the_hub_is_the_delta_of_the_framework(panel: type[rx.State]) -> None:
    state = panel()
    values = {name: {str: "x", float: 1.5, int: 2}.get(type(getattr(state, name)), []) for name in panel.base_vars}
    state._clean()
    for name, value in values.items():
        setattr(state, name, value if value != [] else list(value))
    theirs = state.get_delta()[panel.get_full_name()]
    ours = hub.delta([(panel, values)])[panel.get_full_name()]
    assert theirs.items() <= ours.items()
    assert ours.keys() == {name + FIELD_MARKER for name in panel.base_vars}


async def test_over_the_wire_both_look_alike(connect: Open, healthy: None) -> None:
    socket = await connect(page=None)
    await socket.until(lambda text: text.startswith("0"))
    hydrated = (await socket.arrive("/"))[0]
    # After the hydration comes what the page's own event has set, then broadcasts.
    arrived = next(update for update in socket.history[1:] if REGION in update.delta)
    assert not arrived.is_broadcast
    broadcast = (await socket.answers(lambda update: update.is_broadcast and REGION in update.delta))[-1]
    for panel, values in broadcast.delta.items():
        assert values.keys() == hydrated.delta[panel].keys()
    assert broadcast.raw.startswith('42/_event,["event",{"delta":{')
    for panel in arrived.delta.keys() & broadcast.delta.keys():
        theirs, ours = _shape(arrived.delta[panel]), _shape(broadcast.delta[panel])
        assert theirs.keys() <= ours.keys()
        assert all(_fits(theirs[name], ours[name]) for name in theirs), panel


async def test_who_arrives_is_given_the_present_values_at_once(connect: Open, healthy: None) -> None:
    socket = await connect()
    given: dict[str, Any] = {}
    for update in socket.history:
        for name, values in update.delta.items():
            given.setdefault(name, {}).update(values)
    assert len(given[REGION]["tiles_rx_state_"]) == 2
    assert len(given[REPLICATION]["rows_rx_state_"]) == 8
    assert given[PULSE]["at_rx_state_"]


async def test_a_change_of_the_platform_is_seen_within_a_second_and_a_half(
    connect: Open, running_lab: RunningLab, healthy: None
) -> None:
    one, other = await connect(), await connect("operator")
    await asyncio.to_thread(running_lab.scenario, "both_active")
    switched = time.monotonic()

    def shown(update: Update) -> bool:
        return "active" in update.delta.get(ALARM, {}).get("title_rx_state_", "").lower()

    seen = await asyncio.gather(*(socket.answers(shown, limit_s=5) for socket in (one, other)))
    assert max(updates[-1].at for updates in seen) - switched <= 1.5
    assert seen[0][-1].raw == seen[1][-1].raw


async def test_who_is_not_in_the_room_hears_nothing(connect: Open, running_console: RunningConsole, healthy: None) -> None:
    viewer = await connect()
    silent = await connect(page=None)
    elsewhere = await connect(page="/nowhere")
    cookie = f"openova={running_console.sign_in('operator')['openova']}"
    leaver = await connect(cookie=cookie)
    await leaver.answers(lambda update: update.is_broadcast)
    await asyncio.to_thread(running_console.sign_out, cookie)
    left = time.monotonic()
    heard: list[Update] = []
    with pytest.raises(Closed):
        while True:
            heard.append(await asyncio.wait_for(leaver.update(), 3))
    assert not [update for update in heard if update.at > left + 0.5]
    outside = await asyncio.gather(silent.updates(2.5), elsewhere.updates(2.5), viewer.updates(2.5))
    assert (outside[0], outside[1]) == ([], [])
    assert outside[2]
