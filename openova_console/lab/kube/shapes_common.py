"""Fields that kinds share: metadata, conditions, label selectors."""

from typing import Any

from openova_console.lab.kube.schema import (
    ANY,
    FLAG,
    LONG,
    TEXT,
    TEXTS,
    TIME,
    WHOLE,
    one_of,
    texts,
)

METADATA: dict[Any, Any] = {
    **texts("name generateName namespace selfLink uid resourceVersion"),
    "generation": LONG,
    "creationTimestamp": TIME,
    "deletionTimestamp": TIME,
    "deletionGracePeriodSeconds": LONG,
    "labels": TEXTS,
    "annotations": TEXTS,
    "finalizers": [TEXT],
    "managedFields": ANY,
    "ownerReferences": [
        {"apiVersion": TEXT, "kind": TEXT, "name": TEXT, "uid": TEXT, "controller": FLAG, "blockOwnerDeletion": FLAG}
    ],
}

CONDITIONS: list[Any] = [
    {
        "lastTransitionTime!": TEXT,
        "message!": TEXT,
        "reason!": TEXT,
        "status!": one_of("True", "False", "Unknown"),
        "type!": TEXT,
        "observedGeneration": WHOLE,
    }
]
SELECTOR = {"matchLabels": TEXTS, "matchExpressions": ANY}
