from rest_framework import serializers

from apps.api.v1.serializers.deployments import Run
from apps.api.v1.serializers.fields import page_of
from apps.api.v1.serializers.people import Person
from apps.evaluations.models import Evaluation as EvaluationRow
from apps.evaluations.models import EvaluationRule as RuleRow
from apps.evaluations.models import Format, Kind, Occasion
from apps.stages.models import Stage


class DataSet(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    format = serializers.ChoiceField(Format.choices)
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    columns = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField()
    taken_from = serializers.CharField(
        source="source", help_text="Of one that was logged with a run: where it lay."
    )
    logged_digest = serializers.CharField(help_text="The digest that MLflow gave it.")
    uploaded_by = Person()
    uploaded_at = serializers.DateTimeField()


class NewDataSet(serializers.Serializer):
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    file = serializers.FileField(
        required=False, help_text="In a multipart body: CSV, JSON or Parquet, by its name."
    )
    content = serializers.CharField(
        required=False, help_text="In a JSON body: the text of the file.", trim_whitespace=False
    )
    format = serializers.ChoiceField(
        [choice for choice in Format.choices if choice[0] != Format.PARQUET],
        required=False,
        help_text="Of `content`; csv if not given.",
    )


class DataSetWithdrawal(serializers.Serializer):
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class LoggedDataSet(serializers.Serializer):
    key = serializers.CharField(source="logged.key")
    name = serializers.CharField(source="logged.name")
    logged_as = serializers.CharField(source="logged.context", help_text="Such as training.")
    digest = serializers.CharField(source="logged.digest", help_text="As MLflow computed it.")
    address = serializers.CharField(source="logged.address")
    why_not = serializers.CharField(
        source="logged.why_not", help_text="Why it cannot be taken in; else empty."
    )
    run = Run(source="intake.run", default=None)
    data_set = serializers.IntegerField(
        source="data_set.pk", default=None, help_text="As soon as it is taken in."
    )


class ChosenLogged(serializers.Serializer):
    key = serializers.CharField(max_length=64)


class Evaluation(serializers.Serializer):
    id = serializers.IntegerField()
    project = serializers.CharField(source="version.model.project.slug")
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    data_set = DataSet()
    kind = serializers.ChoiceField(Kind.choices)
    target = serializers.CharField()
    positive = serializers.CharField()
    prediction_column = serializers.CharField()
    threshold = serializers.FloatField()
    cohorts = serializers.ListField(child=serializers.CharField())
    sensitive = serializers.ListField(child=serializers.CharField())
    min_rows = serializers.IntegerField()
    seed = serializers.IntegerField()
    artifact_digest = serializers.CharField()
    rule_name = serializers.CharField(help_text="Of the rule that asked for it; else empty.")
    card_refusal = serializers.CharField(
        help_text="Why the results are not on the card although the rule wants it."
    )
    run = Run()
    report_sha256 = serializers.CharField(help_text="Empty until there is a report.")
    created_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField(help_text="Of the page with the report.")

    def get_url(self, evaluation: EvaluationRow) -> str:
        return page_of("evaluations:detail", evaluation.pk)


class NewSettings(serializers.Serializer):
    """What is measured, and how."""

    kind = serializers.ChoiceField(Kind.choices)
    target = serializers.CharField(max_length=200, trim_whitespace=False)
    positive = serializers.CharField(max_length=200, required=False, allow_blank=True)
    prediction_column = serializers.CharField(max_length=200, required=False, allow_blank=True)
    threshold = serializers.FloatField(min_value=0, max_value=1, required=False)
    cohorts = serializers.ListField(
        child=serializers.CharField(max_length=200, trim_whitespace=False), required=False
    )
    sensitive = serializers.ListField(
        child=serializers.CharField(max_length=200, trim_whitespace=False), required=False
    )
    min_rows = serializers.IntegerField(min_value=5, max_value=10_000, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


class NewEvaluation(NewSettings):
    data_set = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class EvaluationRule(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    is_global = serializers.SerializerMethodField(help_text="Whether it holds in all projects.")
    occasion = serializers.ChoiceField(Occasion.choices)
    stage = serializers.CharField(source="stage.slug", default=None)
    model_patterns = serializers.ListField(
        child=serializers.CharField(), help_text="Empty: every model."
    )
    data_set_name = serializers.CharField()
    puts_on_card = serializers.BooleanField()
    acts_for = serializers.CharField(
        source="acts_for.username",
        default=None,
        help_text="On whose right it stands; null: it is mlgov's own work.",
    )
    kind = serializers.ChoiceField(Kind.choices)
    target = serializers.CharField()
    positive = serializers.CharField()
    prediction_column = serializers.CharField()
    threshold = serializers.FloatField()
    cohorts = serializers.ListField(child=serializers.CharField())
    sensitive = serializers.ListField(child=serializers.CharField())
    min_rows = serializers.IntegerField()
    seed = serializers.IntegerField()

    def get_is_global(self, rule: RuleRow) -> bool:
        return rule.project_id is None


class NewEvaluationRule(NewSettings):
    name = serializers.CharField(max_length=100)
    occasion = serializers.ChoiceField(Occasion.choices)
    stage = serializers.SlugRelatedField("slug", queryset=Stage.objects.all(), required=False)
    model_patterns = serializers.ListField(
        child=serializers.CharField(max_length=256),
        required=False,
        help_text="Names of models; * stands for any text. None: every model of the project.",
    )
    data_set_name = serializers.CharField(max_length=100)
    puts_on_card = serializers.BooleanField(required=False)
    on_my_right = serializers.BooleanField(required=False)
