"""The Gitea row: heads that are equal, behind, ahead, parted; mirrors that fail, wait or do not exist; its own Postgres."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.gitea import (
    Account,
    BranchEvidence,
    GiteaEvidence,
    GiteaSide,
    Head,
    RepositoryEvidence,
    SeenHead,
    judge_gitea,
)
from openova_console.handbook.mirrors import Mirrors, PushMirror
from openova_console.handbook.replication import Assessment, Hop, Objective, Service
from openova_console.handbook.words import Judgement, Reading, Verdict
from tests.support.factories import NOW, ago, missing, reading, untimed

GOAL = Objective(Service.GITEA, 60, 600)
REPO = "acme/platform"
A, B = "a" * 40, "b" * 40


def mirror(**changes) -> PushMirror:
    return replace(PushMirror("gitea.example", ago(30), "", 60, True), **changes)


def mirrors(*push: PushMirror, **changes) -> Reading[Mirrors]:
    return reading(replace(Mirrors(False, None, 0, push or (mirror(),)), **changes))


def branch(commit: str, *seen: tuple[str, float], account: Account | None = None, age_s: float = 1) -> BranchEvidence:
    head = Head(commit, tuple(SeenHead(name, ago(age)) for name, age in seen))
    return BranchEvidence(reading(head, age_s=age_s), account)


def side(region: str, found: BranchEvidence, told: Reading[Mirrors] | None = None) -> GiteaSide:
    return GiteaSide(region, GiteaEvidence({REPO: RepositoryEvidence(told or mirrors(), {"main": found})}))


def judged(
    one: BranchEvidence, two: BranchEvidence, here: Reading | None = None, there: Reading | None = None, **more
) -> Assessment:
    sides = (side("Region 1", one, here), side("Region 2", two, there))
    options = {"database": None, "now": NOW, "budget_s": 120, **more}
    return judge_gitea(GOAL, *sides, [(REPO, "main")], **options)


def knows(mine: str, theirs: str, only_mine: int, only_theirs: int, *, age_s: float | None = 300) -> Account:
    since = None if age_s is None else ago(age_s)
    return Account(mine, theirs, True, only_mine, only_theirs, since, since)


def test_equal_heads_and_mirrors_without_an_error_are_ok():
    found = judged(branch(A), branch(A))
    assert found.judgement == Judgement.ok(f"{REPO} main has the same head in both regions")
    assert (found.lag_s, found.transport_up, len(found.hops)) == (0.0, True, 3)


@pytest.mark.parametrize(("age_s", "verdict"), [(20, Verdict.OK), (300, Verdict.WARN), (2000, Verdict.BREACH)])
def test_a_standby_that_lacks_commits_is_behind_since_the_oldest_of_them(age_s, verdict):
    found = judged(branch(A, account=knows(A, B, 2, 0, age_s=age_s)), branch(B, account=Account(B, A, False)))
    assert (found.judgement.verdict, found.lag_s) == (verdict, pytest.approx(age_s))
    assert f"Region 2 lacks 2 commits of {REPO} main" in found.judgement.sentence


def test_what_the_console_saw_dates_a_difference_better_than_a_commit():
    old = knows(A, B, 1, 0, age_s=86400)
    found = judged(branch(A, (B, 90), (A, 1), account=old), branch(B, account=Account(B, A, False)))
    assert found.lag_s == pytest.approx(90)


def test_the_standbys_account_counts_when_the_primary_knows_nothing():
    found = judged(branch(B, account=Account(B, A, False)), branch(A, account=knows(A, B, 3, 0)))
    assert found.judgement.verdict is Verdict.WARN
    assert "Region 2 has 3 commits" in found.judgement.sentence and "the primary region lacks" in found.judgement.sentence
    assert found.lag_s == 0.0, "nothing would be lost with the primary"


@pytest.mark.parametrize(
    ("age_s", "verdict"), [(5, Verdict.OK), (300, Verdict.WARN), (900, Verdict.BREACH), (None, Verdict.UNKNOWN)]
)
def test_commits_on_the_wrong_side(age_s, verdict):
    found = judged(branch(A, account=knows(A, B, 0, 1, age_s=age_s)), branch(B, account=knows(B, A, 1, 0, age_s=age_s)))
    assert found.judgement.verdict is verdict


def test_neither_knows_the_other():
    found = judged(branch(A, account=Account(A, B, False)), branch(B, account=Account(B, A, False)))
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence.startswith(f"{REPO} main has parted: neither region knows the other's commit")


def test_both_have_commits_of_their_own():
    found = judged(branch(A, account=knows(A, B, 2, 1)), branch(B))
    assert found.judgement.sentence == f"{REPO} main has parted: 2 commits only in Region 1, 1 commit only in Region 2"


UNDECIDED = {
    "nobody compared": (None, None, "which side is ahead is not known"),
    "an account of an older head": (knows("c" * 40, B, 1, 0), None, "which side is ahead is not known"),
    "one side alone, and it does not know": (Account(A, B, False), None, "one of them could not compare"),
    "no commit on either side only": (knows(A, B, 0, 0), None, "no commit is on one side only"),
    "undated": (knows(A, B, 1, 0, age_s=None), None, "since when is not known"),
}


@pytest.mark.parametrize("case", UNDECIDED)
def test_a_difference_that_is_not_understood_is_unknown(case):
    one, two, words = UNDECIDED[case]
    found = judged(branch(A, account=one), branch(B, account=two))
    assert found.judgement.verdict is Verdict.UNKNOWN and words in found.judgement.sentence
    assert found.lag_s is None


@pytest.mark.parametrize(("one", "two", "where"), [(A, "", "Region 2"), ("", A, "Region 1"), ("", "", "Region 1 and Region 2")])
def test_a_branch_that_is_not_there(one, two, where):
    found = judged(branch(one), branch(two))
    assert found.judgement == Judgement.breach(f"{REPO} main does not exist in {where}")


def test_what_was_not_read_or_is_old_is_unknown():
    never = judge_gitea(
        GOAL, GiteaSide("Region 1", None), side("Region 2", branch(A)), [(REPO, "main")], database=None, now=NOW, budget_s=120
    )
    assert never.judgement.sentence == f"Not known, {REPO} main, Region 1's Gitea: nothing was read yet"
    stale = judged(branch(A), branch(A, age_s=300))
    assert stale.judgement.verdict is Verdict.UNKNOWN and "5 min old" in stale.judgement.sentence
    other = judge_gitea(
        GOAL, side("Region 1", branch(A)), side("Region 2", branch(A)), [("x/y", "main")], database=None, now=NOW, budget_s=120
    )
    assert other.judgement.verdict is Verdict.UNKNOWN
    nothing = judge_gitea(
        GOAL, side("Region 1", branch(A)), side("Region 2", branch(A)), [], database=None, now=NOW, budget_s=120
    )
    assert nothing.judgement.verdict is Verdict.UNKNOWN


PULL = {"pull": True, "pull_updated_at": ago(30), "pull_interval_s": 60.0}
MIRRORS = {
    "fails": (mirrors(mirror(error="push failed: 403")), None, Verdict.BREACH, "fails: push failed: 403"),
    "the way back fails": (None, mirrors(mirror(error="no")), Verdict.WARN, "fails: no"),
    "one of two fails": (mirrors(mirror(), mirror(error="no")), None, Verdict.BREACH, "fails: no"),
    "by hand": (mirrors(mirror(interval_s=0, on_commit=False)), None, Verdict.WARN, "only by hand"),
    "never ran": (mirrors(mirror(updated_at=None)), None, Verdict.UNKNOWN, "has not run yet"),
    "late": (mirrors(mirror(updated_at=ago(500))), None, Verdict.WARN, "has not run for 8 min 20 s"),
    "on commit only": (mirrors(mirror(interval_s=0, updated_at=ago(90000))), None, Verdict.OK, "same head"),
    "none": (reading(Mirrors(False)), None, Verdict.UNKNOWN, "there is no mirror"),
    "none back": (None, reading(Mirrors(False)), Verdict.WARN, "from Region 2 to Region 1: there is no mirror"),
    "not listed": (reading(Mirrors(False, push=None, why="403")), None, Verdict.UNKNOWN, "Not known whether"),
    "not read": (missing("Region 1's Gitea stopped answering"), None, Verdict.UNKNOWN, "Region 1's Gitea stopped"),
    "pulled": (reading(Mirrors(False)), mirrors(**PULL, push=()), Verdict.OK, "same head"),
    "pulled by hand": (None, mirrors(**PULL | {"pull_interval_s": 0.0}), Verdict.WARN, "only by hand"),
    "never pulled": (None, mirrors(**PULL | {"pull_updated_at": None}), Verdict.UNKNOWN, "has not pulled"),
    "pulled late": (None, mirrors(**PULL | {"pull_updated_at": ago(300)}), Verdict.WARN, "has not tried to pull"),
    "not pulled": (None, mirrors(**PULL | {"pull_updated_at": ago(3000)}), Verdict.BREACH, "it should every 60 s"),
}


@pytest.mark.parametrize("case", MIRRORS)
def test_the_mirrors(case):
    here, there, verdict, words = MIRRORS[case]
    found = judged(branch(A), branch(A), here, there)
    assert found.judgement.verdict is verdict, found.judgement.sentence
    assert words in found.judgement.sentence


def test_mirrors_that_are_not_to_be_read_do_not_count():
    failing = mirrors(mirror(error="no"))
    found = judged(branch(A), branch(A), failing, read_mirrors=False)
    assert found.judgement.verdict is Verdict.OK and len(found.hops) == 1
    assert found.transport_up is None


@pytest.mark.parametrize("verdict", Verdict)
def test_the_database_is_a_leg_of_its_own(verdict):
    found = judged(branch(A), branch(A), database=Hop("Gitea's Postgres", Judgement(verdict, "its sentence")))
    assert found.judgement.verdict is verdict
    assert ("its sentence" in found.judgement.sentence) is (verdict is not Verdict.OK)


heads = st.sampled_from([A, B, ""])
accounts = st.one_of(
    st.none(),
    st.builds(Account, heads, heads, st.booleans(), st.integers(0, 3), st.integers(0, 3), st.just(ago(5000)), st.just(ago(5000))),
)
errors = st.sampled_from(["", "push failed"])


@untimed
@given(heads, heads, accounts, accounts, errors, st.floats(0, 300))
def test_never_ok_without_equal_heads_and_mirrors_that_work(one, two, here, there, error, age_s):
    found = judged(branch(one, account=here, age_s=age_s), branch(two, account=there), mirrors(mirror(error=error)))
    if found.judgement.verdict is Verdict.OK:
        assert one == two != "" and not error and age_s <= 120


@untimed
@given(st.floats(0, 5000), st.floats(0, 5000))
def test_a_greater_lag_is_never_judged_better(early, late):
    rank = [Verdict.OK, Verdict.WARN, Verdict.BREACH]
    found = [judged(branch(A, account=knows(A, B, 1, 0, age_s=s)), branch(B)).judgement.verdict for s in sorted((early, late))]
    assert rank.index(found[0]) <= rank.index(found[1])
