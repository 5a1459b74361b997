"""Prometheus windows, and what the CNPG and link adapters read from them."""

import math
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openova_console.settings import CnpgMetrics, LinkSettings, ObjectName
from openova_console.systems import cnpg, errors, link, prometheus

NOW = 1795421484.705
METRICS = CnpgMetrics()


def matrix(*rows: tuple[dict[str, str], list]) -> dict:
    result = [{"metric": metric, "values": values} for metric, values in rows]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


async def window(document: object, names: tuple[str, ...] = ("up",), status: int = 200, **kw) -> prometheus.Window:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, json=document)

    http = httpx.AsyncClient(base_url="http://prometheus.test/api-root", transport=httpx.MockTransport(answer))
    api = prometheus.Prometheus(region="Region 1", http=http, max_bytes=1 << 20, deadline_s=2)
    try:
        return await api.window(names, seconds=300, **kw)
    finally:
        window.asked = asked
        await api.aclose()


async def test_one_query_for_all_names_with_escaped_labels():
    await window(matrix(), ("a", "b:c"), matchers={"job": 'x"} or up{y="\\'})
    request = window.asked[0]
    assert (request.method, request.url.path) == ("POST", "/api-root/api/v1/query")
    query = parse_qs(request.content.decode())["query"]
    assert query == ['{__name__=~"a|b:c",job="x\\"} or up{y=\\"\\\\"}[300s]']


def test_names_that_prometheus_would_not_take_are_a_mistake_of_the_caller():
    for names in ((), ('up"} or vector(1) or {a="',), ("a-b",)):
        with pytest.raises(ValueError, match="valid metric"):
            prometheus.selector(names, {}, 300)


async def test_samples_keep_their_own_time_and_oddest_values():
    found = await window(matrix(({"__name__": "up", "pod": "a"}, [[NOW, "1"], [NOW + 15, "NaN"], [NOW + 30, "+Inf"]])))
    series = found.series[0]
    assert (series.name, dict(series.labels)) == ("up", {"pod": "a"})
    assert series.points[0] == (datetime.fromtimestamp(NOW, UTC), 1.0)
    assert math.isnan(series.points[1].value)
    assert series.newest.value == math.inf
    assert found.exchange.call == 'POST http://prometheus.test/api-root/api/v1/query  query={__name__=~"up"}[300s]'


async def test_nothing_found_is_nothing_and_warnings_are_kept():
    found = await window({**matrix(), "warnings": ["store gateway 2 did not answer"]})
    assert found.series == ()
    assert found.warnings == ("store gateway 2 did not answer",)
    assert found.named("up") == ()


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"status": "success"}, "data.resultType"),
        ({"status": "success", "data": {"resultType": "vector", "result": []}}, "data.resultType"),
        ({"status": "success", "data": {"resultType": "matrix"}}, "data.result"),
        ({"status": "error", "data": {}}, "status"),
        (matrix(({"__name__": 3}, [])), "data.result[0].metric"),
        (matrix(({}, [[NOW, 1]])), "data.result[0].values[0]"),
        (matrix(({}, [[NOW, "1"], [NOW, "one"]])), "data.result[0].values[1][1]"),
        (matrix(({}, [["x", "1"]])), "data.result[0].values[0][0]"),
        (matrix(({}, [[1e300, "1"]])), "data.result[0].values[0][0]"),
    ],
)
async def test_a_wrong_shape_is_named(document, path):
    with pytest.raises(errors.Malformed) as caught:
        await window(document)
    assert caught.value.path == path


async def test_a_query_that_is_not_accepted_says_so_without_the_servers_words():
    document = {"status": "error", "errorType": "bad_data", "error": "1:7: parse error <script>"}
    with pytest.raises(errors.Failed) as caught:
        await window(document, status=400)
    assert (caught.value.status, caught.value.reason) == (400, "bad_data")
    assert caught.value.sentence == "Region 1's Prometheus refused the question (400 bad_data)"


def row(metric: str, value: str, **labels: str) -> tuple[dict[str, str], list]:
    return {"__name__": metric, **labels}, [[NOW - 15, value], [NOW, value]]


async def test_the_primarys_side_with_one_standby():
    found = await window(
        matrix(
            row(METRICS.in_recovery, "0", pod="p-1"),
            row(METRICS.flush_lag, "0.2", pod="p-1", application_name="dr"),
            row(METRICS.flush_diff, "128", pod="p-1", application_name="dr"),
            row(METRICS.slot_diff, "256", pod="p-1", slot_name="dr_slot"),
        )
    )
    side = cnpg.primary_side(found, METRICS)
    assert (side.application_name, side.slot_name, side.ambiguity) == ("dr", "dr_slot", "")
    assert side.in_recovery.value == 0
    assert [p.value for p in side.flush_diff] == [128, 128]
    assert side.slot_diff[-1].at == datetime.fromtimestamp(NOW, UTC)


async def test_several_standbys_are_ambiguous_until_one_is_named():
    rows = [
        row(metric, value, pod=pod, application_name=name)
        for metric in (METRICS.flush_lag, METRICS.flush_diff)
        for pod, name, value in (("p-1", "p-2", "0"), ("p-1", "dr", "7"), ("p-2", "other", "9"))
    ]
    found = await window(matrix(*rows))
    unnamed = cnpg.primary_side(found, METRICS, pod="p-1")
    assert (unnamed.flush_lag, unnamed.flush_diff, unnamed.application_name) == ((), (), "")
    assert "2 series (dr, p-2); name the DR standby's application_name" in unnamed.ambiguity
    named = cnpg.primary_side(found, METRICS, application_name="dr", pod="p-1")
    assert (named.flush_lag[-1].value, named.ambiguity) == (7, "")


async def test_lag_and_bytes_of_different_standbys_are_not_mixed():
    found = await window(
        matrix(row(METRICS.flush_lag, "0", application_name="a"), row(METRICS.flush_diff, "0", application_name="b"))
    )
    side = cnpg.primary_side(found, METRICS)
    assert (side.flush_lag, side.flush_diff) == ((), ())
    assert "different standbys" in side.ambiguity


async def test_the_standbys_side_of_the_right_pod_only():
    rows = [
        row(metric, value, pod=pod)
        for metric in (METRICS.receiver_up, METRICS.in_recovery, METRICS.replication_lag)
        for pod, value in (("d-1", "1"), ("d-2", "0"))
    ]
    found = await window(matrix(*rows))
    assert cnpg.standby_side(found, METRICS, pod="d-1").receiver_up.value == 1
    unknown = cnpg.standby_side(found, METRICS)
    assert unknown.receiver_up is None
    assert "current primary's pod" in unknown.ambiguity
    assert cnpg.standby_side(await window(matrix()), METRICS).receiver_up is None


async def test_a_handshake_is_an_instant_whether_it_comes_as_epoch_or_as_age():
    settings_ = LinkSettings()
    found = await window(
        matrix(
            row(settings_.handshake_metric, str(NOW - 40), public_key="epoch"),
            row(settings_.handshake_metric, "40", public_key="age"),
            row(settings_.handshake_metric, "0", public_key="never"),
        )
    )
    facts = link.facts(found, settings_)
    shook = {h.peer: h.at for h in facts.handshakes}
    expected = datetime.fromtimestamp(NOW, UTC) - timedelta(seconds=40)
    assert abs(shook["epoch"] - expected) < timedelta(milliseconds=1)
    assert abs(shook["age"] - expected) < timedelta(milliseconds=1)
    assert shook["never"] is None
    assert link.facts(found, LinkSettings(kind="native")).handshakes == ()


async def test_the_round_trip_is_that_of_the_last_probe_that_got_through():
    settings_ = LinkSettings()
    labels = {"job": "cross-region", "instance": "10.2.0.1:443"}
    durations = [[NOW - 45, "0.021"], [NOW - 30, "0.030"], [NOW - 15, "9.5"], [NOW, "9.5"]]
    successes = [[NOW - 45, "1"], [NOW - 30, "1"], [NOW - 15, "0"], [NOW, "0"]]
    found = await window(
        matrix(
            ({"__name__": settings_.rtt_metric, **labels}, durations),
            ({"__name__": settings_.success_metric, **labels}, successes),
            ({"__name__": settings_.rtt_metric, "job": "other", "instance": "x"}, durations),
            ({"__name__": settings_.rtt_metric, "job": "cross-region", "instance": "unproven"}, durations),
        )
    )
    proven, unproven = link.facts(found, settings_).paths
    assert (proven.tested, proven.rtt_ms, proven.loss_percent, proven.probes) == ("10.2.0.1:443", 30.0, 50.0, 4)
    assert proven.rtt_at == datetime.fromtimestamp(NOW - 30, UTC)
    assert proven.last_succeeded is False
    assert (unproven.rtt_ms, unproven.loss_percent, unproven.last_succeeded) == (None, None, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
SAMPLE = st.lists(JSON, max_size=3) | st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4)).map(list)
ROW = st.fixed_dictionaries(
    {"metric": JSON | st.dictionaries(st.just("__name__"), st.just("up"))}, optional={"values": st.lists(SAMPLE, max_size=3)}
)
ANSWER = JSON | st.fixed_dictionaries(
    {
        "status": st.just("success"),
        "data": st.fixed_dictionaries({"resultType": st.just("matrix"), "result": st.lists(ROW | JSON, max_size=2)}),
    }
)


@settings(max_examples=200, deadline=None)
@given(ANSWER)
async def test_no_answer_raises_anything_but_a_fault(document):
    try:
        found = await window(document)
    except errors.Fault as fault:
        assert fault.sentence.startswith("Region 1's Prometheus")
    else:
        cnpg.primary_side(found, METRICS)
        cnpg.standby_side(found, METRICS)
        link.facts(found, LinkSettings())


def diff_row(port: str, *points: tuple[float, str], name: str = "dr") -> tuple[dict[str, str], list]:
    return (
        {"__name__": METRICS.flush_diff, "application_name": name, "client_port": port, "pod": "p-1"},
        [[NOW + at, value] for at, value in points],
    )


async def test_a_standby_that_connected_anew_is_one_standby():
    found = await window(matrix(diff_row("5000", (0, "10"), (15, "20"), (30, "900")), diff_row("5001", (30, "5"), (45, "0"))))
    side = cnpg.primary_side(found, METRICS)
    assert [p.value for p in side.flush_diff] == [10, 20, 5, 0]
    assert side.ambiguity == ""


async def test_two_standbys_of_one_name_at_once_are_ambiguous():
    found = await window(matrix(diff_row("5000", (0, "1"), (15, "2")), diff_row("5001", (0, "3"), (15, "4"))))
    side = cnpg.primary_side(found, METRICS)
    assert side.flush_diff == ()
    assert "2 series at once for dr" in side.ambiguity


async def test_other_clusters_of_the_region_are_left_aside():
    rows = [
        row(METRICS.receiver_up, value, pod=pod, namespace=namespace)
        for pod, namespace, value in (
            ("postgres-1", "databases", "1"),
            ("gitea-postgres-1", "databases", "0"),
            ("postgres-1", "gitea", "0"),
            ("postgres-pooler-x7", "databases", "0"),
        )
    ]
    found = await window(matrix(*rows))
    assert cnpg.standby_side(found, METRICS).receiver_up is None
    assert cnpg.standby_side(found, METRICS, cluster=ObjectName(namespace="databases", name="postgres")).receiver_up.value == 1
