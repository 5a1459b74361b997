"""What every page says of changes follows the books: requests, freezes, incidents; or says that they cannot be read."""

from datetime import timedelta

from openova_console.access.roles import Role
from openova_console.operations.evidence import Freshness
from openova_console.web.books import Books, Seen
from openova_console.web.topics.changes import values
from tests.support.engines import Bench


async def test_the_books_ring_when_something_is_asked_for_and_when_it_is_over(bench: Bench):
    books, heard = Books(bench.engine, bench.database, now=bench.now), []
    books.listen(lambda: heard.append(books.seen.stamp))
    await books.start()
    try:
        assert books.seen.counts == {"waiting": 0, "running": 0, "asking": 0}
        row = await bench.ask()
        await bench.when(lambda: books.seen.counts["waiting"] == 1)
        shown = values(books.seen, bench.settings, bench.now())
        assert (shown["waiting"], shown["title_mark"], shown["busy"]) == ("1", "(1) ", "")
        await bench.engine.decisions.deny(row.id, bench.person("anna", Role.APPROVER), reason="not tonight, please")
        await bench.when(lambda: books.seen.counts["waiting"] == 0)
        assert len(set(heard)) == len(heard) > 1
    finally:
        await books.stop()


async def test_a_freeze_is_said_in_words_and_an_incident_beside_it(bench: Bench):
    books = Books(bench.engine, bench.database, now=bench.now)
    await bench.engine.governance.freeze(bench.person("olga"), scope="region", value="region-1", reason="a storm is coming")
    await bench.engine.governance.declare(bench.person("olga"), title="Payments are down")
    await books.look()
    await books.look_over()
    shown = values(books.seen, bench.settings, bench.now())
    (freeze,), (incident,) = shown["freezes"], shown["incidents"]
    assert (freeze.title, freeze.reason, freeze.here) == ("Changes of Region 1 are frozen", "a storm is coming", True)
    assert (incident.title, incident.by) == ("Payments are down", "olga")
    assert shown["others_note"] == ""


async def test_freezes_of_the_other_console_that_cannot_be_read_are_said_to_be_unknown(bench: Bench):
    unread = values(Seen(), bench.settings, bench.now())
    assert "is not known" in unread["others_note"]
    books = Books(bench.engine, bench.database, now=bench.now)
    await books.look()
    await books.look_over()
    assert books.seen.others.freshness is Freshness.FRESH
    assert values(books.seen, bench.settings, bench.now())["others_note"] == ""
    later = values(books.seen, bench.settings, bench.now() + timedelta(seconds=61))
    assert "is not known (it was last read too long ago)" in later["others_note"] and later["freezes"] == []


async def test_books_that_cannot_be_read_say_so_and_count_nothing(bench: Bench):
    books = Books(bench.engine, bench.database, now=bench.now, every_s=0.02)
    await books.start()
    try:
        with bench.database.begin() as opened:
            opened.exec_driver_sql("ALTER TABLE freezes RENAME TO gone")
        await bench.when(lambda: books.seen.trouble != "")
        shown = values(books.seen, bench.settings, bench.now())
        assert (shown["waiting"], shown["trouble"]) == ("", "The console's own database does not answer.")
        with bench.database.begin() as opened:
            opened.exec_driver_sql("ALTER TABLE gone RENAME TO freezes")
        await bench.when(lambda: books.seen.trouble == "" and bool(books.seen.counts))
    finally:
        await books.stop()
