"""Who has access to a project, and the signed reviews of it."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import access_reviews as shapes
from apps.api.v1.views.projects import project_of
from apps.projects import access_reviews
from apps.projects.access_tables import digest_of_table, table_of
from apps.projects.models import Project


class AccessTableView(Resource):
    @extend_schema(responses=shapes.AccessTable)
    def get(self, request: PersonsRequest, project: str) -> Response:
        """Who has access to a project, and by what; for its owners, auditors, administrators."""
        found = _readable(request, project)
        rows = table_of(found)
        table = {
            "digest": digest_of_table(rows),
            "due_at": access_reviews.due_at(found),
            "rows": rows,
        }
        return shown(table, shapes.AccessTable)


class AccessReviewsView(Resource):
    @extend_schema(responses=shapes.AccessReview(many=True))
    def get(self, request: PersonsRequest, project: str) -> Response:
        """The reviews that were signed, newest first."""
        found = _readable(request, project)
        return self.page(access_reviews.reviews_of(found), shapes.AccessReview)

    @extend_schema(request=shapes.NewAccessReview, responses={201: shapes.WholeAccessReview})
    def post(self, request: PersonsRequest, project: str) -> Response:
        """Sign who has access, as an owner, and take away what is decided on with `remove`."""
        found = _readable(request, project)
        access_reviews.require_signer(request.user, found)
        given = self.given(shapes.NewAccessReview)
        review = access_reviews.sign(
            found,
            decisions=given["decisions"],
            seen=given["digest"],
            remark=given["remark"],
            by=request.user,
        )
        return shown(review, shapes.WholeAccessReview, status=201)


class AccessReviewView(Resource):
    @extend_schema(responses=shapes.WholeAccessReview)
    def get(self, request: PersonsRequest, project: str, pk: int) -> Response:
        """A review as it was signed."""
        reviews = access_reviews.reviews_of(_readable(request, project))
        return shown(one(reviews, "access review", pk=pk), shapes.WholeAccessReview)


def _readable(request: PersonsRequest, slug: str) -> Project:
    found = project_of(request, slug)
    access_reviews.require_reader(request.user, found)
    return found
