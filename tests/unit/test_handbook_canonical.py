"""Canonical JSON: one text for one value, and nothing that JSON does not have."""

import hashlib
import json
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.canonical import canonical, sha256_of

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-(2.0**53), 2.0**53) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def test_the_example_of_the_standard():
    # RFC 8785, 3.2.2 and 3.2.3.
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    assert canonical(value) == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_sorted_as_the_standard_sorts_them():
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (100.0, "100"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e22, "1.5e+22"),
        (1e16, "10000000000000000"),
        (123456.789, "123456.789"),
        (0.000001, "0.000001"),
        (0.0000001, "1e-7"),
        (1.25e-7, "1.25e-7"),
        (0.00012, "0.00012"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740993, "9007199254740993"),
    ],
)
def test_numbers(number, text):
    assert canonical(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(number):
    assert float(canonical(number)) == number


@given(VALUES)
def test_the_text_is_json_of_the_same_value_and_its_own_canonical_text(value):
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text
    assert sha256_of(value) == hashlib.sha256(text.encode("utf-8")).hexdigest()


@given(st.dictionaries(TEXT, st.integers(), max_size=6), st.randoms())
def test_the_order_of_keys_does_not_count(value, random):
    items = list(value.items())
    random.shuffle(items)
    assert canonical(dict(items)) == canonical(value)


def test_other_shapes_of_the_same_value():
    class Word(StrEnum):
        A = "a"

    class Level(IntEnum):
        ONE = 1

    assert canonical(MappingProxyType({"x": (Word.A, Level.ONE)})) == '{"x":["a",1]}'


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [0, float("nan")]}, "$.a[1] is nan"),
        (float("-inf"), "$ is -inf"),
        ({"at": datetime(2026, 1, 1, tzinfo=UTC)}, "$.at is a datetime"),
        ({1: 2}, "has the key 1, which is a int"),
        ({"a": {None: 2}}, "$.a has the key None"),
        (["\ud800"], "$[0] holds half of a surrogate pair"),
        ({"\udc00": 1}, "half of a surrogate pair"),
        ({"a": {1, 2}}, "$.a is a set"),
        (b"x", "$ is a bytes"),
    ],
)
def test_what_is_no_json_is_refused_by_its_place(value, said):
    with pytest.raises(ValueError) as refused:
        canonical(value)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_bottomless_value_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(ValueError, match="deeper than 100"):
        canonical(value)
