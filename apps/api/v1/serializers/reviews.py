from rest_framework import serializers

from apps.api.v1.serializers.fields import page_of
from apps.api.v1.serializers.people import Person
from apps.reviews.models import ReviewRequest
from apps.reviews.states import ReviewState, VerdictKind


class Review(serializers.Serializer):
    id = serializers.IntegerField()
    project = serializers.CharField(source="version.model.project.slug")
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    stage = serializers.CharField(source="stage.slug")
    state = serializers.ChoiceField(ReviewState.choices)
    note = serializers.CharField()
    requested_by = Person()
    requested_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    closing_reason = serializers.CharField(help_text="Empty where nobody gave one.")
    url = serializers.SerializerMethodField(help_text="Of the page on which it is decided.")

    def get_url(self, review: ReviewRequest) -> str:
        return page_of("reviews:detail", review.pk)


class Verdict(serializers.Serializer):
    kind = serializers.ChoiceField(VerdictKind.choices)
    comment = serializers.CharField()
    at = serializers.DateTimeField()
    content_digest = serializers.CharField()


class Reviewer(serializers.Serializer):
    person = Person(source="user")
    roles = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(["approved", "changes", "stale", "waiting"])
    verdict = Verdict(allow_null=True)
    counts = serializers.BooleanField(help_text="Whether a verdict of this person counts.")
    objection = serializers.CharField(help_text="Why it does not; empty where it does.")


class Standing(serializers.Serializer):
    approvals = serializers.IntegerField()
    needed = serializers.IntegerField()
    missing_roles = serializers.ListField(child=serializers.CharField())
    is_met = serializers.BooleanField()
    sentence = serializers.CharField()
    reviewers = Reviewer(source="rows", many=True)


class ReviewDetail(Review):
    read_digest = serializers.CharField(
        read_only=True, help_text="Send it with your verdict: it says what you have read."
    )
    why_you_may_not_decide = serializers.CharField(read_only=True, help_text="Empty where you may.")
    standing = Standing(read_only=True)


class ReviewsQuery(serializers.Serializer):
    mine = serializers.ChoiceField(
        ["waiting", "requested", "done"],
        required=False,
        help_text="waiting for you, requested by you, or done; without it, all that you see.",
    )
    state = serializers.ChoiceField(ReviewState.choices, required=False)
    project = serializers.CharField(required=False, max_length=50)
    model = serializers.CharField(required=False, max_length=256)


class NewReview(serializers.Serializer):
    stage = serializers.CharField(max_length=50)
    reviewers = serializers.ListField(
        child=serializers.CharField(max_length=150),
        required=False,
        min_length=1,
        max_length=100,
        help_text="User names. Without them, people who meet what the stage asks for.",
    )
    note = serializers.CharField(max_length=20_000)


class Approval(serializers.Serializer):
    read_digest = serializers.CharField(max_length=71)
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=20_000)


class ChangesWanted(serializers.Serializer):
    read_digest = serializers.CharField(max_length=71)
    comment = serializers.CharField(max_length=20_000)


class Comment(serializers.Serializer):
    id = serializers.IntegerField()
    by = Person()
    at = serializers.DateTimeField()
    text = serializers.CharField()


class NewComment(serializers.Serializer):
    text = serializers.CharField(max_length=20_000)


class MoreReviewers(serializers.Serializer):
    reviewers = serializers.ListField(
        child=serializers.CharField(max_length=150), min_length=1, max_length=100
    )


class Reason(serializers.Serializer):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)
