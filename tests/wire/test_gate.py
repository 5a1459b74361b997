"""The way in, as bytes: who is let through, under which name, from where, and what every answer says to the browser."""

from collections.abc import Callable

import pytest

from tests.support.running import RunningConsole
from tests.wire.browser import SHOW, Refused, Socket
from tests.wire.conftest import Open
from tests.wire.plain import Answer, ask, send

PAGE = (("Accept", "text/html"),)
CookieOf = Callable[[str], str]


@pytest.fixture
def port(running_console: RunningConsole) -> int:
    return running_console.port


@pytest.mark.parametrize(
    "target", ["/", "/replication", "/replication/cnpg?range=7d", "/region/region-1", "/sources", "/nowhere"]
)
async def test_an_anonymous_page_goes_to_the_sign_in_and_will_come_back(port: int, target: str) -> None:
    answer = await ask(port, target, headers=PAGE)
    where = answer.header("location") or ""
    assert (answer.status, where.split("?")[0]) == (303, "/auth/sign-in")
    assert target == "/" or f"?next={target.replace('?', '%3F').replace('=', '%3D')}" in where
    assert answer.header("cache-control") == "no-store"


@pytest.mark.parametrize(
    "target",
    ["/api/v1/history.csv?service=cnpg", "/_event/?EIO=4&transport=polling", "/_event/?EIO=4&transport=websocket", "/_upload",
     "/_all_routes", "/ping", "/_health", "/index.html", "/replication/index.html", "/openova.js.map"],
)  # fmt: skip
async def test_anything_else_anonymous_is_refused(port: int, target: str) -> None:
    for method in ("GET", "HEAD", "DELETE", "PROPFIND"):
        answer = await ask(port, target, method=method)
        assert answer.status == 401, (method, answer)
        assert (answer.header("cache-control"), answer.header("set-cookie")) == ("no-store", None)


@pytest.mark.parametrize("cookie", ["openova=forged", "openova=' OR 1=1 --", "openova=%00", "openova=;openova=", "OPENOVA=x"])
async def test_a_forged_cookie_is_nobody(port: int, cookie: str) -> None:
    assert (await ask(port, headers=PAGE, cookie=cookie)).status == 303


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"origin": "http://evil.example"}, 403), ({"origin": None}, 403), ({"origin": "null"}, 403), ({"origin": ""}, 403),
        ({"origin": "http://localhost"}, 403), ({"origin": "https://localhost"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"host": "evil.example"}, 403), ({"host": "evil.example", "origin": "http://evil.example"}, 403),
        ({"headers": (("X-Forwarded-Host", "evil.example"),), "origin": "http://evil.example"}, 403),
        ({"headers": (("Origin", "http://evil.example"),)}, 403),
        ({"path": "/_event"}, 0), ({"path": "/_event//"}, 403), ({"path": "//_event/"}, 403), ({"path": "/x/../_event/"}, 403),
        ({"path": "/_event/%2e%2e/"}, 403), ({"path": "/auth/_event/"}, 404), ({"path": "/assets/../_event/"}, 403),
    ],
)  # fmt: skip
async def test_a_websocket_is_opened_by_the_consoles_own_pages_only(connect: Open, options: dict, status: int) -> None:
    """With a good session: it is the rest that is wrong. 0 stands for "whatever, as long as it is not opened"."""
    with pytest.raises((Refused, TimeoutError)) as refused:
        await connect("admin", **options)
    if status and isinstance(refused.value, Refused):
        assert refused.value.status in (status, 403)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421), ("localhost.evil.example", 421), ("evil.example:80", 421), ("localhost@evil.example", 400),
        ("localhost/..", 400), ("localhost:99999", 400), ("localhost:", 400), ("", 400), ("localhost evil.example", 400),
        ("[::1", 400),
        ("127.0.0.1", 303), ("LOCALHOST", 303), ("localhost:1", 303), ("[::1]:8000", 303),
    ],
)  # fmt: skip
async def test_only_the_consoles_own_names_are_answered(port: int, host: str, status: int) -> None:
    answer = await ask(port, headers=PAGE, host=host)
    assert answer.status == status
    assert "evil" not in (answer.header("location") or "") + answer.body


async def test_no_host_or_two_hosts_are_refused(port: int) -> None:
    assert (await ask(port, headers=PAGE, host=None)).status == 400
    assert (await ask(port, headers=(*PAGE, ("Host", "evil.example")))).status == 400


async def test_headers_that_name_another_host_count_for_nothing(port: int) -> None:
    for name in ("X-Forwarded-Host", "X-Host", "X-Original-Host", "Forwarded", "X-Forwarded-Server"):
        answer = await ask(port, headers=(*PAGE, (name, "evil.example")))
        assert answer.status == 303
        assert "evil" not in str(answer.headers)


@pytest.mark.parametrize(
    "target",
    ["//", "//evil.example/", "/\\evil.example", "/auth/../", "/auth/..%2f", "/auth/%2e%2e/", "/assets/..%5c..",
     "/assets/%2e%2e/index.html", "/auth//me", "/%2e%2e/%2e%2e/etc/passwd", "/assets/....//", "/auth/./sign-in", "/%00",
     "/healthz%2f..%2f", "/auth/sign-in%0d%0aX:1", "/assets/%252e%252e/index.html", "/auth/%2e%2e%2findex.html",
     "/assets/..;/index.html"],
)  # fmt: skip
async def test_a_path_with_two_meanings_opens_nothing(port: int, target: str) -> None:
    answer = await ask(port, target, headers=PAGE)
    assert answer.status in (303, 400, 404), answer
    assert (answer.header("location") or "/auth/sign-in").startswith("/auth/sign-in")


@pytest.mark.parametrize(
    "headers",
    [
        (("X-Original-URL", "/"), ("X-Rewrite-URL", "/")), (("X-HTTP-Method-Override", "POST"),),
        (("X-Forwarded-For", "127.0.0.1"),),
        (("X-Forwarded-User", "admin"), ("X-Auth-Request-User", "admin"), ("Remote-User", "admin")),
        (("Authorization", "Bearer admin"),), (("Authorization", "Basic YWRtaW46YWRtaW4="),), (("X-Forwarded-Prefix", "/auth"),),
        (("Cookie", "openova=a"), ("Cookie", "openova=b")),
    ],
)  # fmt: skip
async def test_headers_do_not_make_anybody_somebody(port: int, headers: tuple[tuple[str, str], ...]) -> None:
    assert (await ask(port, headers=(*PAGE, *headers))).status == 303


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 4\r\nContent-Length: 40\r\n", "Content-Length: -1\r\n", "Content-Length: 0x4\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding : chunked\r\n",
        "X: 1\r\n folded: 2\r\n",
        "Bad Name: 1\r\n", "X: \x00\r\n", "X: " + "y" * 200_000 + "\r\n", "X: 1\r\n" * 5000,
    ],
    ids=lambda head: repr(head[:40]),
)  # fmt: skip
async def test_no_request_hides_in_another(port: int, head: str) -> None:
    hidden = f"0\r\n\r\nGET /sources HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: text/html\r\n\r\n"
    raw = f"POST /auth/sign-in HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n{head}\r\n{hidden}"
    answers = await send(port, raw.encode("latin-1"))
    assert all(answer.status in (303, 400, 408, 411, 413, 414, 431, 501) for answer in answers), answers
    assert (await ask(port, "/healthz")).status == 200


@pytest.mark.parametrize(
    "line",
    ["GET http://evil.example/ HTTP/1.1", "GET evil HTTP/1.1", "CONNECT evil.example:80 HTTP/1.1", "GET  / HTTP/1.1",
     "GET / HTTP/9.9", "\x16\x03\x01", "PRI * HTTP/2.0", "OPTIONS * HTTP/1.1"],
)  # fmt: skip
async def test_an_odd_request_line_opens_nothing(port: int, line: str) -> None:
    answers = await send(
        port, f"{line}\r\nHost: localhost:{port}\r\nAccept: text/html\r\nConnection: close\r\n\r\n".encode("latin-1")
    )
    assert all(answer.status in (303, 400, 401, 404, 405, 421, 505) for answer in answers), answers


async def test_no_other_site_may_read_an_answer(port: int, cookie_of: CookieOf) -> None:
    evil = (("Origin", "http://evil.example"),)
    preflight = (*evil, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "x-mine"))
    for target in (
        "/",
        "/auth/me",
        "/auth/sign-in",
        "/api/v1/history.csv?service=cnpg",
        "/healthz",
        "/metrics",
        "/_event/",
        "/assets/x.js",
    ):
        for cookie in ("", cookie_of("admin")):
            answers = [
                await ask(port, target, headers=evil, cookie=cookie),
                await ask(port, target, headers=preflight, cookie=cookie, method="OPTIONS"),
            ]
            assert not [name for answer in answers for name, _ in answer.headers if name.startswith("access-control-")], target


async def test_another_site_can_change_nothing(port: int, cookie_of: CookieOf) -> None:
    form = ("Content-Type", "application/x-www-form-urlencoded")
    for origin in ((("Origin", "http://evil.example"),), (("Origin", "null"),), ()):
        for target in ("/auth/sign-out", "/auth/sign-out-everywhere", "/auth/password", "/auth/sessions", "/_event/"):
            answer = await ask(port, target, method="POST", headers=(form, *origin), cookie=cookie_of("viewer"), body=b"csrf=1")
            assert answer.status == 403, (target, origin)
    assert (await ask(port, "/auth/me", cookie=cookie_of("viewer"))).status == 200


def _says_what_it_must(answer: Answer) -> None:
    policy = dict(part.strip().partition(" ")[::2] for part in (answer.header("content-security-policy") or "").split(";"))
    assert policy["default-src"] == "'self'"
    assert "'unsafe-eval'" not in str(policy)
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "*" not in str(policy.values())
    assert {policy[name] for name in ("object-src", "base-uri", "frame-ancestors")} == {"'none'"}
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("referrer-policy") == "same-origin"
    assert answer.header("cross-origin-opener-policy") == "same-origin"
    assert answer.header("cross-origin-resource-policy") == "same-origin"
    assert answer.header("cache-control")
    # Neither the server's kind nor its version.
    assert answer.header("server") == "openova"
    assert answer.header("x-powered-by") is None


@pytest.mark.parametrize(
    ("target", "options", "status"),
    [
        ("/", {"headers": PAGE}, 303), ("/", {}, 401), ("/auth/sign-in", {}, 200), ("/auth/nothing", {}, 404),
        ("/auth/sign-in", {"method": "PUT", "headers": (("Origin", "own"),)}, 405), ("/healthz", {}, 200), ("/metrics", {}, 200),
        ("/openova.css", {}, 200), ("/favicon.svg", {}, 200), ("/assets/nothing.js", {}, 404),
        ("/", {"host": "evil.example"}, 421),
        ("//", {}, 400), ("/", {"method": "POST", "headers": (("Origin", "http://evil.example"),)}, 403),
        ("/", {"cookie": "viewer", "headers": PAGE}, 200), ("/auth/me", {"cookie": "viewer"}, 200),
        ("/replication/cnpg", {"cookie": "viewer", "headers": PAGE}, 200),
        ("/api/v1/history.csv?service=cnpg", {"cookie": "viewer"}, 200),
        ("/api/v1/history.csv?service=x", {"cookie": "viewer"}, 400), ("/_event/", {"cookie": "viewer"}, 400),
    ],
)  # fmt: skip
async def test_every_answer_carries_the_security_headers(
    port: int, cookie_of: CookieOf, target: str, options: dict, status: int
) -> None:
    if options.get("cookie"):
        options = {**options, "cookie": cookie_of(options["cookie"])}
    if options.get("headers") == (("Origin", "own"),):
        options = {**options, "headers": (("Origin", f"http://localhost:{port}"),)}
    answer = await ask(port, target, **options)
    assert answer.status == status
    _says_what_it_must(answer)


@pytest.mark.parametrize("target", ["/_upload", "/_all_routes"])
async def test_what_the_framework_could_serve_besides_is_not_there(port: int, cookie_of: CookieOf, target: str) -> None:
    for method in ("GET", "POST"):
        headers = (("Origin", f"http://localhost:{port}"),)
        answer = await ask(
            port, target, method=method, headers=headers, cookie=cookie_of("admin"), body=b"x=1" if method == "POST" else b""
        )
        assert answer.status in (404, 405) or (answer.header("content-type") or "").startswith("text/html")
        assert "openova_console" not in answer.body


async def test_there_is_no_way_around_the_websocket(port: int, cookie_of: CookieOf) -> None:
    """Long polling would bring messages past what looks at a websocket's."""
    target = "/_event/?EIO=4&transport=polling&token=t"
    headers = (("Origin", f"http://localhost:{port}"),)
    assert (await ask(port, target, headers=headers, cookie=cookie_of("admin"))).status == 400
    assert (await ask(port, target, method="POST", headers=headers, cookie=cookie_of("admin"), body=b"40/_event,")).status == 400


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_the_figures_are_for_this_machine_only(port: int, header: str) -> None:
    assert (await ask(port, "/metrics")).status == 200
    for value in ("192.0.2.7", "127.0.0.1", "for=127.0.0.1"):
        assert (await ask(port, "/metrics", headers=((header, value),))).status == 403


async def test_the_figures_name_nobody(port: int, connect: Open, running_console: RunningConsole) -> None:
    socket = await connect("viewer")
    text = (await ask(port, "/metrics")).body
    assert socket.token not in text
    assert not [secret for secret in running_console.secrets if secret in text]


async def test_another_persons_client_token_shows_nothing_of_his(connect: Open) -> None:
    alice = await connect("admin", page="/nowhere")
    await alice.effects(SHOW, {"key": "what alice looks at"})
    while_there = await connect("viewer", token=alice.token, page="/nowhere")
    assert await while_there.effects(SHOW, {"key": "bob"})
    assert "alice" not in "".join(while_there.seen)
    await alice.close()
    await while_there.close()
    for page in ("/nowhere", "/"):
        afterwards: Socket = await connect("viewer", token=alice.token, page=page)
        assert await afterwards.effects(SHOW, {"key": "bob"})
        assert "alice" not in "".join(afterwards.seen)
        await afterwards.close()


async def test_without_asking_for_the_state_another_persons_token_is_of_no_use(connect: Open) -> None:
    alice = await connect("admin", page="/nowhere")
    await alice.effects(SHOW, {"key": "what alice looks at"})
    await alice.close()
    bob = await connect("viewer", token=alice.token, page=None)
    await bob.until(lambda text: text.startswith("0"))
    await bob.arrive(None, {"name": SHOW, "payload": {"key": "bob"}, "router_data": {}})
    assert not [update for update in await bob.updates(0.5) if "bob" in update.raw]
    assert "alice" not in "".join(bob.seen)
