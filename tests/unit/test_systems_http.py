"""What every HTTP adapter shares: token files, no proxies from the environment, exchanges without secrets."""

import os
from datetime import UTC, datetime

import pytest

from openova_console.systems import errors, exchange, shape
from openova_console.systems.http import client, fetch_json
from tests.support import misbehaving as support


async def test_the_token_is_read_again_when_its_file_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    seen: list[bytes] = []

    async def handle(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(support.http_bytes(b"{}"))

    token = tmp_path / "token"
    token.write_text("first\n")
    async with support.tcp(handle) as port:
        http = client(base_url=f"http://127.0.0.1:{port}", network=support.NETWORK, token_file=token)
        asked = {"source": "X", "max_bytes": 100, "deadline_s": 2}
        await fetch_json(http, "GET", "/", **asked)
        token.write_text("second\n")
        os.utime(token, ns=(1, 1))
        answer = await fetch_json(http, "GET", "/", **asked)
        token.write_text("")
        os.utime(token, ns=(2, 2))
        with pytest.raises(errors.Misconfigured, match="holds no token"):
            await fetch_json(http, "GET", "/", **asked)
        await http.aclose()
    assert [b"Bearer first" in seen[0], b"Bearer second" in seen[1], len(seen)] == [True, True, 2]
    assert "second" not in repr(answer.exchange)
    assert answer.exchange.duration_ms > 0


def shown(answer: object) -> str:
    return exchange.exchange("GET /x", answer, answered_at=datetime.now(UTC), duration_ms=1).answer


def test_nothing_secret_is_kept_for_show_source():
    document = {
        "kind": "Secret",
        "data": {"tls.key": "LEAK1"},
        "stringData": {"a": "LEAK2"},
        "spec": {"promotionToken": "LEAK3", "secretName": "web-tls", "password": "LEAK4", "authToken": {"deep": "LEAK5"}},
        "metadata": {
            "managedFields": ["LEAK6"],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "LEAK7", "note": "Bearer LEAK8LEAK8"},
        },
        "url": "redis://user:LEAK9@host/",
        "log": "eyJhbGciOiJSUzI1NiJ9.eyJLEAK10LEAK.sig password=LEAK11 -----BEGIN RSA PRIVATE KEY-----\nLEAK12",
        "Set-Cookie": "LEAK13",
    }
    text = shown(document)
    assert "LEAK" not in text
    assert '"secretName": "web-tls"' in text
    assert "LEAK" not in shown("Authorization: Bearer LEAKLEAKLEAK\nrequirepass: x password: LEAK")


def test_a_shown_answer_is_cut_to_eight_kibibytes_and_printed_lazily():
    def endless():
        return {"items": [{"n": i, "text": "ü" * 50} for i in range(200_000)]}

    text = shown(endless())
    assert len(text.encode()) <= exchange.ANSWER_LIMIT
    assert text.endswith("… (cut)")
    nested: list = []
    for _ in range(500):
        nested = [nested]
    assert "…" in shown(nested)


def test_paths_are_written_as_people_write_them():
    assert shape.json_path(("status", "conditions", 2, "type")) == "status.conditions[2].type"
    assert shape.json_path(("metadata", "labels", "app.kubernetes.io/name")) == 'metadata.labels["app.kubernetes.io/name"]'


@pytest.mark.parametrize(
    ("value", "kind", "taken"),
    [
        (True, int, None),
        (3, float, 3.0),
        (10**400, float, None),
        (float("inf"), float, None),
        ("3", int, None),
        (3, int, 3),
        (1, bool, None),
    ],
)
def test_types_are_taken_as_they_are(value, kind, taken):
    if taken is None:
        with pytest.raises(errors.Malformed):
            shape.require("X", {"a": value}, "a", kind=kind)
    else:
        assert shape.require("X", {"a": value}, "a", kind=kind) == taken


@pytest.mark.parametrize("written", ["yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_malformed(written):
    with pytest.raises(errors.Malformed, match="should be a time"):
        shape.instant("X", {"t": written}, "t")


def test_times_are_utc_and_gos_zero_is_none():
    assert shape.instant("X", {"t": "0001-01-01T00:00:00Z"}, "t") is None
    assert shape.instant("X", {"t": "2026-11-22T23:58:54.929922314+02:00"}, "t") == datetime(
        2026, 11, 22, 21, 58, 54, 929922, UTC
    )
