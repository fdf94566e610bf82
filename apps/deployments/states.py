from django.db import models

from apps.core.states import StateMachine, Transition


class DeploymentState(models.TextChoices):
    BUILDING = "building", "Building"
    DEPLOYING = "deploying", "Deploying"
    SERVING = "serving", "Serving"
    FAILED = "failed", "Failed"
    RETIRED = "retired", "Retired"


S = DeploymentState
DEPLOYMENT = StateMachine(
    DeploymentState,
    [
        Transition("roll out", (S.BUILDING, S.FAILED, S.RETIRED, S.SERVING), S.DEPLOYING),
        Transition("build", (S.FAILED, S.RETIRED), S.BUILDING),
        Transition("serve with", (S.DEPLOYING,), S.SERVING),
        Transition("fail", (S.BUILDING, S.DEPLOYING), S.FAILED),
        Transition("retire", (S.BUILDING, S.DEPLOYING, S.SERVING, S.FAILED), S.RETIRED),
    ],
    noun="deployment",
)
