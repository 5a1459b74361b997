"""Redaction: by key, by object, by shape, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.redaction import HIDDEN, redact_text, redacted

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "document",
    [
        {"password": SECRET},
        {"db": {"REQUIREPASS": SECRET}},
        {"kind": "Secret", "data": {"a": SECRET}},
        {"items": [{"kind": "Secret", "stringData": {"a": SECRET}}]},
        {"env": [{"name": "DB_PASSWORD", "value": SECRET}]},
        {"headers": [{"name": "Authorization", "value": SECRET}]},
        {"tokens": [SECRET, SECRET]},
        {"credentials": [{"password": SECRET}]},
        {"word_hash": SECRET},
        {"text": f"a hash $argon2id$v=19$m=65536,t=3,p=1${SECRET}$x"},
        {"text": f"ovm_{SECRET}"},
        {"text": f"Bearer {SECRET}"},
        {"url": f"https://admin:{SECRET}@gitea/x"},
        {"line": f"password={SECRET}"},
        {"metadata": {"managedFields": [SECRET], "annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET}}},
    ],
)
def test_what_is_secret_is_replaced(document):
    assert SECRET not in str(redacted(document))


@pytest.mark.parametrize(
    "document",
    [
        {"name": "cart", "value": "3"},
        {"secretName": "db", "secretRef": {"name": "db"}, "tokenFile": "/run/token"},
        {"token": 3, "password": None, "passwordSet": True, "requirepass": ""},
        {"kind": "ConfigMap", "data": {"a": "b"}},
        {"imagePullSecrets": [{"name": "registry"}]},
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "x"}}},
        ["a sentence about a token", 1, 2.5, None, True],
    ],
)
def test_what_is_not_stays(document):
    assert redacted(document) == document


def test_a_private_key_goes_even_when_it_is_cut():
    assert redact_text("x -----BEGIN EC PRIVATE KEY-----\nabc") == f"x {HIDDEN}"


@given(st.recursive(st.none() | st.text() | st.integers(), lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=9))
def test_twice_is_once(document):
    assert redacted(redacted(document)) == redacted(document)
