"""Pauses, signatures, addresses and what a message says: the rules of telling people."""

import base64
import hashlib
import hmac
import ipaddress
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.notify import signing
from openova_console.notify.addresses import against, meant
from openova_console.notify.message import chat_body, mail
from openova_console.notify.pauses import JITTER, LONGEST_WISH_S, pause_s, retry_after_s
from openova_console.settings.notify import HookAddress, Webhook
from tests.support.hooks import KEY, SECRET, START, Got, message

ATTEMPTS, CHANCES = st.integers(1, 10_000), st.floats(0, 1)


@given(ATTEMPTS, CHANCES, st.floats(0.1, 60), st.floats(60, 86_400))
def test_pauses_stay_between_the_first_and_the_longest(attempt: int, chance: float, first: float, longest: float) -> None:
    pause = pause_s(attempt, first_s=first, longest_s=longest, chance=chance)
    assert first * (1 - JITTER) <= pause <= longest
    assert pause_s(attempt + 1, first_s=first, longest_s=longest, chance=chance) >= pause


def test_pauses_double_until_the_longest() -> None:
    pauses = [pause_s(n, first_s=10, longest_s=3600, chance=0) for n in range(1, 12)]
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]


def test_chance_takes_off_up_to_a_quarter() -> None:
    assert pause_s(1, first_s=10, longest_s=3600, chance=1) == 7.5


@given(ATTEMPTS, CHANCES, st.floats(0, 1e9))
def test_a_wish_makes_a_pause_longer_and_never_shorter(attempt: int, chance: float, wish: float) -> None:
    own = pause_s(attempt, first_s=10, longest_s=3600, chance=chance)
    assert pause_s(attempt, first_s=10, longest_s=3600, chance=chance, wish_s=wish) == max(own, min(wish, LONGEST_WISH_S))


@given(st.integers(0, 10**11 - 1))
def test_retry_after_in_seconds(seconds: int) -> None:
    assert retry_after_s(f" {seconds} ", START) == seconds


@given(st.integers(-(10**6), 10**6))
def test_retry_after_as_a_date(seconds: int) -> None:
    text = format_datetime((START + timedelta(seconds=seconds)).astimezone(UTC), usegmt=True)
    assert retry_after_s(text, START) == max(0, seconds)


@given(st.text(max_size=30))
def test_retry_after_that_is_none_never_raises(text: str) -> None:
    found = retry_after_s(text, START)
    assert found is None or found >= 0


@pytest.mark.parametrize("text", [None, "", "soon", "-5", "1.5", "٣", "Sun, 99 Nov 2026 00:00:00 GMT", "9" * 30])
def test_what_is_no_retry_after_is_none(text: str | None) -> None:
    assert retry_after_s(text, START) is None


def test_the_signature_of_a_known_example() -> None:
    # The example of the specification's own libraries.
    key = signing.key_from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signing.headers(key, id_="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=b'{"test": 2432232314}')
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=24, max_size=64), st.text("0123456789abcdef", min_size=32, max_size=32), st.text(max_size=300))
def test_every_signature_passes_an_independent_check_and_fails_it_once_anything_is_changed(
    key: bytes, id_: str, text: str
) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    body = text.encode()
    made = signing.headers(signing.key_from(secret), id_=id_, timestamp=1_700_000_000, body=body)
    assert Got("/", made, body).is_signed(secret)
    assert not Got("/", made, body + b" ").is_signed(secret)
    assert not Got("/", {**made, "webhook-timestamp": "1700000001"}, body).is_signed(secret)
    assert not Got("/", {**made, "webhook-id": "x"}, body).is_signed(secret)
    other = "whsec_" + base64.b64encode(hashlib.sha256(key).digest()).decode()
    assert not Got("/", made, body).is_signed(other)


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_@@@@", "whsec_" + base64.b64encode(b"x" * 23).decode(), SECRET[6:], "ключ"]
)
def test_what_is_no_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError) as error:
        signing.key_from(text)
    assert len(text) < 8 or text not in str(error.value)
    assert signing.key_from(SECRET) == KEY
    assert hmac.compare_digest(KEY, signing.key_from(SECRET))


PRIVATE = ["127.0.0.1", "127.255.0.9", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "100.127.255.255", "::1",
           "fd12:3456::1", "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1",
           "2002:a00:1::", "::127.0.0.1"]  # fmt: skip
LISTED = ["169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "100.100.100.200",
          "168.63.129.16", "fd00:ec2::254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::"]  # fmt: skip
NEVER = ["0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "239.255.255.255", "ff02::1", "240.0.0.1", "255.255.255.255",
         "::ffff:0.0.0.0", "::ffff:255.255.255.255"]  # fmt: skip
ODD = ["192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "2001:db8::1", "fec0::1", "64:ff9b:1::1", "2001::1", "100::1"]
PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_need_a_word_in_the_settings(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert against(address) == "a private or loopback address"
    assert against(address, allow_private=True) == ""


@pytest.mark.parametrize("text", LISTED)
def test_link_local_and_metadata_are_not_even_private(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert against(address) and against(address, allow_private=True)
    reached = meant(address)
    assert against(address, networks=[ipaddress.ip_network(str(reached).partition("%")[0])]) == ""


@pytest.mark.parametrize("text", NEVER)
def test_what_no_service_can_have_is_never_sent_to(text: str) -> None:
    everything = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
    assert against(ipaddress.ip_address(text), allow_private=True, networks=everything) == "an address that no service can have"


@pytest.mark.parametrize("text", ODD)
def test_what_is_not_public_is_not_sent_to(text: str) -> None:
    assert against(ipaddress.ip_address(text), allow_private=True) == "an address that is not public"


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_sent_to_unless_networks_say_otherwise(text: str) -> None:
    assert against(ipaddress.ip_address(text)) == ""
    ours = [ipaddress.ip_network("10.0.0.0/8")]
    assert against(ipaddress.ip_address(text), allow_private=True, networks=ours).startswith("outside of the networks")


@given(st.ip_addresses(v=4))
def test_an_address_in_disguise_is_judged_as_what_it_leads_to(address: ipaddress.IPv4Address) -> None:
    for disguise in (
        ipaddress.IPv6Address(f"::ffff:{address}"),
        ipaddress.IPv6Address(f"64:ff9b::{address}"),
        ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80)),
    ):
        assert against(disguise) == against(address), disguise


@given(st.ip_addresses())
def test_only_global_addresses_pass_by_default(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if against(address) == "":
        assert meant(address).is_global and not meant(address).is_multicast


GOOD = ["https://hooks.example/services/T/B/x", "https://hooks.example", "https://hooks.example:8443/a?b=c", "https://[2606::1]/x",
        "http://127.0.0.1:1/x", "http://[::1]:80/", "http://localhost/x"]  # fmt: skip
BAD = ["http://hooks.example/x", "ftp://hooks.example/x", "https://u:p@hooks.example/x", "https://hooks.example/x#y", "https:///x",
       "https://hooks.example\\@evil.example/", "https://hooks.example/ x", "https://hooks.example/\n", "https://hooks.example:0/",
       "https://hooks.example:70000/", "https://hooks.example:/", "//hooks.example/x", "", "https://hö.example/", "http://2130706433/",
       "http://0x7f.1/", "http://127.1/"]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_an_address_that_can_be_used(text: str) -> None:
    assert HookAddress.against(text, allow_plain=False) == ""


@pytest.mark.parametrize("text", BAD)
def test_an_address_that_cannot_be_used_is_never_shown(text: str) -> None:
    wrong = HookAddress.against(text, allow_plain=False)
    assert wrong and "hooks" not in wrong


def test_plain_http_leaves_this_machine_only_when_the_settings_say_so() -> None:
    assert HookAddress.against("http://hooks.example/x", allow_plain=True) == ""


def test_which_events_a_target_wants() -> None:
    def wants(event: str, *, urgent: bool = False, **more: object) -> bool:
        return Webhook(name="chat", kind="webhook", url="https://hooks.example/", **more).wants(event, urgent=urgent)  # type: ignore[arg-type]

    assert wants("run.asks")
    assert wants("run.asks", events=("approval.*", "run.asks")) and wants("approval.waits", events=("approval.*",))
    assert not wants("approval", events=("approval.*",)) and not wants("approvals.wait", events=("approval.*",))
    assert not wants("run.ended", events=("run.asks",))
    assert wants("run.asks", urgent=True, urgent_only=True) and not wants("run.asks", urgent_only=True)


def test_a_chat_message_has_text_an_attachment_and_the_deep_link() -> None:
    body = json.loads(chat_body(message(urgent=True)))
    (attachment,) = body["attachments"]
    assert body["text"] == "Urgent: Approval needed: Restart portal\nhttps://console.example/approvals?operation=1"
    assert attachment["title_link"] == "https://console.example/approvals?operation=1"
    assert attachment["text"] == "olga asks: Restart portal. Reason: stale connections."
    assert attachment["ts"] == START.timestamp()


def test_without_an_address_of_its_own_the_console_names_the_path() -> None:
    (attachment,) = json.loads(chat_body(message(link="/runs/1")))["attachments"]
    assert "title_link" not in attachment
    assert attachment["text"].endswith("\nIn the console: /runs/1")
    assert (
        "In the console: /runs/1"
        in mail(message(link="/runs/1"), sender="a@b.example", recipients=("c@d.example",)).get_content()
    )


def test_a_text_that_is_too_long_for_a_chat_is_cut_and_says_so() -> None:
    body = chat_body(message(text="&" * 100_000))
    assert len(body) < 16_000
    assert json.loads(body)["attachments"][0]["text"].endswith("&amp;… (the console has the rest)")


@given(st.text(max_size=80))
def test_what_people_write_calls_nobody_and_hides_no_link(text: str) -> None:
    body = json.loads(chat_body(message(title=text, text=f"<!channel> @all [here](https://evil.example) {text}")))
    for shown in (body["text"], body["attachments"][0]["text"], body["attachments"][0]["title"]):
        assert "<" not in shown and ">" not in shown and "@all" not in shown and "](" not in shown


@given(st.text(max_size=80), st.text(max_size=200))
def test_a_mail_is_well_formed_whatever_people_write(title: str, text: str) -> None:
    from email import message_from_bytes, policy

    from openova_console.notify.message import _line

    made = mail(
        message(title=_line(title), text=text), sender="console@acme.example", recipients=("a@acme.example", "b@acme.example")
    )
    read = message_from_bytes(made.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert (read["From"], read["To"]) == ("console@acme.example", "a@acme.example, b@acme.example")
    assert read["Message-ID"] == f"<{'ab' * 16}@acme.example>"
    assert read["Bcc"] is None and len(read.keys()) == len(made.keys())
    assert "https://console.example/approvals?operation=1" in read.get_content()


def test_the_mail_says_when_as_the_notification_does() -> None:
    made = mail(message(urgent=True, place="ac\nme"), sender="console@acme.example", recipients=("a@acme.example",))
    assert made["Date"].datetime == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert made["Subject"] == "[ac me] Urgent: Approval needed: Restart portal"
    assert made["Importance"] == "high"
