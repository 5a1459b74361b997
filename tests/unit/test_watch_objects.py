"""The drawer of an object: nothing secret in it, the difference from the other region, and what its conditions say."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.words import Verdict
from openova_console.systems import kinds
from openova_console.systems.exchange import HIDDEN, redacted
from openova_console.watch.collectors.kubernetes import Copy
from openova_console.watch.objects import KINDS, Objects, as_text

AT = datetime(2026, 3, 1, tzinfo=UTC)
CERTIFICATES = "certificates.cert-manager.io"


class Cluster:
    """A region's mirrors, as a collector gives them."""

    def __init__(self, *items: dict[str, Any], confirmed: bool = True, error: str = "", not_installed: bool = False) -> None:
        found = {(i["metadata"].get("namespace", ""), i["metadata"]["name"]): i for i in items}
        self._copy = Copy(found, AT if confirmed else None, error, not_installed)

    def copy_of(self, resource: kinds.Resource) -> Copy:
        return self._copy if resource is kinds.CERTIFICATES else Copy({}, None, "", True)


def certificate(name: str = "web", *, ready: str = "True", dns: str = "a.example", uid: str = "1", **spec: Any) -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "reason": "Ready" if ready == "True" else "Expired", "message": "said"}
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": uid, "resourceVersion": uid},
        "spec": {"dnsNames": [dns], **spec},
        "status": {"conditions": [condition]},
    }


def objects(here: Cluster, there: Cluster | None = None) -> Objects:
    clusters: dict[str, Any] = {"region-1": here} | ({"region-2": there} if there else {})
    return Objects(clusters, {"region-1": "Region 1", "region-2": "Region 2"})


def shown(here: Cluster, there: Cluster | None = None) -> Any:
    return objects(here, there).show("region-1", CERTIFICATES, "shop", "web")


def test_the_same_specification_is_the_same_whatever_the_server_added():
    found = shown(Cluster(certificate(uid="1")), Cluster(certificate(uid="2", ready="False")))
    assert (found.difference, found.elsewhere, found.kind) == ("", "the same in Region 2", "Certificate")


def test_a_difference_is_shown_line_by_line():
    found = shown(Cluster(certificate(dns="a.example")), Cluster(certificate(dns="b.example")))
    assert found.elsewhere == "differs from Region 2"
    assert "-  - b.example" in found.difference
    assert "+  - a.example" in found.difference


def test_what_the_other_region_lacks_or_does_not_say():
    assert shown(Cluster(certificate()), Cluster()).elsewhere == "Region 2 has no such object"
    assert shown(Cluster(certificate()), Cluster(confirmed=False)).elsewhere == "Region 2's objects are not known"
    assert shown(Cluster(certificate())).elsewhere == "There is no other region"


def test_a_secret_is_in_neither_text_nor_difference():
    here = Cluster(certificate(password="hunter2-hunter2", note="Bearer abcdefgh12345678"))
    found = shown(here, Cluster(certificate(password="other-other")))
    for text in (found.text, found.difference):
        assert "hunter2" not in text and "abcdefgh" not in text and "other-other" not in text
    assert HIDDEN in found.text


def test_objects_are_listed_worst_first_and_an_empty_list_says_why():
    worst = certificate("late", ready="False")
    found, note = objects(Cluster(certificate("web"), worst, certificate("new", ready="Unknown"))).listing(
        "region-1", CERTIFICATES
    )
    assert [(i.name, i.verdict) for i in found] == [("late", Verdict.BREACH), ("new", Verdict.UNKNOWN), ("web", Verdict.OK)]
    assert note == ""
    assert objects(Cluster()).listing("region-1", CERTIFICATES) == ((), "Region 1 has no certificates")
    assert objects(Cluster(confirmed=False, error="Refused")).listing("region-1", CERTIFICATES) == ((), "Refused")


def test_suspended_is_never_green():
    (item,), _ = objects(Cluster(certificate(suspend=True))).listing("region-1", CERTIFICATES)
    assert (item.verdict, item.word) == (Verdict.WARN, "Suspended")


def test_counts_say_what_is_not_known_and_leave_out_what_is_not_installed():
    assert objects(Cluster(certificate())).counts("region-1") == {CERTIFICATES: 1}
    assert objects(Cluster(confirmed=False)).counts("region-1") == {CERTIFICATES: None}


def test_an_object_that_is_gone_and_a_kind_that_is_not_read():
    assert shown(Cluster()) is None
    with pytest.raises(KeyError):
        objects(Cluster()).show("region-1", "secrets", "shop", "web")


def test_no_secret_kind_is_mirrored_and_every_kind_has_its_name():
    assert not any(resource.plural == "secrets" for resource in KINDS.values())
    # Asked for under a wrong kind, events are silently none: so each name is written down here once more.
    assert {resource.plural: kinds.kind_of(resource) for resource in KINDS.values()} == {
        "nodes": "Node",
        "clusters": "Cluster",
        "kustomizations": "Kustomization",
        "helmreleases": "HelmRelease",
        "gitrepositories": "GitRepository",
        "certificates": "Certificate",
        "backups": "Backup",
        "leases": "Lease",
        "canaries": "Canary",
        "httproutes": "HTTPRoute",
        "gslbs": "Gslb",
        "pushsecrets": "PushSecret",
        "deployments": "Deployment",
        "statefulsets": "StatefulSet",
        "daemonsets": "DaemonSet",
    }


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_redaction_keeps_the_shape_of_whatever_holds_no_secret(document):
    plain = {"a": document}
    assert isinstance(redacted(plain), dict)
    assert isinstance(as_text(plain), str)
