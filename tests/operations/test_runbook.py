"""A runbook's commands are the plan's writes, whatever stands in them."""

import json
import re
import shlex
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.operations.plan import ObjectRef, Plan, Step
from openova_console.operations.runbook import About, jsonpath, patch_command, runbook, shown, undo_command
from openova_console.systems import kinds

OBJECT = ObjectRef.of("region-1", kinds.DEPLOYMENTS, "acme-prod", "portal")
FLUX = ObjectRef.of("region-2", kinds.KUSTOMIZATIONS, "flux-system", "apps")
ABOUT = About("a" * 32, "Restart", "olga", "stale connections", "d" * 64, datetime(2026, 3, 1, 12, tzinfo=UTC))
MARKED = "/metadata/annotations/openova.io~1operation"

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc'\"$`\\ \n", max_size=4), inner, max_size=3),
    max_leaves=8,
)


def step_of(object_: ObjectRef = OBJECT, **given_: Any) -> Step:
    return Step(
        **{"title": "Do it", "action": "kubernetes.patch", "system": "API", "method": "PATCH", "object": object_} | given_
    )


@given(st.dictionaries(st.text("abc'\"$`\\ \n/.", max_size=6), values, max_size=4))
def test_the_command_sends_exactly_the_plans_body(body: dict[str, Any]) -> None:
    words = shlex.split(patch_command(step_of(body=body)))
    assert words[:8] == ["kubectl", "--context", "region-1", "-n", "acme-prod", "patch", "deployments.v1.apps", "portal"]
    assert words[8:10] == ["--type=merge", "-p"]
    assert json.loads(words[10]) == body
    assert len(words) == 11


def test_a_real_shell_hands_kubectl_the_same_body() -> None:
    body = {"metadata": {"annotations": {"note": 'it\'s $(id) `id` "$HOME" \\ ; & é'}}}
    shim = 'kubectl() { for last; do :; done; printf %s "$last"; }\n'
    ran = subprocess.run(["sh", "-c", shim + patch_command(step_of(body=body))], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == body
    assert ran.stderr == ""


@pytest.mark.parametrize(("now", "stops"), [("3", False), ("4", True), ("", True)])
def test_the_check_before_stops_where_a_field_has_changed(now: str, stops: bool) -> None:
    text = runbook(Plan(steps=(step_of(body={"spec": {"replicas": 5}}, relies_on={"/spec/replicas": 3}),)), ABOUT)
    check = next(line for line in text.splitlines() if line.startswith("test "))
    assert "jsonpath={.spec.replicas}" in check
    shim = f"kubectl() {{ printf %s {shlex.quote(now)}; }}\n"
    ran = subprocess.run(["sh", "-c", shim + check], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("STOP: spec.replicas is not 3") is stops


@pytest.mark.parametrize(
    ("pointer", "path"),
    [
        ("/spec/suspend", "{.spec.suspend}"),
        (MARKED, r"{.metadata.annotations.openova\.io/operation}"),
        ("/spec/containers/0/image", "{.spec.containers[0].image}"),
        ("/a~0b/c d", r"{.a\~b.c\ d}"),
    ],
)
def test_pointers_become_jsonpath(pointer: str, path: str) -> None:
    assert jsonpath(pointer) == path


@pytest.mark.parametrize(("value", "text"), [(None, ""), (True, "true"), (False, "false"), (3, "3"), ("x", "x"), ([1], "[1]")])
def test_values_are_compared_as_kubectl_prints_them(value: Any, text: str) -> None:
    assert shown(value) == text


def test_undo_puts_the_former_values_back() -> None:
    body = {"metadata": {"annotations": {"openova.io/operation": "x"}}, "spec": {"suspend": True}}
    step = step_of(FLUX, body=body, relies_on={"/metadata/uid": "u", "/spec/suspend": None}, undo="Resume it.")
    words = shlex.split(undo_command(step))
    assert json.loads(words[-1]) == {"spec": {"suspend": None}}
    assert words[2] == "region-2"


@pytest.mark.parametrize(
    "step",
    [
        step_of(body={"spec": {"replicas": 1}}, undo="Scale it back."),
        step_of(body={"spec": {"template": {"a": 1}}}, relies_on={"/spec/template/a": 0}, undo="It runs the same version."),
        step_of(body={"spec": {"suspend": True}}, relies_on={"/spec/suspend": False}),
        step_of(body={}, undo="Nothing"),
    ],
    ids=["former value not known", "pod template", "cannot be taken back", "nothing changed"],
)
def test_no_undo_is_made_up(step: Step) -> None:
    assert undo_command(step) == ""


def test_every_step_is_there_with_its_verification() -> None:
    flux = {"source": {"kind": "GitRepository", "name": "platform", "namespace": "flux-system"}}
    look = {"system": "API", "title": "Look"}
    steps = (
        step_of(body={"spec": {"a": 1}}, observe={"/spec/a": 1}),
        Step(action="kubernetes.rollout", object=OBJECT, timeout_s=600, **look),
        Step(action="flux.suspended", object=FLUX, **look),
        Step(action="flux.applied", object=FLUX, arguments=flux, **look),
        Step(action="console.token", method="INSERT", **look),
        Step(action="somebody.looks", **look),
    )
    sections = runbook(Plan(steps=steps), ABOUT).split("\n## ")[1:]
    assert [section.split(":")[0] for section in sections] == [f"Step {n}" for n in range(1, 7)]
    said = (
        "STOP: spec.a is not 1",
        "kubectl --context region-1 -n acme-prod rollout status deployments.v1.apps/portal --timeout=600s",
        "STOP: spec.suspend is not true",
        "gitrepositories.v1.source.toolkit.fluxcd.io platform",
        "kubectl cannot do it",
        "look at it yourself",
    )
    for section, words in zip(sections, said, strict=True):
        assert words in section
    with pytest.raises(ValueError, match="no kubectl command"):
        patch_command(steps[4])


@given(st.text(), st.text())
def test_words_of_others_open_no_block_and_no_heading(title: str, reason: str) -> None:
    about = About("a" * 32, title, "olga", reason, "d" * 64, datetime(2026, 3, 1, tzinfo=UTC))
    text = runbook(Plan(steps=(step_of(title=title, body={"a": reason}, undo=reason),)), about)
    assert len(re.findall(r"(?m)^## ", _outside(text))) == 1
    assert len(re.findall(r"(?m)^# ", _outside(text))) == 1
    assert "<" not in _outside(text)


def _outside(text: str) -> str:
    """The Markdown without its fenced blocks."""
    return re.sub(r"(?ms)^(`{3,})sh\n.*?\n\1$", "", text)
