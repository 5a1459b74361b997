"""What a standing approval covers: exactly what was approved, and nothing that is near it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.operations.evidence import fresh, unknown
from openova_console.operations.standing import ANY, Limits, against_limits, against_match, against_template, expansions
from tests.support.factories import NOW

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="*"), max_size=6)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
FIELDS = st.sampled_from(["region", "namespace", "name", "workload", "count"])


@st.composite
def approved(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A template and targets that belong together."""
    params = draw(st.dictionaries(FIELDS, VALUES, min_size=1))
    open_ = draw(st.sets(st.sampled_from(sorted(params))))
    template = {field: ANY if field in open_ else value for field, value in params.items()}
    if not open_:
        return template, []
    return template, draw(st.lists(st.fixed_dictionaries(dict.fromkeys(open_, VALUES)), min_size=1, max_size=4))


@given(approved())
def test_everything_that_was_approved_matches(one: tuple[dict[str, Any], list[dict[str, Any]]]):
    template, targets = one
    assert against_template(template, targets) == ""
    for params in expansions(template, targets):
        assert against_match(template, targets, params) == ""


@given(approved(), st.dictionaries(FIELDS, VALUES))
def test_nothing_else_matches(one: tuple[dict[str, Any], list[dict[str, Any]]], params: dict[str, Any]):
    template, targets = one
    matches = against_match(template, targets, params) == ""
    # True is no 1 for a person: compare as JSON does.
    assert matches == any(_json(params) == _json(approved_) for approved_ in expansions(template, targets))


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@given(approved(), st.data())
def test_one_changed_field_is_named_or_is_no_target(one: tuple[dict[str, Any], list[dict[str, Any]]], data: st.DataObject):
    template, targets = one
    params = dict(data.draw(st.sampled_from(expansions(template, targets))))
    field = data.draw(st.sampled_from(sorted(params)))
    params[field] = [params[field], "changed"]
    why = against_match(template, targets, params)
    if template[field] == ANY:
        assert not why or "targets" in why
    else:
        assert why == f"{field} is not what was approved"


@given(approved(), st.sampled_from(["more", "less"]), st.data())
def test_a_parameter_more_or_less_never_matches(one: tuple[dict[str, Any], list[dict[str, Any]]], how: str, data: st.DataObject):
    template, targets = one
    params = dict(data.draw(st.sampled_from(expansions(template, targets))))
    if how == "more":
        params["another"] = 1
    else:
        params.pop(data.draw(st.sampled_from(sorted(params))))
    assert against_match(template, targets, params)


@pytest.mark.parametrize(
    ("template", "targets"),
    [
        ({"name": "*"}, []),
        ({"name": "*"}, [{}]),
        ({"name": "a"}, [{"name": "b"}]),
        ({"name": "*"}, [{"name": "a", "region": "b"}]),
        ({"name": "*"}, [{"name": "*"}]),
        ({"name": "*"}, [{"name": ["*"]}]),
        ({"name": "a*"}, []),
        ({"names": ["*"]}, []),
        ({"names": {"x": "*"}}, []),
    ],
)
def test_what_is_open_and_what_is_listed_have_to_agree(template: dict[str, Any], targets: list[dict[str, Any]]):
    assert against_template(template, targets)
    assert against_match(template, targets, {"name": "a"})


@given(used=st.integers(0, 5), objects=st.integers(0, 5), spent=st.none() | st.floats(0, 200), most=st.none() | st.just(100.0))
def test_limits_hold_only_for_what_is_within_all_of_them(used: int, objects: int, spent: float | None, most: float | None):
    limits = Limits(per_day=3, per_run=2, budget=most)
    item = fresh({"spent": spent}, at=NOW) if spent is not None else unknown("OpenCost is silent")
    within = used < 3 and objects <= 2 and (most is None or (spent is not None and spent <= most))
    assert (against_limits(limits, used=used, objects=objects, spent=item) == "") is within


def test_a_figure_that_is_missing_or_no_number_is_not_within_the_budget():
    for value in ({}, {"spent": None}, {"spent": "3"}, {"spent": float("nan")}, {"spent": True}, "3"):
        assert against_limits(Limits(per_day=1, budget=10), used=0, objects=1, spent=fresh(value, at=NOW))
