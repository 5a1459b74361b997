"""What the API's shield lets through: how often, how large, how deep, and in what form. Every refusal is a problem document."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.access.caller import Caller
from openova_console.access.roles import Role
from openova_console.api.rest.callers import EXPORT, PEOPLE, READ, Rule
from openova_console.api.rest.problems import CODES
from openova_console.api.rest.shield import BODY_LIMIT, DEPTH_LIMIT, BadBody, Buckets, Shield, check_json
from openova_console.settings.api import ApiSettings
from tests.support.consoles import Answer, call

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=12
)


class Ticks:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@given(documents)
def test_plain_json_passes(document: Any) -> None:
    assert _depth(document) <= DEPTH_LIMIT
    check_json(json.dumps(document, ensure_ascii=False).encode())
    check_json(json.dumps(document).encode())


@given(st.binary(max_size=60))
def test_nothing_but_a_bad_body_is_ever_raised(body: bytes) -> None:
    try:
        check_json(body)
    except BadBody as bad:
        assert str(bad).endswith(".")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a": 1, "a": 2}', "names a field twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": 1e999}', "a number that is too large"),
        (b"[9007199254740993]", "beyond 2^53"),
        (b"[" + b"9" * 5000 + b"]", "beyond 2^53"),
        (b'{"a": "\\u0000"}', "a NUL"),
        (b'{"a": "\\ud800"}', "half of a surrogate pair"),
        (b'{"\\udfff": 1}', "half of a surrogate pair"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b"\xef\xbb\xbf{}", "no JSON"),
        (b"{", "no JSON"),
        (b"[" * 60_000, "nested deeper"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, "nested deeper"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_plain_json_is_refused_and_says_why(body: bytes, why: str) -> None:
    with pytest.raises(BadBody, match=why.replace("^", r"\^")):
        check_json(body)


def test_brackets_inside_of_text_are_no_depth() -> None:
    check_json(json.dumps({"reason": '[{"\\' * 100}).encode())


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 5), st.floats(0.5, 5))
def test_no_caller_gets_more_than_the_burst_and_the_rate(pauses: list[float], burst: int, rate: float) -> None:
    clock = Ticks()
    buckets = Buckets(rate, burst, clock)
    given_ = 0
    for pause in pauses:
        clock.at += pause
        wait = buckets.take("a")
        given_ += not wait
        assert given_ <= burst + rate * clock.at + 1e-6
        if wait:
            # The wait that is told is enough.
            clock.at += wait + 1e-6
            assert buckets.take("a") == 0
            given_ += 1
    assert buckets.take("another") == 0


def test_callers_that_are_forgotten_begin_with_a_full_bucket_and_no_more() -> None:
    buckets = Buckets(1, 2, Ticks())
    for number in range(10_000):
        buckets.take(f"person {number}")
    assert len(buckets._levels) <= 4096
    assert [bool(buckets.take("person 0")) for _ in range(3)] == [False, False, True]


def _shield(seen: list[bytes], **limits: Any) -> Shield:
    async def inside(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        seen.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"public")]})
        await send({"type": "http.response.body", "body": b"ok"})

    return Shield(inside, ApiSettings(**limits), Ticks())


def _code(answer: Answer) -> str:
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header("cache-control") == "no-store"
    document = json.loads(answer.body)
    assert document["status"] == answer.status
    return str(document["type"]).removeprefix("urn:openova:problem:")


async def test_a_body_comes_through_whole_and_the_answer_is_never_kept() -> None:
    seen: list[bytes] = []
    answer = await call(_shield(seen), "/x", method="POST", headers={"content-type": "application/json"}, body=b'{"a": 1}')
    assert (answer.status, seen, answer.header("cache-control")) == (200, [b'{"a": 1}'], "no-store")


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"content-type": "application/json"}, b"[" + b"1," * BODY_LIMIT + b"1]", "too-large"),
        ({"content-type": "application/json", "content-length": "99999999"}, b"", "too-large"),
        ({"content-type": "text/plain"}, b"{}", "media-type"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"a=1", "media-type"),
        ({}, b"{}", "media-type"),
        ({"content-type": "application/json; charset=utf-8"}, b"{", "params"),
    ],
)
async def test_other_bodies_never_reach_the_application(headers: dict[str, str], body: bytes, code: str) -> None:
    seen: list[bytes] = []
    assert _code(await call(_shield(seen), "/x", method="POST", headers=headers, body=body)) == code
    assert seen == []


async def test_reads_and_writes_are_counted_apart_and_say_when_to_come_again() -> None:
    shield = _shield([], reads_burst=2, reads_per_s=0.5, writes_burst=1)
    assert [(await call(shield, "/x")).status for _ in range(3)] == [200, 200, 429]
    refused = await call(shield, "/x")
    assert (_code(refused), refused.header("retry-after")) == ("rate", "2")
    assert (await call(shield, "/x", method="POST")).status == 200
    assert (await call(shield, "/x", method="DELETE")).status == 429


async def test_what_fails_inside_is_answered_without_a_word_of_it(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("password=hunter2 in /srv/console.py")

    answer = await call(Shield(broken, ApiSettings()), "/x")
    assert _code(answer) == "failed"
    assert "hunter2" not in answer.text
    assert "console.py" not in answer.text
    assert "a request to the API failed" in caplog.text


def test_every_word_of_the_engine_has_its_status() -> None:
    folder = Path(__file__).resolve().parents[2] / "openova_console" / "operations"
    used = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refused":
                first = node.args[0]
                used |= {first.value} if isinstance(first, ast.Constant) else set()
    assert len(used) >= 10
    assert used <= set(CODES)


@pytest.mark.parametrize("kind", ["person", "machine"])
@pytest.mark.parametrize("role", list(Role))
def test_rules_let_in_by_role_and_machines_by_scope_too(kind: Any, role: Role) -> None:
    person = kind == "person"
    caller = Caller(kind, "a", 1, role)
    reader = Caller(kind, "a", 1, role, scopes=frozenset({"read", "request:restart-workload"}))
    exports = role in (Role.APPROVER, Role.SECURITY_OFFICER, Role.ADMIN)
    assert [not rule.against(caller) for rule in (READ, PEOPLE, EXPORT)] == [person, person, person and exports]
    assert [not rule.against(reader) for rule in (READ, PEOPLE, EXPORT)] == [True, person, exports]
    assert not Rule(scope="request:").against(reader)
    assert bool(Rule(scope="request:").against(caller)) is not person
