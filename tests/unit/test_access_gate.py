"""The gate, by raw ASGI scopes: who gets in, who does not, and what each is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from openova_console.access.gate import Gate, safe_next
from openova_console.access.identity import WhoCache
from openova_console.access.sign_in import sign_in
from openova_console.api.rest.problems import CODES, Problem
from tests.support.consoles import PASSWORD, add_user, call, settings_with

HTML = {"accept": "text/html,application/xhtml+xml"}


class Inside:
    """What stands behind the gate: it notes who came through."""

    def __init__(self) -> None:
        self.scopes = []

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    @property
    def who(self):
        return self.scopes[-1]["openova.who"]

    @property
    def arrival(self):
        return self.scopes[-1]["openova.arrival"]


@pytest.fixture
def inside():
    return Inside()


@pytest.fixture
def make_gate(engine, clock, inside):
    def make(**console):
        settings = settings_with(**console).console
        cache = WhoCache(engine, settings, now=clock.now, clock=clock.monotonic)
        return Gate(inside, settings=settings, who=cache)

    return make


@pytest.fixture
def gate(make_gate):
    return make_gate()


async def _token(engine, clock, name="alice", **options):
    add_user(engine, name, **options)
    signed_in = await sign_in(
        engine=engine, settings=settings_with().console, name=name, password=PASSWORD, address="", user_agent="", now=clock.now()
    )
    return signed_in.token


@pytest.fixture
async def cookie(engine, clock):
    return f"openova={await _token(engine, clock)}"


async def test_an_anonymous_page_goes_to_the_sign_in_and_will_come_back(gate, inside):
    answer = await call(gate, "/replication", query="service=cnpg&range=24h", headers=HTML)
    assert answer.status == 303
    assert answer.header("location") == "/auth/sign-in?next=/replication%3Fservice%3Dcnpg%26range%3D24h"
    assert inside.scopes == []


async def test_an_anonymous_front_page_needs_no_way_back(gate):
    assert (await call(gate, "/", headers=HTML)).header("location") == "/auth/sign-in"


@pytest.mark.parametrize("path", ["/api/readings", "/_event", "/_upload", "/shortcuts.js", "/replication", "/_health", "/ping"])
@pytest.mark.parametrize("headers", [{}, {"accept": "*/*"}, {"accept": "application/json"}])
async def test_anything_else_anonymous_gets_401_in_json(gate, inside, path, headers):
    answer = await call(gate, path, headers=headers)
    assert answer.status == 401
    assert answer.text == '{"error": "Sign in first: this request carries no valid session."}'
    assert answer.header("cache-control") == "no-store"
    assert inside.scopes == []


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/api/v1/kinds", {}, 401, "unauthenticated"),
        ("/api/v1/kinds", {"accept": "text/html"}, 401, "unauthenticated"),
        ("/api/v1//kinds", {}, 400, "address"),
        ("/api/v1/kinds", {"host": "elsewhere.example"}, 421, "host"),
    ],
)
async def test_the_api_is_refused_in_its_own_words(gate, path, headers, status, code):
    answer = await call(gate, path, headers=headers)
    document = json.loads(answer.body)
    assert (answer.status, answer.header("content-type")) == (status, "application/problem+json")
    assert (document["type"], document["status"]) == (f"urn:openova:problem:{code}", status)
    assert Problem.model_validate(document).detail.endswith(".")
    assert CODES[code] == (status, document["title"])


async def test_an_api_call_is_never_redirected(gate):
    assert (await call(gate, "/api/x", headers=HTML)).status == 401


async def test_an_anonymous_websocket_is_refused_before_it_is_accepted(gate, inside):
    answer = await call(gate, "/_event", kind="websocket", headers={"origin": "http://localhost"})
    assert (answer.accepted, answer.closed) == (False, 1008)
    assert inside.scopes == []


@pytest.mark.parametrize(
    "value", ["openova=forged", "openova=", "openova=" + "A" * 43, "__Host-openova=x", "openova=\xff\xfe", "=;=;"]
)
async def test_a_forged_cookie_is_nobody(gate, inside, value):
    assert (await call(gate, "/", headers={"cookie": value})).status == 401
    answer = await call(gate, "/_event", kind="websocket", headers={"origin": "http://localhost", "cookie": value})
    assert not answer.accepted
    assert inside.scopes == []


@pytest.mark.parametrize(
    "path",
    ["/auth/sign-in", "/auth/setup", "/assets/index-abc.js", "/healthz", "/readyz", "/metrics", "/favicon.ico", "/openova.css"],
)
async def test_what_signing_in_needs_is_open(gate, inside, path):
    assert (await call(gate, path)).text == "inside"
    assert inside.who is None


@pytest.mark.parametrize("path", ["/authx", "/auth", "/assets", "/healthz/", "/healthz/x", "/openova.css.map", "/xassets/y"])
async def test_what_only_looks_like_it_is_not(gate, path):
    assert (await call(gate, path)).status == 401


async def test_a_public_path_opens_no_websocket(gate):
    for path in ("/auth/x", "/assets/x", "/healthz"):
        assert not (await call(gate, path, kind="websocket", headers={"origin": "http://localhost"})).accepted


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../index.html", "/auth/../replication", "/assets/./x", "//evil.example/auth/", "/assets//x",
        "/assets\\..\\index.html", "/auth/\x00", "/assets/x\n", "/..", "/auth/..", "auth/sign-in", "", "*",
    ],
)  # fmt: skip
async def test_a_path_with_two_meanings_is_refused(gate, inside, path):
    assert (await call(gate, path)).status == 400
    assert inside.scopes == []


async def test_a_signed_in_person_passes_and_is_known_inside(gate, inside, cookie):
    assert (await call(gate, "/replication", headers={"cookie": cookie, **HTML})).text == "inside"
    assert inside.who.name == "alice"
    answer = await call(gate, "/_event", kind="websocket", headers={"cookie": cookie, "origin": "http://localhost"})
    assert answer.accepted
    assert inside.who.name == "alice"


async def test_other_cookies_beside_it_do_no_harm(gate, cookie):
    headers = [("cookie", "theme=dark"), ("cookie", cookie)]
    assert (await call(gate, "/", headers=headers)).status == 200


async def test_a_lifespan_passes(inside, gate):
    passed = []

    async def app(scope, receive, send):
        passed.append(scope["type"])

    gate._app = app
    await gate({"type": "lifespan"}, None, None)
    assert passed == ["lifespan"]


FOREIGN = [
    "http://evil.example", "https://localhost", "http://localhost:8000", "http://localhost.evil.example", "null", "",
    "http://localhost@evil.example", "http://localhost/", "localhost", "http://127.0.0.1", "http://[::1]", "file://",
]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_origin_opens_no_websocket_even_with_a_session(gate, inside, cookie, origin):
    answer = await call(gate, "/_event", kind="websocket", headers={"cookie": cookie, "origin": origin})
    assert not answer.accepted
    assert inside.scopes == []


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "QUERY"])
async def test_a_foreign_origin_changes_nothing_even_with_a_session(gate, inside, cookie, origin, method):
    answer = await call(gate, "/auth/sign-out", method=method, headers={"cookie": cookie, "origin": origin})
    assert answer.status == 403
    assert "page of another site" in answer.text
    assert inside.scopes == []


async def test_no_origin_is_no_better_where_a_cookie_comes_along(gate, inside, cookie):
    assert not (await call(gate, "/_event", kind="websocket", headers={"cookie": cookie})).accepted
    assert (await call(gate, "/auth/sign-out", method="POST", headers={"cookie": cookie})).status == 403
    assert inside.scopes == []


async def test_two_origins_are_refused(gate, cookie):
    headers = [("cookie", cookie), ("origin", "http://localhost"), ("origin", "http://evil.example")]
    assert (await call(gate, "/auth/sign-out", method="POST", headers=headers)).status == 403


async def test_a_machine_without_cookies_is_judged_by_its_session_alone(gate):
    assert (await call(gate, "/api/hook", method="POST")).status == 401
    assert (await call(gate, "/auth/sign-in", method="POST")).status == 200


@pytest.mark.parametrize(("host", "origin"), [("localhost:9000", "http://localhost:9000"), ("LOCALHOST", "http://localhost")])
async def test_any_port_will_do_as_long_as_both_agree(gate, cookie, host, origin):
    headers = {"host": host, "cookie": cookie, "origin": origin}
    assert (await call(gate, "/_event", kind="websocket", headers=headers)).accepted


async def test_the_schemes_own_port_may_be_left_out(gate, cookie):
    headers = {"host": "localhost:80", "cookie": cookie, "origin": "http://localhost"}
    assert (await call(gate, "/_event", kind="websocket", headers=headers)).accepted


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "[::1]", "Localhost:65535"])
async def test_the_loopback_names_are_ours(gate, host):
    assert (await call(gate, "/auth/sign-in", headers={"host": host})).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1", "[::2]", "xlocalhost"]
)
async def test_another_host_name_is_misdirected(gate, inside, cookie, host):
    answer = await call(gate, "/", headers={"host": host, "cookie": cookie})
    assert answer.status == 421
    assert "console.allowed_hosts" in answer.text
    assert not (await call(gate, "/_event", kind="websocket", headers={"host": host, "origin": f"http://{host}"})).accepted
    assert inside.scopes == []


@pytest.mark.parametrize(
    "host",
    [
        "", " ", "localhost:", "localhost:0", "localhost:65536", "localhost:x", "localhost/x", "a@localhost", "localhost ",
        "localhost#", "localhost?x", "http://localhost", "[::1", "::1", "local host", "localhost,evil.example", "localhost\\",
        "x" * 300, "-localhost", "loc\xe4lhost", "localhost:8000:8000",
    ],
)  # fmt: skip
async def test_a_malformed_host_is_refused(gate, inside, host):
    for path in ("/", "/healthz", "/auth/sign-in"):
        answer = await call(gate, path, headers={"host": host})
        assert answer.status == 400
    assert inside.scopes == []


async def test_two_hosts_or_none_are_refused(gate):
    assert (await call(gate, "/", headers=[("host", "localhost"), ("host", "localhost")])).status == 400
    assert (await call(gate, "/", headers=[("host", None)])).status == 400


async def test_probes_may_name_the_pods_address(gate):
    assert (await call(gate, "/healthz", headers={"host": "10.1.2.3:8000"})).status == 200
    assert (await call(gate, "/metrics", headers={"host": "10.1.2.3:8000"})).status == 421


async def test_a_configured_host_is_ours(make_gate):
    gate = make_gate(allowed_hosts=("console.example.org",))
    assert (await call(gate, "/auth/x", headers={"host": "console.example.org:8443"})).status == 200
    assert (await call(gate, "/auth/x", headers={"host": "localhost"})).status == 421


async def test_a_public_address_makes_the_request_https(make_gate, inside, engine, clock):
    gate = make_gate(public_url="https://console.example.org")
    headers = {"host": "console.example.org", "cookie": f"__Host-openova={await _token(engine, clock)}"}
    answer = await call(gate, "/_event", kind="websocket", headers={**headers, "origin": "https://console.example.org"})
    assert answer.accepted
    assert inside.arrival.secure
    assert inside.scopes[-1]["scheme"] == "wss"
    answer = await call(gate, "/_event", kind="websocket", headers={**headers, "origin": "http://console.example.org"})
    assert not answer.accepted


async def test_over_https_a_cookie_without_the_prefix_is_nobodys(make_gate, engine, clock):
    gate = make_gate(public_url="https://console.example.org")
    headers = {"host": "console.example.org", "cookie": f"openova={await _token(engine, clock)}"}
    assert (await call(gate, "/", headers=headers)).status == 401


async def test_forwarded_headers_count_for_nothing_without_a_trusted_proxy(gate, inside):
    await call(gate, "/auth/x", headers={"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"})
    assert (inside.arrival.scheme, inside.arrival.address) == ("http", "192.0.2.7")


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.7"),
        (1, "", "192.0.2.7"),
    ],
)
async def test_only_what_trusted_proxies_wrote_counts(make_gate, inside, hops, forwarded, address):
    gate = make_gate(trusted_proxy_hops=hops)
    await call(gate, "/auth/x", headers={"x-forwarded-for": forwarded, "x-forwarded-proto": "https"})
    assert (inside.arrival.scheme, inside.arrival.address) == ("https", address)
    assert inside.scopes[-1]["scheme"] == "https"


async def test_a_scheme_that_is_none_is_ignored(make_gate, inside):
    await call(make_gate(trusted_proxy_hops=1), "/auth/x", headers={"x-forwarded-proto": "javascript"})
    assert inside.arrival.scheme == "http"


async def test_a_given_password_must_be_changed_first(gate, inside, engine, clock):
    cookie = f"openova={await _token(engine, clock, must_change=True)}"
    answer = await call(gate, "/replication", headers={"cookie": cookie, **HTML})
    assert (answer.status, answer.header("location")) == (303, "/auth/password")
    assert (await call(gate, "/api/x", headers={"cookie": cookie})).status == 403
    assert not (await call(gate, "/_event", kind="websocket", headers={"cookie": cookie, "origin": "http://localhost"})).accepted
    assert inside.scopes == []
    assert (await call(gate, "/auth/password", headers={"cookie": cookie})).status == 200


async def test_without_a_database_nobody_gets_in_and_health_still_answers(gate, inside, cookie, monkeypatch):
    async def fail(_token):
        raise OperationalError("x", {}, Exception("gone"))

    monkeypatch.setattr(gate._who, "who", fail)
    answer = await call(gate, "/", headers={"cookie": cookie})
    assert answer.status == 503
    assert "database does not answer" in answer.text
    assert not (await call(gate, "/_event", kind="websocket", headers={"cookie": cookie, "origin": "http://localhost"})).accepted
    assert inside.scopes == []
    assert (await call(gate, "/healthz", headers={"cookie": cookie})).status == 200


async def test_head_gets_no_body(gate):
    answer = await call(gate, "/api/x", method="HEAD")
    assert (answer.status, answer.body) == (401, b"")


@pytest.mark.parametrize(
    "target", ["/", "/replication", "/replication?service=cnpg&range=24h", "/region/region-1#top", "/a?next=//evil.example"]
)
def test_a_path_of_this_site_is_kept(target):
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "", "replication", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "http://evil.example",
        "https:evil.example", "javascript:alert(1)", "/\tevil", "/\n/evil.example", "\t//evil.example", " /x", "/x y", "/\x00",
        "/../x", "/a//b", "/.//evil.example", "/auth/sign-out", "/auth/../x", "/" + "a" * 3000, "?x", "#x", "/\x7f",
    ],
)  # fmt: skip
def test_a_way_out_of_this_site_leads_to_the_front_page(target):
    assert safe_next(target) == "/"


@given(st.text(max_size=60))
def test_the_way_back_never_leaves_the_site(target):
    kept = safe_next(target)
    assert kept.startswith("/")
    assert not kept.startswith(("//", "/\\"))
    assert not any(c in kept for c in "\\\t\r\n")


@pytest.mark.parametrize("path", ["//evil.example", "/%5cevil.example", "/é", "/a b", "/\u2028"])
async def test_the_way_back_in_the_redirect_stays_on_the_site(gate, path):
    answer = await call(gate, path, headers=HTML)
    location = answer.header("location") or "/auth/sign-in"
    assert location.startswith("/auth/sign-in")
    assert location.isascii()
