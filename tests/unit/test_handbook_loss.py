"""What would be lost, added up: a service that is not known is named and never counted as nothing."""

from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.loss import loss
from openova_console.handbook.replication import Assessment
from openova_console.handbook.words import Judgement, Verdict

OK, UNKNOWN = Judgement.ok("fine"), Judgement.unknown("no sample")

assessments = st.builds(
    Assessment,
    judgement=st.sampled_from(list(Verdict)).map(lambda v: Judgement(v, "said")),
    lag_s=st.none() | st.floats(0, 1e6),
    at_risk_bytes=st.none() | st.floats(0, 1e12),
)


def test_the_service_that_loses_most_speaks_for_all():
    found = loss("Region 1", [("Postgres", Assessment(OK, 0.4, 1200)), ("MongoDB", Assessment(OK, 3.1))])
    assert found.sentence == "If Region 1 died now: up to 3.1 s of writes (MongoDB); 1.2 KB of what is counted in bytes"
    assert (found.longest_s, found.bytes, found.known, found.unknown) == (3.1, 1200, 2, ())
    assert found.confidence == "known for 2 of 2 services"


def test_what_is_not_known_is_named():
    found = loss(
        "Region 1", [("Postgres", Assessment(OK, 0.0)), ("Vault", Assessment(UNKNOWN)), ("Gitea", Assessment(UNKNOWN, 9))]
    )
    assert found.sentence == "If Region 1 died now: nothing that is measured; not known for Vault and Gitea"
    assert found.confidence == "known for 1 of 3 services"


def test_a_breach_without_a_figure_is_not_known():
    found = loss("Region 1", [("Valkey", Assessment(Judgement.breach("not a replica")))])
    assert found.sentence == "If Region 1 died now, what would be lost is not known"
    assert (found.longest_s, found.bytes, found.unknown) == (None, None, ("Valkey",))


def test_bytes_of_a_service_that_is_not_known_do_not_count():
    assert loss("Region 1", [("Valkey", Assessment(UNKNOWN, None, 500))]).bytes is None


def test_many_unknown_services_are_counted():
    rows = [(name, Assessment(UNKNOWN)) for name in "ABCDEF"] + [("G", Assessment(OK, 1))]
    assert loss("R", rows).sentence.endswith("not known for A, B, C and 3 more")


@given(st.lists(assessments, max_size=8))
def test_every_service_is_either_measured_or_named(found):
    rows = [(f"S{n}", a) for n, a in enumerate(found)]
    total = loss("Region 1", rows)
    assert total.known + len(total.unknown) == total.total == len(rows)
    assert (total.longest_s is None) == (total.known == 0)
    for title, a in rows:
        if title not in total.unknown:
            assert a.judgement.verdict is not Verdict.UNKNOWN
            assert total.longest_s >= a.lag_s
