"""Evaluation data sets, evaluations of versions, and their reports."""

from io import BytesIO
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from apps.api.parsers import StrictJSONParser
from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import evaluations as shapes
from apps.api.v1.views.projects import project_of
from apps.api.v1.views.registry import version_of
from apps.core.errors import Invalid, NotFound
from apps.evaluations import policies, queries, services
from apps.evaluations.models import Evaluation, EvaluationDataSet, EvaluationRule, Format


class DataSetsView(Resource):
    parser_classes = (StrictJSONParser, MultiPartParser)

    @extend_schema(responses=shapes.DataSet(many=True))
    def get(self, request: PersonsRequest, project: str) -> Response:
        """The evaluation data sets of a project, newest first."""
        found = policies.data_sets.visible_to(request.user).filter(
            project=project_of(request, project)
        )
        return self.page(found.select_related("uploaded_by"), shapes.DataSet)

    @extend_schema(request=shapes.NewDataSet, responses={201: shapes.DataSet})
    def post(self, request: PersonsRequest, project: str) -> Response:
        """Upload an evaluation data set: a `file` in a multipart body, or its `content` in JSON."""
        found = project_of(request, project)
        given = self.given(shapes.NewDataSet)
        made = services.upload_data_set(
            found,
            name=given["name"],
            description=given.get("description", ""),
            by=request.user,
            **_file_of(given),
        )
        return shown(made, shapes.DataSet, status=201)


class DataSetView(Resource):
    @extend_schema(responses=shapes.DataSet)
    def get(self, request: PersonsRequest, project: str, pk: int) -> Response:
        """An evaluation data set; its rows are not given out."""
        return shown(_data_set_of(request, project, pk), shapes.DataSet)

    @extend_schema(request=shapes.DataSetWithdrawal, responses={204: None})
    def delete(self, request: PersonsRequest, project: str, pk: int) -> Response:
        """Withdraw a data set: nothing is evaluated on it any more, and reports stay."""
        found = _data_set_of(request, project, pk)
        given = self.given(shapes.DataSetWithdrawal)
        services.withdraw_data_set(found, by=request.user, reason=given.get("reason", ""))
        return Response(status=204)


class LoggedDataSetsView(Resource):
    @extend_schema(responses=shapes.LoggedDataSet(many=True))
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Data sets that the run of a version logged, and which of them can be taken in."""
        return self.page(
            queries.logged_with(version_of(request, name, number)), shapes.LoggedDataSet
        )

    @extend_schema(request=shapes.ChosenLogged, responses={201: shapes.LoggedDataSet})
    def post(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Take one of them in. Ask for the list until its run has ended: then it has an id."""
        version = version_of(request, name, number)
        key = self.given(shapes.ChosenLogged)["key"]
        services.take_in(version, key, by=request.user)
        found = next(each for each in queries.logged_with(version) if each.logged.key == key)
        return shown(found, shapes.LoggedDataSet, status=201)


class EvaluationsView(Resource):
    @extend_schema(responses=shapes.Evaluation(many=True))
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """The evaluations of a version, newest first."""
        version = version_of(request, name, number)
        found = _shown_with(queries.evaluations_of(version, request.user))
        return self.page(found.defer("report"), shapes.Evaluation)

    @extend_schema(request=shapes.NewEvaluation, responses={201: shapes.Evaluation})
    def post(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Start an evaluation. Ask for it again until its run has ended."""
        version = version_of(request, name, number)
        given = self.given(shapes.NewEvaluation)
        visible = policies.data_sets.visible_to(request.user)
        data_set = one(visible, "evaluation data set", pk=given.pop("data_set"))
        made = services.start_evaluation(version, data_set, by=request.user, **given)
        return shown(_evaluation_of(request, made.pk), shapes.Evaluation, status=201)


class EvaluationView(Resource):
    @extend_schema(responses=shapes.Evaluation)
    def get(self, request: PersonsRequest, pk: int) -> Response:
        """An evaluation, with how far its run is."""
        return shown(_evaluation_of(request, pk), shapes.Evaluation)


class EvaluationReportView(Resource):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: PersonsRequest, pk: int) -> Response:
        """The report of an evaluation."""
        evaluation = _evaluation_of(request, pk)
        if evaluation.report is None:
            raise NotFound("This evaluation has no report yet, or did not come to one.")
        return Response(evaluation.report)


class EvaluationCancelView(Resource):
    @extend_schema(request=None, responses=shapes.Evaluation)
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """End an evaluation that waits or runs."""
        services.cancel(_evaluation_of(request, pk), by=request.user)
        return shown(_evaluation_of(request, pk), shapes.Evaluation)


class RulesView(Resource):
    @extend_schema(responses=shapes.EvaluationRule(many=True))
    def get(self, request: PersonsRequest, project: str) -> Response:
        """What is evaluated without anybody asking: the rules of all projects, and its own."""
        return self.page(queries.rules_of(project_of(request, project)), shapes.EvaluationRule)

    @extend_schema(request=shapes.NewEvaluationRule, responses={201: shapes.EvaluationRule})
    def post(self, request: PersonsRequest, project: str) -> Response:
        """Have versions of the project evaluated when they are registered, or to be reviewed."""
        found = project_of(request, project)
        rule = services.add_rule(found, by=request.user, **self.given(shapes.NewEvaluationRule))
        return shown(rule, shapes.EvaluationRule, status=201)


class RuleView(Resource):
    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, project: str, pk: int) -> Response:
        """Take a rule of the project back, and cancel what it asked for."""
        own = EvaluationRule.objects.filter(project=project_of(request, project))
        services.remove_rule(one(own, "rule of this project", pk=pk), by=request.user)
        return Response(status=204)


def _file_of(given: dict[str, Any]) -> dict[str, Any]:
    if file := given.get("file"):
        return {"file": file, "filename": file.name, "size": file.size}
    if "content" not in given:
        sentence = "Send the file in a multipart body, or its text as content."
        raise Invalid(sentence, details={"file": sentence})
    content = given["content"].encode()
    kind = given.get("format", Format.CSV)
    return {"file": BytesIO(content), "filename": f"content.{kind}", "size": len(content)}


def _data_set_of(request: PersonsRequest, project: str, pk: int) -> EvaluationDataSet:
    found = policies.data_sets.visible_to(request.user).filter(project=project_of(request, project))
    return one(found.select_related("uploaded_by", "project"), "evaluation data set", pk=pk)


def _evaluation_of(request: PersonsRequest, pk: int) -> Evaluation:
    found = _shown_with(policies.evaluations.visible_to(request.user))
    return one(found, "evaluation", pk=pk)


def _shown_with(found: Any) -> Any:
    return found.select_related("version__model__project", "data_set__uploaded_by", "run")
