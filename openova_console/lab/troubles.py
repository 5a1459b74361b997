"""Troubles: single things that break, each on its own, on top of whatever scenario runs.

A scenario is what people practise; a trouble is one row's own bad case. Switched by
`python -m openova_console.lab trouble NAME [on|off]`, and forgotten when a scenario starts.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that breaks.

    Attributes:
        sentence: what happens.
        objects: names of the object changes in `objects.CHANGES` that come with it.
    """

    sentence: str
    objects: tuple[str, ...] = ()


TROUBLES: Final[dict[str, Trouble]] = {
    "gslb_pin_differs": Trouble("Region 2's Gslb objects name another primary than region 1's.", ("differ_pins",)),
    "gslb_unhealthy": Trouble("The services behind region 1's entrance are unhealthy: k8gb sends users to region 2 by itself."),
    "gslb_resolver_stale": Trouble("Cloudflare answers for the hosts from a stale cache (EDE 3)."),
    "gslb_delegation_broken": Trouble("The parent zone names an old name server instead of region 2's."),
    "gslb_lame": Trouble("Region 2's CoreDNS has not loaded the zone and refuses every question."),
    "canary_stuck": Trouble("Flagger of region 1 is gone in the middle of a release.", ("stop_flagger",)),
    "canary_suspended": Trouble("A Canary of region 1 is suspended in the middle of a release.", ("suspend_canary",)),
    "canary_waits": Trouble("A release in region 1 has waited for 45 minutes to be promoted.", ("hold_promotion",)),
    "canary_route_refused": Trouble("The gateway of region 1 refuses a Canary's HTTPRoute.", ("refuse_route",)),
    "mirror_source_frozen": Trouble("Region 1's brokers are frozen for the mirror: every state says RUNNING, nothing arrives."),
    "mirror_task_failed": Trouble("A task of MirrorMaker 2 has failed; its connector says RUNNING."),
    "mirror_paused": Trouble("Somebody has paused MirrorMaker 2."),
    "cdc_connector_failed": Trouble("Debezium's task in region 1 has failed; its connector says RUNNING."),
    "cdc_disconnected": Trouble("Debezium has lost its connection to MongoDB."),
    "cdc_no_event": Trouble("Debezium was started anew and has seen no event yet: its gauges say -1."),
    "cdc_clock_skew": Trouble("The clock of Debezium's node is behind that of MongoDB's."),
    "sink_stopped": Trouble("The sink that writes changes into region 2's MongoDB is stopped."),
    "slo_no_traffic": Trouble("No user sends a request to either region."),
    "slo_latency_high": Trouble("Three of ten requests take longer than half a second."),
    "slo_series_gone": Trouble("The entrance of region 1 no longer says how many requests it serves."),
    "slo_counter_reset": Trouble("The entrance of region 1 has started anew: its counters begin at zero."),
    "opencost_stale": Trouble("OpenCost has counted nothing for 30 hours and answers as if nothing were wrong."),
    "opencost_errors": Trouble("OpenCost cannot query Prometheus: an error inside a 200."),
    "minio_link_down": Trouble("Region 1's MinIO does not reach region 2's, although the regions are linked."),
    "minio_target_full": Trouble("Region 2's MinIO has no space left: the link is up and every object fails."),
    "minio_backlog": Trouble("Region 1's MinIO keeps objects in its queue and sends none: no counter shows it, the marker does."),
    "vault_sealed": Trouble("Region 2's vault was restarted and is sealed."),
    "vault_standby_drifted": Trouble("The signing keys were rotated in region 1; region 2's vault never got them."),
    "vault_no_fingerprint": Trouble("The rotation job no longer writes its fingerprint into region 2's vault."),
    "vault_forbidden": Trouble("The console's policy in region 2's vault was lost."),
    "push_secret_errored": Trouble("A PushSecret of region 1 may no longer write to region 2's vault."),
    "push_secret_unsynced": Trouble("A PushSecret of region 1 says Ready, but one of its stores never took it."),
    "watchdog_missing": Trouble("Region 1's Watchdog no longer fires: nothing that Prometheus sends arrives."),
    "alertmanager_peer_down": Trouble("One of region 1's two Alertmanagers is down."),
    "alert_flood": Trouble("A rule without a limit fires ten thousand alerts in region 1."),
    "harbor_run_failed": Trouble("The newest replication run of region 1's Harbor has failed."),
    "harbor_run_stuck": Trouble("A replication run of region 1's Harbor has been under way for 45 minutes."),
    "harbor_never_ran": Trouble("The replication policy of region 1's Harbor has never run."),
    "harbor_policy_off": Trouble("Somebody has switched off the replication policy of region 1's Harbor."),
    "harbor_registry_unhealthy": Trouble("Region 1's Harbor says that region 2's registry is unhealthy."),
    "harbor_unhealthy": Trouble("Region 2's Harbor says that its own registry is unhealthy."),
    "gitea_mirror_failing": Trouble("Region 2's Gitea no longer accepts the mirror's credentials for the platform repository."),
    "gitea_heads_differ": Trouble("The mirror of the platform repository says that all is well, but sends elsewhere."),
    "gitea_diverged": Trouble("Somebody wrote to the platform repository in region 2 before region 1's commit had arrived."),
    "answer_dropped": Trouble("A write to a Kubernetes API is applied, then the connection ends without an answer."),
    "write_conflicts": Trouble("Another writer moves each object just before a write to it: twice (409), then it goes through."),
    "writes_forbidden": Trouble("Nobody may write to the Kubernetes APIs any more (403)."),
    "writes_slow": Trouble("A write to a Kubernetes API is applied at once and answered two seconds later."),
    "writes_throttled": Trouble("The Kubernetes APIs turn writes away and say when to come again (429, Retry-After)."),
    "rollout_stuck": Trouble("No image can be pulled: the new pods of a rollout are never Ready, in both regions."),
    "kustomization_fails": Trouble("What is in Git no longer builds: the next reconciliation of each Kustomization fails."),
    "commits_keep_coming": Trouble("A commit arrives in each repository that Flux follows every ten seconds."),
    "gitea_not_admin": Trouble("The console's Gitea accounts no longer administer the repositories."),
}
