"""The witnesses over TLS, TCP and UDP: truth, silence, lies, and the answers captured from real resolvers and a stub."""

import ast
import asyncio
import re
import ssl
import struct
from pathlib import Path

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from openova_console.lab.faults import Fault
from openova_console.lab.names import WITNESSES
from tests.lab.running import HOST, Running

PROBE_1, PROBE_2 = "x1y2.probe.region-1.lab.example", "x1y2.probe.region-2.lab.example"
CONTROL = "control.lab.example"


def ede(answer: dns.message.Message) -> list[int]:
    return [int(option.code) for option in answer.extended_errors()]


def flags(answer: dns.message.Message) -> str:
    return dns.flags.to_text(answer.flags)


@pytest.mark.parametrize("how", ["tls", "tcp", "udp"])
@pytest.mark.parametrize("witness", WITNESSES)
async def test_each_witness_knows_both_regions_and_the_control(here: Running, witness: str, how: str) -> None:
    found = [await here.ask(witness, name, how=how) for name in (PROBE_1, PROBE_2, CONTROL)]
    assert [str(a.answer[0][0]) for a in found] == ["192.0.2.10", "198.51.100.10", "203.0.113.53"]
    assert {flags(a) for a in found} == {"QR RD RA"}, "as captured from a recursive resolver"
    assert all(a.rcode() == dns.rcode.NOERROR and not ede(a) for a in found)


async def test_other_names_and_types(here: Running) -> None:
    for name in ("nope.lab.example", "probe.region-1.lab.example", "probe.region-3.lab.example", "example.com"):
        answer = await here.ask("witness-1", name)
        assert (answer.rcode(), answer.answer) == (dns.rcode.NXDOMAIN, [])
    assert (await here.ask("witness-1", PROBE_1, kind="AAAA")).answer == []
    assert "region-1" in str((await here.ask("witness-1", PROBE_1, kind="TXT")).answer[0])


@pytest.mark.parametrize(
    ("lie", "probe", "control"),
    [
        ("servfail", ("SERVFAIL", [22], 0), ("SERVFAIL", [], 0)),
        ("refused", ("REFUSED", [], 0), ("REFUSED", [], 0)),
        ("nxdomain", ("NXDOMAIN", [], 0), ("NOERROR", [], 1)),
        ("stale", ("NOERROR", [3], 1), ("NOERROR", [], 1)),
        ("forged", ("NOERROR", [], 1), ("NOERROR", [], 1)),
        ("empty", ("NOERROR", [], 0), ("NOERROR", [], 0)),
    ],
)
async def test_lies(here: Running, lie: str, probe: tuple, control: tuple) -> None:
    await here.go("r1_down")
    await here.lab.set_fault("witness-1", Fault.parse(f"answers:{lie}"))
    for name, expected in ((PROBE_1, probe), (CONTROL, control)):
        answer = await here.ask("witness-1", name)
        assert (dns.rcode.to_text(answer.rcode()), ede(answer), len(answer.answer)) == expected
    assert (await here.ask("witness-1", PROBE_2)).answer or lie in ("servfail", "refused", "nxdomain", "empty")
    if lie == "stale":
        assert (await here.ask("witness-1", PROBE_1)).answer[0].ttl == 0


async def test_a_cache_that_serves_stale_does_so_only_for_what_it_cannot_reach(here: Running) -> None:
    await here.go("r1_down")
    await here.lab.set_fault("witness-1", Fault.parse("answers:serve_stale"))
    assert [ede(await here.ask("witness-1", name)) for name in (PROBE_1, PROBE_2, CONTROL)] == [[3], [], []]


async def test_truncation_leads_to_tcp(here: Running) -> None:
    await here.lab.set_fault("witness-2", Fault.parse("answers:truncate"))
    short = await here.ask("witness-2", PROBE_1, how="udp")
    assert flags(short) == "QR TC RD RA" and not short.answer
    answer, over_tcp = await dns.asyncquery.udp_with_fallback(
        dns.message.make_query(PROBE_1, "A"), HOST, 1, here.lab.ports["witness-2"]
    )
    assert over_tcp and answer.answer


async def test_silence_late_answers_and_foreign_ids(here: Running) -> None:
    for lie in ("silent", "late"):
        await here.lab.set_fault("witness-3", Fault.parse(f"answers:{lie}"))
        for how in ("tls", "udp"):
            with pytest.raises(dns.exception.Timeout):
                await here.ask("witness-3", PROBE_1, how=how, timeout=0.2)
    await here.lab.set_fault("witness-3", Fault.parse("answers:wrong_id"))
    with pytest.raises(dns.query.BadResponse):
        await here.ask("witness-3", PROBE_1)


async def test_without_edns_there_is_no_explanation(here: Running) -> None:
    await here.go("r1_down")
    answer = await dns.asyncquery.udp(dns.message.make_query(PROBE_1, "A"), HOST, 1, here.lab.ports["witness-1"])
    assert answer.rcode() == dns.rcode.SERVFAIL and answer.edns == -1


async def test_the_certificate_names_the_provider(here: Running) -> None:
    question = dns.message.make_query(CONTROL, "A")
    with pytest.raises(ssl.SSLCertVerificationError):
        await dns.asyncquery.tls(
            question,
            HOST,
            1,
            here.lab.ports["witness-1/tls"],
            ssl_context=here.trust(),
            server_hostname="dns.quad9.net",
        )


async def test_broken_questions_get_format_error_and_do_no_harm(here: Running) -> None:
    reader, writer = await asyncio.open_connection(HOST, here.lab.ports["witness-1"])
    for junk in (b"\x12\x34" + b"\xff" * 20, b"\x12"):
        writer.write(struct.pack("!H", len(junk)) + junk)
    answer = await asyncio.wait_for(reader.read(512), 5)
    assert answer[2:4] == b"\x12\x34" and answer[5] & 0x0F == dns.rcode.FORMERR
    writer.close()
    assert (await here.ask("witness-1", CONTROL, how="tcp")).answer
    status = dns.message.make_query(CONTROL, "A")
    status.set_opcode(2)
    refusal = await dns.asyncquery.udp(status, HOST, 1, here.lab.ports["witness-1"])
    assert refusal.rcode() == dns.rcode.NOTIMP


def captured() -> dict[str, tuple]:
    """The stub's and the resolver's answers in dns.txt: name to what came back."""
    text = (Path(__file__).parent / "samples" / "services" / "dns.txt").read_text()
    rows = (
        re.match(r"(stub \w+|bind-forwarder: again|bind-forwarder: bind, NXDOMAIN) (\(.*\))$", line) for line in text.splitlines()
    )
    return {row.group(1): ast.literal_eval(row.group(2)) for row in rows if row}


@pytest.mark.parametrize(
    ("sample", "state"),
    [
        ("stub ok", "up"),
        ("stub nx", "answers:nxdomain"),
        ("bind-forwarder: bind, NXDOMAIN", "answers:nxdomain"),
        ("stub servfail", "answers:servfail"),
        ("stub refused", "answers:refused"),
        ("stub empty", "answers:empty"),
        ("stub tcp", "answers:truncate"),
        ("stub stale", "answers:stale"),
        ("bind-forwarder: again", "answers:stale"),
    ],
)
async def test_answers_have_the_captured_codes_flags_and_extent(here: Running, sample: str, state: str) -> None:
    rcode, told, answers, extended, _ = captured()[sample]
    await here.lab.set_fault("witness-1", Fault.parse(state))
    name = CONTROL if state == "answers:servfail" else PROBE_1
    got = await here.ask("witness-1", name, how="udp")
    assert (dns.rcode.to_text(got.rcode()), flags(got), len(got.answer)) == (rcode, told, len(answers))
    assert ede(got) == [int(text.split()[1]) for text in extended]


@pytest.mark.parametrize(("sample", "state"), [("stub drop", "answers:silent"), ("stub slow", "answers:late")])
async def test_what_timed_out_in_the_capture_times_out_here(here: Running, sample: str, state: str) -> None:
    outcome, seconds = captured()[sample]
    assert (outcome, seconds) == ("Timeout", 1.0)
    await here.lab.set_fault("witness-1", Fault.parse(state))
    with pytest.raises(dns.exception.Timeout):
        await here.ask("witness-1", PROBE_1, how="udp", timeout=seconds)
