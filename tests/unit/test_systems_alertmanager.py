"""Alertmanager's answers: as captured from 0.25, hostile, wrong, and very many."""

import asyncio
import gc
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.alerts import Severity
from openova_console.settings import HttpEndpoint
from openova_console.systems import alertmanager, errors
from openova_console.systems.alertmanager import ANNOTATION_LIMIT, ENTRY_LIMIT, VALUE_LIMIT, _suspect, parse_alerts, parse_groups
from openova_console.systems.exchange import redacted
from tests.support import misbehaving as support
from tests.support.factories import untimed

ALERT = {
    "annotations": {"summary": "x"},
    "endsAt": "2026-11-25T04:25:42.322Z",
    "fingerprint": "a3ebd650b4fb4841",
    "receivers": [{"name": "gitea-actions"}],
    "startsAt": "2026-11-25T04:20:42.322240887Z",
    "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
    "updatedAt": "2026-11-25T04:20:42.322Z",
    "generatorURL": "http://prom/g",
    "labels": {"alertname": "HighErrorRate", "namespace": "shop", "severity": "critical"},
}
SILENCED = {
    "annotations": {},
    "endsAt": "2026-11-25T04:25:42.322Z",
    "fingerprint": "448881ef475b9b26",
    "receivers": [{"name": "default"}],
    "startsAt": "2026-11-25T04:20:42.322Z",
    "status": {"inhibitedBy": [], "silencedBy": ["b2b649b9-ba36-4f9e-be12-d5c5d2741a6a"], "state": "suppressed"},
    "updatedAt": "2026-11-25T04:20:42.322Z",
    "labels": {"alertname": "Watchdog", "severity": "none"},
}
STATUS = {
    "cluster": {"name": "01", "peers": [{"address": "10.0.0.1:9094", "name": "01"}], "status": "ready"},
    "config": {"original": "global:\n  smtp_auth_password: hunter2\n"},
    "uptime": "2026-11-25T04:20:41.346Z",
    "versionInfo": {"version": "0.25.0"},
}


def one(**changes: object):
    return parse_alerts([ALERT | changes], "S", "severity")[0]


def test_an_alert_as_captured():
    found = one()
    assert (found.name, found.namespace, found.severity, found.suppressed) == ("HighErrorRate", "shop", Severity.CRITICAL, False)
    assert found.since == datetime(2026, 11, 25, 4, 20, 42, 322240, tzinfo=UTC)
    assert (found.receivers, found.generator, found.summary) == (("gitea-actions",), "http://prom/g", "x")
    assert "shop" in found.text and "gitea-actions" in found.text and found.text == found.text.lower()


def test_a_silenced_alert_as_captured():
    (found,) = parse_alerts([SILENCED], "S", "severity")
    assert (found.suppressed, found.severity, found.generator) == (True, Severity.NONE, "")
    assert found.silenced_by == ("b2b649b9-ba36-4f9e-be12-d5c5d2741a6a",)


def test_gos_zero_time_and_absent_parts_are_not_there():
    found = one(startsAt="0001-01-01T00:00:00Z", receivers=None, annotations=None, labels={})
    assert (found.since, found.receivers, found.annotations, found.severity) == (None, (), (), Severity.OTHER)
    assert found.name == "An alert without a name"


def test_the_severity_label_is_a_setting():
    assert parse_alerts([ALERT | {"labels": {"prio": "warning"}}], "S", "prio")[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("row", "path"),
    [
        (ALERT | {"labels": []}, "labels"),
        (ALERT | {"labels": {"a": 1}}, "labels.a"),
        (ALERT | {"annotations": {"a b": None}}, 'annotations["a b"]'),
        (ALERT | {"status": {}}, "status.state"),
        (ALERT | {"status": "active"}, "status"),
        (ALERT | {"fingerprint": None}, "fingerprint"),
        (ALERT | {"startsAt": "soon"}, "startsAt"),
        (ALERT | {"receivers": ["default"]}, "receivers[0]"),
        (7, "alerts[0]"),
    ],
)
def test_a_wrong_type_is_named_with_its_path(row, path):
    with pytest.raises(errors.Malformed) as caught:
        parse_alerts([row], "S", "severity")
    assert caught.value.path == path


def test_hostile_texts_are_cut_and_hold_nothing_that_cannot_be_seen():
    hostile = "<script>\x00\x1b[31m\u202etxt\u200b\nnext " + "x" * 100_000
    found = one(
        labels={f"l{n}": hostile for n in range(100)} | {"alertname": hostile, "severity": "critical"},
        annotations={"summary": hostile},
        generatorURL="javascript:alert(1)//" + hostile,
        receivers=[{"name": hostile}] * 100,
    )
    assert len(found.labels) <= ENTRY_LIMIT + 4 and len(found.receivers) == ENTRY_LIMIT
    assert found.severity is Severity.CRITICAL
    texts = [*(v for _, v in found.labels), *(v for _, v in found.annotations), found.generator, found.name, *found.receivers]
    assert all(text.isprintable() and len(text) <= ANNOTATION_LIMIT for text in texts)
    assert all(len(value) <= VALUE_LIMIT for _, value in found.labels)
    assert found.summary.startswith("<script>")


def test_credentials_are_hidden_by_key_and_by_shape():
    found = one(
        annotations={"password": "hunter2", "summary": "Bearer abcdefghijkl failed"},
        generatorURL="http://user:hunter2@prom/g?token=hunter2",
    )
    assert "hunter2" not in repr(found) and "abcdefghijkl" not in repr(found)


@untimed
@given(st.dictionaries(st.text(max_size=100), st.text(max_size=2000), max_size=60))
def test_whatever_is_in_the_texts_the_alert_can_be_shown(texts):
    found = one(labels=texts, annotations=texts)
    for name, value in (*found.labels, *found.annotations):
        assert name.isprintable() or not any(c in name for c in "\x00\n\u202e")
        assert len(value) <= ANNOTATION_LIMIT and not any(c in value for c in "\x00\n\x7f\u202e")


SECRETS = [
    "password",
    "Bearer",
    "x",
    "=",
    ": ",
    "hunter2hunter2",
    "://a:b@",
    "eyJabcdefghij.abcdefghij",
    "API_KEY",
    "-----BEGIN PRIVATE KEY-----",
]


@untimed
@given(st.dictionaries(st.sampled_from([*SECRETS, "summary", "requirepass"]), st.lists(st.sampled_from(SECRETS)).map(" ".join)))
def test_what_is_spared_the_patterns_would_not_have_been_changed_by_them(texts):
    said = " ".join((*texts, *texts.values()))
    assert _suspect(said) or redacted(texts) == texts


def test_groups_by_fingerprint_an_alert_may_be_in_several():
    group = {"alerts": [ALERT], "labels": {"alertname": "HighErrorRate"}, "receiver": {"name": "default"}}
    found = parse_groups([group, group | {"receiver": {"name": "pager"}}], "S")
    labels = (("alertname", "HighErrorRate"),)
    assert found == {"a3ebd650b4fb4841": [("default", labels), ("pager", labels)]}
    with pytest.raises(errors.Malformed):
        parse_groups({"groups": []}, "S")


def connect(port: int, **network: object) -> alertmanager.Alertmanager:
    return alertmanager.connect(
        HttpEndpoint(url=f"http://127.0.0.1:{port}"),
        source="Region 1's Alertmanager",
        network=support.NETWORK.model_copy(update=network),
        severity_label="severity",
    )


@pytest.mark.parametrize(
    ("cluster", "wanted"),
    [
        (STATUS["cluster"], 1),
        ({"peers": [], "status": "disabled"}, None),
        ({"status": "settling", "peers": [{"name": "01"}]}, None),
    ],
)
async def test_the_status_without_the_configuration(cluster, wanted):
    body = json.dumps(STATUS | {"cluster": cluster}).encode()
    async with support.tcp(support.answering(support.http_bytes(body))) as port:
        api = connect(port)
        found = await api.status()
        await api.aclose()
    assert (found.version, found.cluster) == ("0.25.0", wanted)
    assert "hunter2" not in repr(found)


async def test_ten_thousand_alerts_do_not_hold_the_event_loop():
    rows = [ALERT | {"fingerprint": f"{n:016x}", "labels": ALERT["labels"] | {"pod": f"api-{n}"}} for n in range(10_000)]
    body = json.dumps(rows).encode()
    stalls: list[float] = []

    async def watch() -> None:
        while True:
            asked = time.monotonic()
            await asyncio.sleep(0.005)
            stalls.append(time.monotonic() - asked - 0.005)

    # As the console does at its start: a collection over all that the test run has imported would count as a stall.
    gc.collect()
    gc.freeze()
    async with support.tcp(support.answering(support.http_bytes(body))) as port:
        api = connect(port, max_body_mib=16, read_timeout_s=30)
        watcher = asyncio.create_task(watch())
        began = time.monotonic()
        found = await api.alerts()
        took = time.monotonic() - began
        watcher.cancel()
        await api.aclose()
    gc.unfreeze()
    assert len({alert.fingerprint for alert in found.alerts}) == 10_000
    # Held for the whole of decoding and reading it would be nearly all of the time.
    assert max(stalls) < took / 3
    assert len(found.exchange.answer) <= 8 * 1024
