"""Growth of counters by instant queries: one question, what came back, and everything that may be wrong with it."""

import json
import math
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openova_console.settings import HttpEndpoint
from openova_console.systems import errors, prometheus
from openova_console.systems.prometheus_query import PART, Grouped, Growths, growth, question
from tests.support import misbehaving as support
from tests.unit.test_systems_garbage import HTTP_GARBAGE

NOW = 1795421484.705
ASKED = Grouped("outcomes", "http_requests_total", "status", {"job": "gateway"})
TOOK = Grouped("durations", "http_request_duration_seconds_bucket", "le", {}, "(0\\.5(\\.0)?|\\+Inf)")


def vector(*rows: tuple[dict[str, str], str]) -> dict:
    result = [{"metric": metric, "value": [NOW, value]} for metric, value in rows]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


async def ask(document: object, counters=(ASKED,), windows=(3600,), status: int = 200) -> Growths:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(parse_qs(request.content.decode())["query"][0])
        return httpx.Response(status, json=document)

    http = httpx.AsyncClient(base_url="http://prometheus.test", transport=httpx.MockTransport(answer))
    api = prometheus.Prometheus(region="Region 1", http=http, max_bytes=1 << 20, deadline_s=2)
    try:
        return await growth(api, counters, windows)
    finally:
        ask.asked = asked
        await api.aclose()


def test_the_question():
    assert question((ASKED,), (60,)) == (
        'label_replace(sum by (status) (increase(http_requests_total{job="gateway"}[60s])), '
        '"console_part", "grown/outcomes/60", "", "") or '
        'label_replace(count(http_requests_total{job="gateway"} offset 60s), "console_part", "began/outcomes/60", "", "")'
    )
    assert 'bucket{le=~"(0\\\\.5(\\\\.0)?|\\\\+Inf)"}[60s]' in question((TOOK,), (60,))
    assert "(increase(x[60s]))" in question((Grouped("n", "x", "status", {}),), (60,))


@pytest.mark.parametrize(
    ("counters", "windows"),
    [
        ((), (60,)),
        ((ASKED,), ()),
        ((ASKED,), (0,)),
        ((Grouped("a", 'x"} or y{', "status", {}),), (60,)),
        ((Grouped("a", "x", "sta tus", {}),), (60,)),
        ((Grouped("a/b", "x", "status", {}),), (60,)),
        ((Grouped("a", "x", "status", {'job="x"} or y{a': "b"}),), (60,)),
    ],
)
def test_what_prometheus_would_not_take_is_a_mistake_of_the_caller(counters, windows):
    with pytest.raises(ValueError, match="valid"):
        question(counters, windows)


async def test_growth_by_label_and_window():
    found = await ask(
        vector(
            ({PART: "grown/outcomes/3600", "status": "200"}, "99"),
            ({PART: "grown/outcomes/3600", "status": "500"}, "1.5"),
            ({PART: "began/outcomes/3600"}, "2"),
            ({PART: "grown/outcomes/86400", "status": "200"}, "NaN"),
        ),
        windows=(3600, 86400),
    )
    hour, day = found.found["outcomes", 3600], found.found["outcomes", 86400]
    assert (dict(hour.by), hour.covered) == ({"200": 99.0, "500": 1.5}, True)
    assert math.isnan(day.by["200"]) and not day.covered
    assert len(ask.asked) == 1
    assert found.exchange.call.startswith("POST http://prometheus.test/api/v1/query  query=label_replace(")


async def test_nothing_found_is_nothing_and_warnings_are_kept():
    found = await ask({**vector(), "warnings": ["store gateway 2 did not answer"]})
    assert (dict(found.found["outcomes", 3600].by), found.found["outcomes", 3600].covered) == ({}, False)
    assert found.warnings == ("store gateway 2 did not answer",)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"status": "error", "data": {}}, "status"),
        ({"status": "success", "data": {"resultType": "matrix", "result": []}}, "data.resultType"),
        ({"status": "success", "data": {"resultType": "vector"}}, "data.result"),
        (vector(({PART: "grown/other/3600"}, "1")), f"data.result[0].metric.{PART}"),
        (vector(({PART: "grown/outcomes/60"}, "1")), f"data.result[0].metric.{PART}"),
        (vector(({PART: "odd/outcomes/3600"}, "1")), f"data.result[0].metric.{PART}"),
        (vector(({"status": "200"}, "1")), f"data.result[0].metric.{PART}"),
        (vector(({PART: 3}, "1")), "data.result[0].metric"),
        (vector(({PART: "grown/outcomes/3600"}, 1)), "data.result[0].value"),
        (vector(({PART: "grown/outcomes/3600"}, "one")), "data.result[0].value[1]"),
        (vector(({PART: "grown/outcomes/3600"}, "1"), ({PART: "grown/outcomes/9"}, "1")), f"data.result[1].metric.{PART}"),
    ],
)
async def test_a_wrong_shape_is_named(document, path):
    with pytest.raises(errors.Malformed) as caught:
        await ask(document)
    assert caught.value.path == path


async def test_a_query_that_takes_too_long_says_so_without_the_servers_words():
    document = {"status": "error", "errorType": "timeout", "error": "query timed out <b>"}
    with pytest.raises(errors.Fault) as caught:
        await ask(document, status=503)
    assert "<b>" not in caught.value.sentence and caught.value.sentence.startswith("Region 1's Prometheus")


@pytest.mark.parametrize("case", HTTP_GARBAGE)
async def test_garbage_over_http(case):
    raw, wanted, words = HTTP_GARBAGE[case]
    async with support.tcp(support.answering(raw)) as port:
        api = prometheus.connect(HttpEndpoint(url=f"http://127.0.0.1:{port}"), region="Region 1", network=support.NETWORK)
        with pytest.raises(wanted) as caught:
            await growth(api, (ASKED,), (60,))
        await api.aclose()
    assert caught.value.sentence.startswith("Region 1's ") and words in caught.value.sentence


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
METRIC = st.dictionaries(st.sampled_from((PART, "status")), st.sampled_from(("grown/outcomes/3600", "began/outcomes/3600", "5")))
ROW = st.fixed_dictionaries({"metric": JSON | METRIC, "value": JSON | st.tuples(st.floats(0, 9), st.text(max_size=4)).map(list)})


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW | JSON, max_size=3))
async def test_no_answer_raises_anything_but_a_fault(result):
    document = {"status": "success", "data": {"resultType": "vector", "result": result}}
    json.dumps(document)
    try:
        await ask(document)
    except errors.Fault as fault:
        assert fault.sentence.startswith("Region 1's Prometheus")
