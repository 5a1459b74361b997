"""The cluster itself: nodes with their leases, namespaces, the failover controller's lease."""

from datetime import datetime, timedelta

from openova_console.lab.kube.planting import TENANT, Planter, condition, micro_stamp, stamp
from openova_console.lab.kube.records import Json

KUBELET = "v1.34.2+k3s1"
NAMESPACES = (
    "default kube-system kube-public kube-node-lease flux-system cilium-gateway monitoring platform-services "
    "databases storage velero gitea external-secrets external-dns k8gb crossplane-system trivy-system cert-manager "
    f"openova-system openova-console secrets failover-controller {TENANT}-prod {TENANT}-staging open-banking ai-hub backstage"
)
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_LEADERS = (
    ("kube-system", "cert-manager-controller"),
    ("kube-system", "kube-scheduler"),
    ("flux-system", "kustomize-controller-leader-election"),
    ("databases", "db9c8771.cnpg.io"),
)
_CAPACITY = {"cpu": "8", "ephemeral-storage": "157000920Ki", "memory": "24594672Ki", "pods": "110"}


def plant_cluster(planter: Planter) -> None:
    """Namespaces first, so that everything else may lie in them."""
    for name in NAMESPACES.split():
        planter.plant(
            "namespaces",
            "",
            name,
            since=planter.ago(days=63),
            labels={"kubernetes.io/metadata.name": name, "app.kubernetes.io/part-of": "openova"},
            spec={"finalizers": ["kubernetes"]},
            status={"phase": "Active"},
        )
        planter.plant("configmaps", name, "kube-root-ca.crt", since=planter.ago(days=63), data={"ca.crt": _CA})
    for number in range(1, 7):
        _plant_node(planter, number)
    _plant_leases(planter)


_CA = "-----BEGIN CERTIFICATE-----\nlab\n-----END CERTIFICATE-----\n"


def node_names(region_id: str) -> list[str]:
    """Three servers and three agents, as k3s calls them."""
    return [
        f"{region_id}-{'server' if number <= 3 else 'agent'}-{number if number <= 3 else number - 3}" for number in range(1, 7)
    ]


def _plant_node(planter: Planter, number: int) -> None:
    region = planter.region
    name, server = node_names(region.id)[number - 1], number <= 3
    address = f"10.{region.ordinal}0.0.{10 + number}"
    roles = {"node-role.kubernetes.io/control-plane": "true", "node-role.kubernetes.io/etcd": "true"} if server else {}
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "k3s",
        "topology.kubernetes.io/region": region.id,
        "topology.kubernetes.io/zone": f"{region.id}-{'abc'[number % 3]}",
        **roles,
    }
    since, beat = planter.ago(days=63), planter.now - timedelta(seconds=45 * number)
    planter.plant(
        "nodes",
        "",
        name,
        since=since,
        labels=labels,
        annotations={"k3s.io/hostname": name, "k3s.io/internal-ip": address, "node.alpha.kubernetes.io/ttl": "0"},
        spec={
            "podCIDR": f"10.4{region.ordinal}.{number}.0/24",
            "podCIDRs": [f"10.4{region.ordinal}.{number}.0/24"],
            "providerID": f"k3s://{name}",
        },
        status={
            "capacity": _CAPACITY,
            "allocatable": _CAPACITY | {"ephemeral-storage": "152730494812"},
            "conditions": [_beating(*row, since=since, beat=beat) for row in _CONDITIONS],
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": _node_info(planter, name),
        },
    )


def _beating(kind: str, status: str, reason: str, message: str, *, since: datetime, beat: datetime) -> Json:
    return {
        "type": kind,
        "status": status,
        "lastHeartbeatTime": stamp(beat),
        "lastTransitionTime": stamp(since),
        "reason": reason,
        "message": message,
    }


def _node_info(planter: Planter, name: str) -> Json:
    return {
        "machineID": planter.revision(name, "machine")[:32],
        "systemUUID": planter.store.unique(12),
        "bootID": planter.store.unique(12),
        "kernelVersion": "6.8.0-60-generic",
        "osImage": "Ubuntu 24.04.2 LTS",
        "containerRuntimeVersion": "containerd://2.1.5-k3s1",
        "kubeletVersion": KUBELET,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }


def _plant_leases(planter: Planter) -> None:
    for name in node_names(planter.region.id):
        _plant_lease(planter, "kube-node-lease", name, name, seconds=40)
    for namespace, name in _LEADERS:
        _plant_lease(planter, namespace, name, f"{name}-{planter.store.unique()}", seconds=15)
    # Both regions hold a copy of the one lease: the controller of the DR region mirrors what the witness says.
    _plant_lease(planter, "failover-controller", "openova-active", planter.region.primary, seconds=30)


def _plant_lease(planter: Planter, namespace: str, name: str, holder: str, *, seconds: int) -> None:
    spec = {
        "holderIdentity": holder,
        "leaseDurationSeconds": seconds,
        "acquireTime": micro_stamp(planter.ago(days=12)),
        "renewTime": micro_stamp(planter.now),
        "leaseTransitions": 3,
    }
    planter.plant("leases.coordination.k8s.io", namespace, name, since=planter.ago(days=63), spec=spec)


def plant_providers(planter: Planter) -> None:
    """Crossplane's installed providers."""
    for name, package, version in (
        ("provider-hcloud", "crossplane-contrib/provider-hcloud", "v0.4.0"),
        ("provider-kubernetes", "crossplane-contrib/provider-kubernetes", "v0.18.0"),
        ("provider-helm", "crossplane-contrib/provider-helm", "v0.21.0"),
    ):
        since = planter.ago(days=40)
        planter.plant(
            "providers.pkg.crossplane.io",
            "",
            name,
            since=since,
            spec={
                "package": f"xpkg.crossplane.example/{package}:{version}",
                "packagePullPolicy": "IfNotPresent",
                "revisionActivationPolicy": "Automatic",
                "revisionHistoryLimit": 1,
            },
            status={
                "conditions": [
                    condition("Healthy", "True", "HealthyPackageRevision", "", since),
                    condition("Installed", "True", "ActivePackageRevision", "", since),
                ],
                "currentIdentifier": f"xpkg.crossplane.example/{package}:{version}",
                "currentRevision": f"{name}-{planter.revision(name, version)[:12]}",
            },
        )
