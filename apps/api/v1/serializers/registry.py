from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.api.v1.serializers.deployments import Run
from apps.api.v1.serializers.fields import Attribute, page_of
from apps.api.v1.serializers.people import Person
from apps.cards.models import CardRevision
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.states import VersionState
from apps.stages.queries import current_move, current_stage


class Model(serializers.Serializer):
    name = serializers.CharField()
    project = serializers.CharField(source="project.slug")
    description = serializers.CharField()
    attributes = serializers.DictField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ModelDetail(Model):
    created_by = Person()
    tags = serializers.SerializerMethodField()
    aliases = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_tags(self, model: RegisteredModel) -> dict[str, str]:
        return {tag.key: tag.value for tag in model.tags.order_by("key")}

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_aliases(self, model: RegisteredModel) -> dict[str, int]:
        aliases = model.aliases.select_related("version").order_by("name")
        return {alias.name: alias.version.number for alias in aliases}


class ModelsQuery(serializers.Serializer):
    project = serializers.CharField(required=False, max_length=50)
    search = serializers.CharField(required=False, max_length=256)


class NewModel(serializers.Serializer):
    name = serializers.CharField(max_length=256)
    project = serializers.CharField(max_length=50)
    description = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=5000
    )


class ModelDescription(serializers.Serializer):
    description = serializers.CharField(allow_blank=True, max_length=5000)


class Version(serializers.Serializer):
    project = serializers.CharField(source="model.project.slug")
    model = serializers.CharField(source="model.name")
    number = serializers.IntegerField()
    state = serializers.ChoiceField(VersionState.choices)
    status_message = serializers.CharField()
    stage = serializers.SerializerMethodField()
    attributes = serializers.DictField()
    artifact_digest = serializers.CharField()
    artifact_bytes = serializers.IntegerField()
    registered_by = Person()
    created_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField(help_text="Of the model card.")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_stage(self, version: ModelVersion) -> str | None:
        stage = current_stage(version)
        return stage.slug if stage else None

    def get_url(self, version: ModelVersion) -> str:
        return page_of("web:card", version.model.name, version.number)


class VersionDetail(Version):
    source = serializers.CharField()  # type: ignore[assignment]
    source_run_id = serializers.CharField()
    tracking_server = serializers.CharField(
        source="tracking_server.slug",
        default=None,
        help_text="The one of the project that it was read on; null: not on such a one.",
    )
    store = serializers.CharField(
        source="store.slug", default=None, help_text="The one that it was read in; null: in none."
    )
    claimed_author = serializers.CharField()
    python_version = serializers.CharField()
    mlflow_version = serializers.CharField()
    requirements = serializers.ListField(child=serializers.CharField())
    flavors = serializers.DictField()
    signature = serializers.JSONField(allow_null=True)
    input_example = serializers.JSONField(allow_null=True)
    tags = serializers.SerializerMethodField()
    aliases = serializers.ListField(source="aliases.all", child=Attribute("name"))
    move = serializers.SerializerMethodField(
        help_text="By which it entered its stage. The deployment that follows names the same one."
    )

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_tags(self, version: ModelVersion) -> dict[str, str]:
        return {tag.key: tag.value for tag in version.tags.order_by("key")}

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_move(self, version: ModelVersion) -> int | None:
        return current_move(version)


class Artifact(serializers.Serializer):
    path = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class Lineage(serializers.Serializer):
    document = serializers.DictField()
    read_at = serializers.DateTimeField()


class Card(serializers.Serializer):
    revision = serializers.IntegerField(source="number")
    description = serializers.CharField(help_text="The field /overview/description of the content.")
    content = serializers.JSONField(
        help_text="The card: a document that fits the schema at /api/v1/card-schema."
    )
    unconfirmed = serializers.DictField(
        child=serializers.CharField(),
        help_text="By JSON pointer: where a value was taken from that nobody has confirmed yet.",
    )
    withheld = serializers.SerializerMethodField(
        help_text="Keys of sections that are not in `content`, because others read them."
    )
    author = Person()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    digest = serializers.CharField(help_text="Of the whole card, whatever is withheld of it.")

    def get_withheld(self, revision: CardRevision) -> list[str]:
        return sorted(revision.withheld)


class MissingField(serializers.Serializer):
    pointer = serializers.CharField()
    title = serializers.CharField()
    reason = serializers.CharField()
    filled_by = serializers.CharField(help_text="Who fills it: auto, auto+edit, person or system.")


class CardFormat(serializers.Serializer):
    format = serializers.CharField()
    title = serializers.CharField()
    suffix = serializers.CharField(help_text="How names of its files end.")
    media_type = serializers.CharField()
    revision = serializers.IntegerField()
    is_written = serializers.BooleanField(help_text="Whether the file can be fetched.")
    can_be_imported = serializers.BooleanField()
    run = Run(allow_null=True, help_text="Of the worker that writes it, where one does.")


class CardImport(serializers.Serializer):
    format = serializers.CharField(
        max_length=40, help_text="json, huggingface, cyclonedx, mct or sagemaker."
    )
    content = serializers.CharField(
        max_length=2 * 1024 * 1024, trim_whitespace=False, help_text="The file, as text."
    )
    replace = serializers.BooleanField(
        default=False, help_text="Also where the card says something already."
    )


class CardEdit(serializers.Serializer):
    content = serializers.DictField(
        required=False,
        help_text="The whole card. Fields that mlgov fills are left as they are.",
    )
    changes = serializers.DictField(
        required=False,
        help_text='Single fields by JSON pointer, such as {"/use/intended_use": "…"}; null removes '
        "a value.",
    )
    confirm = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        max_length=200,
        help_text="JSON pointers of values that were carried over or imported, and hold here.",
    )
    description = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="The same as a change of /overview/description.",
    )
    base_revision = serializers.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        help_text="The revision that was read; another one since then is a conflict.",
    )
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)


class VersionComment(serializers.Serializer):
    id = serializers.IntegerField()
    by = Person()
    at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)
    text = serializers.CharField(help_text="Markdown.")
    pointer = serializers.CharField(help_text="The field of the card that it is about, if any.")
    revision = serializers.IntegerField(allow_null=True, help_text="The one that was read.")


class ChangedVersionComment(serializers.Serializer):
    text = serializers.CharField(max_length=20_000)


class NewVersionComment(serializers.Serializer):
    text = serializers.CharField(max_length=20_000)
    pointer = serializers.CharField(
        max_length=80,
        required=False,
        allow_blank=True,
        help_text="A field of the card, such as /use/intended_use.",
    )
