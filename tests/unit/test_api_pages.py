"""Sign-in, set-up and account pages, through everything that stands before them."""

import contextlib
import re
from urllib.parse import urlencode

import pytest
from sqlmodel import select

from openova_console.access import setup
from openova_console.access.roles import Role
from openova_console.api.account_pages import browser_name
from openova_console.store.database import reading, session
from openova_console.store.tables import AuthSession, User
from tests.support.consoles import NOW, PASSWORD, add_user
from tests.support.pages import Browser, Fields, app, browser, make_app

__all__ = ["app", "browser", "make_app"]

NEW = "a much better passphrase"


async def test_a_deep_link_survives_signing_in(browser, engine):
    add_user(engine, "alice")
    sent = await browser.send("/replication?service=cnpg&range=24h")
    assert sent.status == 303
    answer = await browser.sign_in(path=sent.header("location"))
    assert (answer.status, answer.header("location")) == (303, "/replication?service=cnpg&range=24h")
    assert (await browser.send(answer.header("location"))).text == "the console"


async def test_the_session_cookie_over_http(browser, engine):
    add_user(engine, "alice")
    await browser.sign_in()
    cookie = next(c for c in browser.set_cookies if c.startswith("openova="))
    assert re.fullmatch(r"openova=[\w-]{43}; HttpOnly; Path=/; SameSite=lax", cookie)


async def test_the_session_cookie_over_https_belongs_to_this_host_alone(make_app, engine):
    add_user(engine, "alice")
    browser = Browser(make_app(public_url="https://console.example.org"), "console.example.org", "https")
    await browser.sign_in()
    for cookie in browser.set_cookies:
        assert re.fullmatch(r"__Host-openova(-csrf)?=[\w-]{43}; HttpOnly; Path=/; SameSite=lax; Secure", cookie)
    assert (await browser.send("/")).text == "the console"


async def test_a_wrong_password_keeps_the_name_and_the_way_back(browser, engine):
    add_user(engine, "alice")
    answer = await browser.sign_in(password="wrong password", path="/auth/sign-in?next=/region/region-1")
    page = Fields(answer.text)
    assert answer.status == 401
    assert page.alert == "That name and password do not belong together."
    assert page.forms[0]["fields"]["name"] == "alice"
    assert page.forms[0]["action"] == "/auth/sign-in?next=/region/region-1"
    assert "wrong password" not in answer.text
    assert "openova" not in browser.cookies


async def test_the_lock_out_is_said_and_kept(browser, app, engine, clock):
    add_user(engine, "alice")
    for _ in range(5):
        await browser.sign_in(password="wrong password")
    answer = await browser.sign_in()
    assert (answer.status, answer.header("retry-after")) == (429, "300")
    assert Fields(answer.text).alert == "Too many failed attempts from here: try again in 5 minutes."
    assert (await Browser(app, client=("192.0.2.8", 1)).sign_in()).status == 303
    clock.pass_(minutes=5)
    assert (await browser.sign_in()).status == 303


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_signing_in_never_leads_elsewhere(browser, engine, target):
    add_user(engine, "alice")
    path = "/auth/sign-in?" + urlencode({"next": target})
    assert "evil" not in (await browser.send(path)).text
    form = Fields((await browser.send(path)).text).forms[0]["fields"]
    answer = await browser.send(path, "POST", form | {"name": "alice", "password": PASSWORD})
    assert (answer.status, answer.header("location")) == (303, "/")
    assert (await browser.send(path)).header("location") == "/"


async def test_a_new_sign_in_ends_the_session_before_it(browser, engine, app):
    add_user(engine, "alice")
    form = Fields((await browser.send("/auth/sign-in")).text).forms[0]["fields"]
    await browser.send("/auth/sign-in", "POST", form | {"name": "alice", "password": PASSWORD})
    before = dict(browser.cookies)
    me = (await browser.send("/auth/me")).text
    mark = re.search(r'"csrf":"(\w+)"', me)[1]
    await browser.send("/auth/sign-in", "POST", {"csrf": mark, "name": "alice", "password": PASSWORD})
    assert browser.cookies["openova"] != before["openova"]
    stale = Browser(app)
    stale.cookies = before
    assert (await stale.send("/")).status == 303


async def test_a_session_that_was_planted_does_not_become_anybodys(browser, engine):
    add_user(engine, "alice")
    browser.cookies["openova"] = "planted"
    await browser.sign_in()
    assert browser.cookies["openova"] != "planted"


FORMS = ["/auth/sign-in", "/auth/sign-out", "/auth/password", "/auth/sessions", "/auth/sign-out-everywhere", "/auth/confirm"]


async def _untouched(engine):
    with reading(engine) as s:
        return [row.revoked_at for row in s.exec(select(AuthSession))] == [None] * 2


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("mark", [None, "", "0" * 64, "of another session", "anonymous"])
async def test_a_form_without_the_right_mark_changes_nothing(app, engine, path, mark):
    add_user(engine, "alice")
    browser, other = Browser(app), Browser(app)
    anonymous = Fields((await browser.send("/auth/sign-in")).text).forms[0]["fields"]["csrf"]
    await browser.sign_in()
    await other.sign_in()
    foreign = Fields((await other.send("/auth/sign-out")).text).forms[0]["fields"]["csrf"]
    fields = {"name": "alice", "current": PASSWORD, "password": NEW, "again": NEW}
    if mark is not None:
        fields["csrf"] = {"of another session": foreign, "anonymous": anonymous}.get(mark, mark)
    answer = await browser.send(path, "POST", fields)
    assert answer.status in (303, 403)
    assert not any("openova=" in cookie for cookie in answer.all("set-cookie"))
    assert await _untouched(engine)
    assert (await browser.send("/")).text == "the console"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
@pytest.mark.parametrize("path", FORMS)
async def test_a_form_from_another_site_is_refused_at_the_gate(browser, engine, path, origin):
    add_user(engine, "alice")
    await browser.sign_in()
    mark = Fields((await browser.send("/auth/sign-out")).text).forms[0]["fields"]["csrf"]
    assert (await browser.send(path, "POST", {"csrf": mark}, origin=origin)).status == 403


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"name": "alice"}'),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("text/plain", b"name=alice"),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 20_000),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % i for i in range(50))),
        ("application/x-www-form-urlencoded", b"name=%ff%fe&password=x"),
        ("application/x-www-form-urlencoded", b"\xff\xfe"),
        ("application/x-www-form-urlencoded", b""),
    ],
)
async def test_what_is_no_form_is_refused_in_one_sentence(browser, engine, content_type, body):
    add_user(engine, "alice")
    await browser.send("/auth/sign-in")
    answer = await browser.send("/auth/sign-in", "POST", body, content_type=content_type)
    assert answer.status == (400 if body else 403)
    assert Fields(answer.text).alert


async def test_signing_out_ends_the_session_on_the_server_too(browser, app, engine):
    add_user(engine, "alice")
    await browser.sign_in()
    stolen = Browser(app)
    stolen.cookies = dict(browser.cookies)
    answer = await browser.fill("/auth/sign-out")
    assert (answer.status, answer.header("location")) == (303, "/auth/sign-in")
    assert "openova" not in browser.cookies
    assert (await stolen.send("/")).status == 303


async def test_signing_out_everywhere_ends_them_all(app, engine):
    add_user(engine, "alice")
    add_user(engine, "bob")
    browsers = [Browser(app) for _ in range(3)]
    for one in browsers:
        await one.sign_in()
    bob = Browser(app)
    await bob.sign_in("bob")
    page = Fields((await browsers[0].send("/auth/sessions")).text)
    number = next(i for i, form in enumerate(page.forms) if form["action"] == "/auth/sign-out-everywhere")
    await browsers[0].fill("/auth/sessions", number)
    for one in browsers:
        assert (await one.send("/")).status == 303
    assert (await bob.send("/")).text == "the console"


async def test_sessions_are_listed_and_ended_one_by_one(app, engine):
    add_user(engine, "alice")
    here, there = Browser(app), Browser(app, client=("192.0.2.99", 1))
    await here.sign_in()
    await there.sign_in()
    text = (await here.send("/auth/sessions")).text
    assert "192.0.2.99" in text
    assert "2026-03-01 12:00" in text
    assert text.count("this one") == 1
    assert "<b>Browser" not in text
    await here.fill("/auth/sessions")
    assert (await there.send("/")).status == 303
    assert (await here.send("/")).text == "the console"


async def test_the_session_of_another_person_cannot_be_ended(app, engine):
    add_user(engine, "alice")
    mallory_user = add_user(engine, "mallory")
    alice, mallory = Browser(app), Browser(app)
    await alice.sign_in()
    await mallory.sign_in("mallory")
    with reading(engine) as s:
        target = s.exec(select(AuthSession).where(AuthSession.user_id != mallory_user.id)).one().id
    mark = Fields((await mallory.send("/auth/sessions")).text).forms[0]["fields"]["csrf"]
    await mallory.send("/auth/sessions", "POST", {"csrf": mark, "session": target})
    assert (await alice.send("/")).text == "the console"


async def test_changing_the_password_ends_the_other_sessions_and_renews_this_one(app, engine):
    add_user(engine, "alice")
    here, there = Browser(app), Browser(app)
    await here.sign_in()
    await there.sign_in()
    before = here.cookies["openova"]
    answer = await here.fill("/auth/password", current=PASSWORD, password=NEW, again=NEW)
    assert (answer.status, answer.header("location")) == (303, "/")
    assert here.cookies["openova"] != before
    assert (await here.send("/")).text == "the console"
    assert (await there.send("/")).status == 303
    assert (await there.sign_in()).status == 401
    assert (await there.sign_in(password=NEW)).status == 303


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"current": "wrong password", "password": NEW, "again": NEW}, 401, "current password is not right"),
        ({"current": PASSWORD, "password": NEW, "again": NEW + "x"}, 422, "passwords differ"),
        ({"current": PASSWORD, "password": "short", "again": "short"}, 422, "at least 12"),
        ({"current": PASSWORD, "password": PASSWORD, "again": PASSWORD}, 422, "is the old one"),
    ],
)
async def test_a_refused_new_password_says_why(browser, engine, fields, status, sentence):
    add_user(engine, "alice")
    await browser.sign_in()
    answer = await browser.fill("/auth/password", **fields)
    assert answer.status == status
    assert sentence in Fields(answer.text).alert
    assert (await browser.send("/")).text == "the console"


async def test_the_current_password_cannot_be_guessed_from_an_open_session(browser, engine):
    add_user(engine, "alice")
    await browser.sign_in()
    for _ in range(5):
        await browser.fill("/auth/password", current="wrong password", password=NEW, again=NEW)
    assert (await browser.fill("/auth/password", current=PASSWORD, password=NEW, again=NEW)).status == 429


async def test_a_given_password_leads_to_changing_it(browser, engine):
    add_user(engine, "alice", must_change=True)
    answer = await browser.sign_in(path="/auth/sign-in?next=/replication")
    assert answer.header("location") == "/auth/password"
    assert (await browser.send("/replication")).header("location") == "/auth/password"
    await browser.fill("/auth/password", current=PASSWORD, password=NEW, again=NEW)
    assert (await browser.send("/replication")).text == "the console"


async def test_the_first_administrator_is_made_with_the_code_from_the_log(browser, engine):
    with session(engine) as s:
        code = setup.issue(session=s, now=NOW)
    assert (await browser.send("/auth/sign-in")).header("location") == "/auth/setup"
    answer = await browser.fill("/auth/setup", code=code, name="root", password=PASSWORD, again=PASSWORD)
    assert Fields(answer.text).forms[0]["fields"]["name"] == "root"
    assert (await browser.sign_in("root")).status == 303
    with reading(engine) as s:
        assert [(u.name, u.role) for u in s.exec(select(User))] == [("root", Role.ADMIN.value)]
    again = await Browser(browser.app).send("/auth/setup")
    assert again.header("location") == "/auth/sign-in"


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"code": "WRONG"}, 403, "not valid"),
        ({"again": "another password"}, 422, "differ"),
        ({"password": "short", "again": "short"}, 422, "at least 12"),
        ({"name": "a b"}, 422, "A name has"),
    ],
)
async def test_a_refused_set_up_says_why_and_keeps_the_name(browser, engine, fields, status, sentence):
    with session(engine) as s:
        code = setup.issue(session=s, now=NOW)
    good = {"code": code, "name": "root", "password": PASSWORD, "again": PASSWORD}
    answer = await browser.fill("/auth/setup", **(good | fields))
    page = Fields(answer.text)
    assert answer.status == status
    assert sentence in page.alert
    assert page.forms[0]["fields"]["name"] == (good | fields)["name"]
    assert page.forms[0]["fields"]["code"] == ""


async def test_set_up_cannot_be_posted_once_somebody_exists(browser, engine):
    with session(engine) as s:
        code = setup.issue(session=s, now=NOW)
    form = Fields((await browser.send("/auth/setup")).text).forms[0]["fields"]
    add_user(engine, "root", Role.ADMIN)
    fields = form | {"code": code, "name": "mallory", "password": PASSWORD, "again": PASSWORD}
    assert (await browser.send("/auth/setup", "POST", fields)).header("location") == "/auth/sign-in"
    with reading(engine) as s:
        assert len(s.exec(select(User)).all()) == 1


async def test_every_page_is_labelled_escaped_and_names_the_environment(browser, engine):
    add_user(engine, "alice")
    pages = [(await browser.send("/auth/sign-in")).text]
    await browser.sign_in()
    pages += [(await browser.send(p)).text for p in ("/auth/password", "/auth/sessions", "/auth/sign-out", "/auth/confirm")]
    for text in pages:
        page = Fields(text)
        visible = [i for i in page.inputs if i.get("type") != "hidden" and "hidden" not in i]
        assert all(i["id"] in page.labels and i["autocomplete"] for i in visible)
        assert "<title>" in text
        assert "· test ·" in text
        assert '<html lang="en">' in text
        assert "<script" not in text
        assert " style=" not in text


async def test_what_was_typed_is_text_and_never_markup(browser, engine):
    add_user(engine, "alice")
    answer = await browser.sign_in(name='"><script>alert(1)</script>', password="wrong password")
    assert "<script" not in answer.text
    assert Fields(answer.text).forms[0]["fields"]["name"] == '"><script>alert(1)</script>'


async def test_who_am_i(browser, engine):
    assert (await browser.send("/auth/me", accept="application/json")).status == 401
    add_user(engine, "alice", Role.OPERATOR)
    await browser.sign_in()
    answer = await browser.send("/auth/me")
    assert '"name":"alice","role":"operator"' in answer.text


@pytest.mark.parametrize("path", ["/auth/password", "/auth/sessions", "/auth/sign-out", "/auth/confirm"])
async def test_account_pages_send_the_anonymous_to_the_sign_in(browser, engine, path):
    add_user(engine, "alice")
    assert (await browser.send(path)).header("location") == "/auth/sign-in"
    assert (await browser.send(path, "POST", {})).header("location") == "/auth/sign-in"


@pytest.mark.parametrize(("path", "method", "status"), [("/auth/x", "GET", 404), ("/auth/sign-in", "DELETE", 405)])
async def test_what_there_is_not_gets_a_sentence(browser, engine, path, method, status):
    add_user(engine, "alice")
    await browser.sign_in()
    answer = await browser.send(path, method, origin="http://localhost")
    assert answer.status == status
    assert answer.text.endswith((".", "page."))
    assert answer.header("content-security-policy")


async def test_an_error_inside_is_one_sentence_with_every_header(make_app, monkeypatch):
    async def fail(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("openova_console.api.auth_pages._setup_wanted", fail)
    app = make_app()

    async def quiet(scope, receive, send):
        # The server logs what is raised here; the browser has its answer already.
        with contextlib.suppress(RuntimeError):
            await app(scope, receive, send)

    answer = await Browser(quiet).send("/auth/sign-in")
    assert answer.status == 500
    assert "Its log says why" in answer.text
    assert "secret" not in answer.text
    assert answer.header("x-content-type-options") == "nosniff"


async def test_the_pages_of_the_console_are_behind_it_all(browser, engine):
    add_user(engine, "alice")
    await browser.sign_in()
    answer = await browser.send("/")
    assert answer.text == "the console"
    assert answer.header("server") == "openova"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("cache-control") == "no-cache"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1 Version/17 Safari/605.1", "Safari on macOS"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android"),
        ("curl/8.0", "curl/8.0"),
        ("", "An unknown browser"),
    ],
)
def test_a_browser_is_called_what_a_person_calls_it(user_agent, name):
    assert browser_name(user_agent) == name
