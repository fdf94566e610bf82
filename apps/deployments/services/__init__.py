"""Deployments: asked for, rolled out, rolled back, retired; and the keys to their endpoints."""

from apps.deployments.services.deploying import (
    announce_build,
    deploy,
    fail_waiting,
    roll_out_waiting,
)
from apps.deployments.services.keys import create_api_key, revoke_api_key
from apps.deployments.services.operating import (
    cancel,
    retire,
    retire_archived,
    retry,
    roll_back,
)
from apps.deployments.services.replicas import clear, note_replicas, reconcile
from apps.deployments.services.rollouts import (
    ATTEMPTS,
    ROLLOUT,
    retire_replaced,
    settle,
    stand_down,
    start_rollout,
    switch_traffic,
)

__all__ = [
    "ATTEMPTS",
    "ROLLOUT",
    "announce_build",
    "cancel",
    "clear",
    "create_api_key",
    "deploy",
    "fail_waiting",
    "note_replicas",
    "reconcile",
    "retire",
    "retire_archived",
    "retire_replaced",
    "retry",
    "revoke_api_key",
    "roll_back",
    "roll_out_waiting",
    "settle",
    "stand_down",
    "start_rollout",
    "switch_traffic",
]
