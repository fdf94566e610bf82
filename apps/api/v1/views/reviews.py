"""Reviews: asked for, decided, talked about, taken back."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.accounts.models import User
from apps.api.v1.base import PersonsRequest, Resource, one, people_named, shown
from apps.api.v1.serializers import reviews as shapes
from apps.api.v1.views.registry import version_of
from apps.api.v1.views.stages import stage_of
from apps.reviews import policies, queries, services
from apps.reviews.models import ReviewRequest

MINE = {
    "waiting": queries.waiting_for,
    "requested": queries.requested_by,
    "done": queries.done_by,
}


class ReviewsView(Resource):
    @extend_schema(parameters=[shapes.ReviewsQuery], responses=shapes.Review(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """Reviews: those that wait for you, those that you asked for, or all that you see."""
        asked = self.asked(shapes.ReviewsQuery)
        reviews = (
            MINE[asked["mine"]](request.user)
            if "mine" in asked
            else queries.for_lists(policies.reviews.visible_to(request.user))
        )
        if "state" in asked:
            reviews = reviews.filter(state=asked["state"])
        if "project" in asked:
            reviews = reviews.filter(version__model__project__slug=asked["project"])
        if "model" in asked:
            reviews = reviews.filter(version__model__name=asked["model"])
        return self.page(reviews, shapes.Review)


class VersionReviewsView(Resource):
    @extend_schema(responses=shapes.Review(many=True))
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """The reviews of a version, newest first."""
        reviews = policies.reviews.visible_to(request.user).filter(
            version=version_of(request, name, number)
        )
        return self.page(queries.for_lists(reviews).order_by("-id"), shapes.Review)

    @extend_schema(request=shapes.NewReview, responses={201: shapes.ReviewDetail})
    def post(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Ask for a version to enter a stage."""
        version = version_of(request, name, number)
        given = self.given(shapes.NewReview)
        stage = stage_of(version.model.project, given["stage"])
        review = services.request_review(
            version,
            stage=stage,
            reviewers=(
                people_named(given["reviewers"], field="reviewers")
                if "reviewers" in given
                else None
            ),
            note=given["note"],
            by=request.user,
        )
        return _detail(review, request.user, status=201)


class ReviewView(Resource):
    @extend_schema(responses=shapes.ReviewDetail)
    def get(self, request: PersonsRequest, pk: int) -> Response:
        """A review: how far it is, and the digest of what you would decide on."""
        return _detail(review_of(request, pk), request.user)


class ApproveView(Resource):
    @extend_schema(request=shapes.Approval, responses=shapes.ReviewDetail)
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """Approve what you have read. The last approval that is needed moves the version."""
        review = services.approve(
            review_of(request, pk), **self.given(shapes.Approval), by=request.user
        )
        return _detail(review, request.user)


class RequestChangesView(Resource):
    @extend_schema(request=shapes.ChangesWanted, responses=shapes.ReviewDetail)
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """Refuse for now, and say what has to change."""
        review = services.request_changes(
            review_of(request, pk), **self.given(shapes.ChangesWanted), by=request.user
        )
        return _detail(review, request.user)


class CommentsView(Resource):
    @extend_schema(responses=shapes.Comment(many=True))
    def get(self, request: PersonsRequest, pk: int) -> Response:
        """What was said about a review, oldest first."""
        comments = review_of(request, pk).comments.select_related("by")
        return self.page(comments, shapes.Comment)

    @extend_schema(request=shapes.NewComment, responses={201: shapes.Comment})
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """Say something about a review."""
        comment = services.comment(
            review_of(request, pk), **self.given(shapes.NewComment), by=request.user
        )
        return shown(comment, shapes.Comment, status=201)


class ReviewersView(Resource):
    @extend_schema(request=shapes.MoreReviewers, responses=shapes.ReviewDetail)
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """Ask more people to review."""
        review = review_of(request, pk)
        reviewers = self.given(shapes.MoreReviewers)["reviewers"]
        review = services.add_reviewers(
            review,
            reviewers=people_named(reviewers, field="reviewers"),
            by=request.user,
        )
        return _detail(review, request.user)


class WithdrawView(Resource):
    @extend_schema(request=shapes.Reason, responses=shapes.ReviewDetail)
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """Take a review back."""
        review = services.withdraw(
            review_of(request, pk), **self.given(shapes.Reason), by=request.user
        )
        return _detail(review, request.user)


def review_of(request: PersonsRequest, pk: int) -> ReviewRequest:
    visible = policies.reviews.visible_to(request.user).select_related(
        "version__model__project", "stage", "requested_by"
    )
    return one(visible, "review", pk=pk)


def _detail(review: ReviewRequest, user: User, *, status: int = 200) -> Response:
    return shown(
        review,
        shapes.Review,
        status=status,
        read_digest=queries.content_digest(review),
        why_you_may_not_decide=queries.why_not(review, user),
        standing=shapes.Standing(queries.standing(review)).data,
    )
