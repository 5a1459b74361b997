"""What a refusal says to people: the right that is missing, and nothing that the answer's author chose freely."""

import json

import pytest

from openova_console.systems import errors
from openova_console.systems.faults import refusal

WHO = "Region 1's Kubernetes API"
HEAD = f"{WHO} does not allow the console to do this (403): its account lacks the permission"
PATCH = 'deployments.apps "web" is forbidden: User "viewer" cannot patch resource "deployments" in API group "apps"'


def said(message: object) -> str:
    body = json.dumps({"kind": "Status", "reason": "Forbidden", "message": message, "code": 403}).encode()
    found = refusal(WHO, 403, body, {}, "PATCH /")
    assert isinstance(found, errors.Refused)
    return found.sentence


@pytest.mark.parametrize(
    ("message", "right"),
    [
        (f'{PATCH} in the namespace "shop"', "patch deployments.apps in shop"),
        ('nodes is forbidden: User "v" cannot list resource "nodes" in API group "" at the cluster scope', "list nodes anywhere"),
        (
            'pods "a" is forbidden: User "v" cannot create resource "pods/exec" in API group "" in the namespace "shop"',
            "create pods/exec in shop",
        ),
        (f'{PATCH} in the namespace "shop": RBAC: clusterrole.rbac "x" not found', "patch deployments.apps in shop"),
    ],
)
def test_the_missing_right_is_named(message: str, right: str):
    assert said(message) == f"{HEAD} to {right}"


@pytest.mark.parametrize(
    "message",
    ["", None, 7, ["cannot"], "no", PATCH.replace("patch", "pat<b>ch"), PATCH + ' in the namespace "a b"', "x" * 10_000],
)
def test_an_answer_that_names_none_in_the_known_words_adds_nothing(message: object):
    assert said(message) == HEAD
