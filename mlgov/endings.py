"""Ends the models that an installation runs, where it is to leave nothing behind."""

import sys

from django.db.models import Exists, OuterRef, Q

from apps.deployments.models import Deployment, Replica
from apps.deployments.services.replicas import REFUSALS
from apps.deployments.specs import target_for
from apps.deployments.states import DeploymentState


def end_models() -> bool:
    """End every replica of this installation; returns whether all of them could be ended.

    What serves goes on doing so in the database: the next start brings its replicas back. Call it
    when nothing else of the installation runs, or its worker brings them back at once.
    """
    # By the names of our own deployments: several installations may share an engine.
    has_copies = Exists(Replica.objects.filter(deployment=OuterRef("pk")))
    may_run = Deployment.objects.filter(~Q(state=DeploymentState.RETIRED) | has_copies)
    all_ended = True
    for deployment in may_run.select_related("endpoint__environment").order_by("pk"):
        try:
            target_for(deployment.endpoint.environment).remove(deployment.service_name)
        except REFUSALS as refusal:
            print(f"{deployment} could not be ended: {refusal}", file=sys.stderr)  # noqa: T201
            all_ended = False
    return all_ended
