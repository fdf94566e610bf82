from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.api.v1.serializers.fields import page_of
from apps.cards.search.asking import LONGEST, SORTS, VERSIONS
from apps.cards.search.results import Result
from apps.cards.search.words import LONGEST_QUERY


def _filter(text: str) -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST, help_text=text
    )


class CardSearchQuery(serializers.Serializer):
    q = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST_QUERY,
        help_text='Words that all have to be on the card, "phrases", -without, begin*.',
    )
    risk_tier = _filter("minimal, low, medium or high.")
    task = _filter("As on the card, in any case of letters.")
    framework = _filter("Without its version: sklearn.")
    data_set = _filter("The name of a data set.")
    owner = _filter("The name of the owner on the card.")
    stage = _filter("The short name of the stage in which the version stands.")
    project = _filter("The short name of the project.")
    metric = _filter("The name of a metric that was measured on the whole data.")
    at_least = serializers.FloatField(required=False, help_text="Of the metric.")
    at_most = serializers.FloatField(required=False, help_text="Of the metric.")
    versions = serializers.ChoiceField(
        VERSIONS, required=False, help_text="The newest one of each model, or all that are ready."
    )
    sort = serializers.ChoiceField(
        SORTS, required=False, help_text="By relevance, where there are words to go by."
    )


class FoundPiece(serializers.Serializer):
    text = serializers.CharField(trim_whitespace=False)
    is_found = serializers.BooleanField(help_text="Whether it was looked for.")


class CardExcerpt(serializers.Serializer):
    pointer = serializers.CharField(source="place.pointer", help_text="JSON pointer of the field.")
    title = serializers.CharField(source="place.field_title")
    pieces = FoundPiece(many=True, help_text="The text around the words, in order.")


class FoundMetric(serializers.Serializer):
    name = serializers.CharField()
    value = serializers.FloatField()


class FoundCard(serializers.Serializer):
    project = serializers.CharField()
    model = serializers.CharField(source="version.model.name")
    number = serializers.IntegerField(source="version.number")
    revision = serializers.IntegerField()
    stage = serializers.CharField(source="stage.slug", default=None)
    risk_tier = serializers.CharField(help_text="Empty: not said, or not for you to read.")
    task = serializers.CharField()
    framework = serializers.CharField()
    owner = serializers.CharField()
    data_sets = serializers.ListField(child=serializers.CharField())
    summary = serializers.CharField()
    excerpts = CardExcerpt(many=True)
    also_in = serializers.SerializerMethodField(help_text="Further sections that hold the words.")
    metrics = FoundMetric(many=True, help_text="Those that were asked for.")
    url = serializers.SerializerMethodField(help_text="Of the model card.")

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_also_in(self, found: Result) -> list[str]:
        return [place.section for place in found.also_in]

    def get_url(self, found: Result) -> str:
        return page_of("web:card", found.version.model.name, found.version.number)
