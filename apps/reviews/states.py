from django.db import models

from apps.core.states import StateMachine, Transition


class ReviewState(models.TextChoices):
    OPEN = "open", "Open"
    CHANGES_REQUESTED = "changes_requested", "Changes requested"
    APPROVED = "approved", "Approved"
    WITHDRAWN = "withdrawn", "Withdrawn"


S = ReviewState
UNDECIDED = (S.OPEN, S.CHANGES_REQUESTED)
REVIEW = StateMachine(
    ReviewState,
    [
        Transition("approve", (S.OPEN, S.CHANGES_REQUESTED), S.APPROVED),
        Transition("request changes to", (S.OPEN, S.CHANGES_REQUESTED), S.CHANGES_REQUESTED),
        Transition("reopen", (S.CHANGES_REQUESTED,), S.OPEN),
        Transition("withdraw", (S.OPEN, S.CHANGES_REQUESTED), S.WITHDRAWN),
    ],
    noun="review",
)


class VerdictKind(models.TextChoices):
    APPROVE = "approve", "Approved"
    REQUEST_CHANGES = "request_changes", "Asked for changes"
