"""JSON Pointer as plans use it: what was written is found, and what is not there is None."""

from hypothesis import given
from hypothesis import strategies as st

from openova_console.operations.pointer import of_key, value_at, values_at

KEYS = st.text("ab/~1.", max_size=6)


@given(st.lists(KEYS, min_size=1, max_size=4), st.integers())
def test_a_pointer_through_keys_finds_what_lies_there(keys, value):
    document = value
    for key in reversed(keys):
        document = {key: document}
    assert value_at(document, of_key(*keys)) == value


@given(st.lists(KEYS, min_size=1, max_size=4), st.one_of(st.none(), st.integers(), st.text(), st.just({}), st.just([])))
def test_what_is_not_there_is_none(keys, document):
    assert value_at(document, of_key(*keys)) is None


def test_slashes_and_tildes_inside_of_a_key_are_escaped():
    assert of_key("metadata", "annotations", "a/b~c") == "/metadata/annotations/a~1b~0c"
    assert value_at({"a/b~c": 1}, "/a~1b~0c") == 1


def test_an_escaped_tilde_before_a_one_is_no_slash():
    assert value_at({"~1": "tilde", "/": "slash"}, "/~01") == "tilde"


def test_lists_are_entered_by_number_and_never_beyond_their_end():
    document = {"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}
    assert value_at(document, "/spec/containers/1/name") == "b"
    assert value_at(document, "/spec/containers/2/name") is None
    assert value_at(document, "/spec/containers/-1/name") is None
    assert value_at(document, "/spec/containers/x") is None


def test_the_empty_pointer_is_the_whole_document():
    assert value_at({"a": 1}, "") == {"a": 1}


def test_false_and_nought_are_values():
    assert values_at({"a": False, "b": 0}, ["/a", "/b", "/c"]) == {"/a": False, "/b": 0, "/c": None}
