"""The same models and versions for mlgov and for a stock server, put in by bulk SQL."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import transaction

from apps.accounts.models import User
from apps.accounts.services import create_token
from apps.registry.models import Alias, ModelTag, ModelVersion, RegisteredModel, VersionTag
from apps.registry.states import VersionState
from tests import factories

MODELS, VERSIONS = 10_000, 10
SPECIAL = {"hundred": 100, "large": 50_000}
BEGAN = 1_790_000_000_000  # milliseconds
BATCH = 5_000

STOCK = f"""
INSERT INTO registered_models (workspace, name, creation_time, last_updated_time, description)
SELECT 'default', 'bench-' || lpad(n::text, 5, '0'), {BEGAN} + n, {BEGAN} + n, 'One.'
FROM generate_series(1, {MODELS}) n
UNION ALL SELECT 'default', 'hundred', {BEGAN}, {BEGAN}, 'One.'
UNION ALL SELECT 'default', 'large', {BEGAN}, {BEGAN}, 'One.';
INSERT INTO registered_model_tags (workspace, name, key, value)
SELECT workspace, name, 'team', 'risk' FROM registered_models;
INSERT INTO model_versions (workspace, name, version, creation_time, last_updated_time,
    description, user_id, current_stage, source, storage_location, run_id, run_link, status)
SELECT 'default', m.name, v, {BEGAN} + v, {BEGAN} + v, 'A version.', NULL, 'None',
    'models:/m-' || md5(m.name || v), 'mlflow-artifacts:/0/models/m-' || md5(m.name || v),
    md5(m.name || v), '', 'READY'
FROM registered_models m, LATERAL generate_series(1, CASE m.name
    WHEN 'large' THEN {SPECIAL["large"]} WHEN 'hundred' THEN {SPECIAL["hundred"]}
    ELSE {VERSIONS} END) v;
INSERT INTO model_version_tags (workspace, name, version, key, value)
SELECT workspace, name, version, 'checked', 'yes' FROM model_versions;
INSERT INTO registered_model_aliases (workspace, name, alias, version)
SELECT workspace, name, 'champion', 1 FROM registered_models;
"""  # nosec B608


@transaction.atomic
def load_mlgov() -> None:
    """Fill the database and print the token of a data scientist."""
    owner = factories.make_user("olga")
    projects = [factories.make_project(f"project-{n}", owner=owner) for n in range(20)]
    ada = factories.make_user("ada")
    for project in projects[:5]:
        factories.join(project, ada, "data_scientist")
    names = [f"bench-{n:05}" for n in range(1, MODELS + 1)] + list(SPECIAL)
    models = RegisteredModel.objects.bulk_create(
        (
            RegisteredModel(
                project=projects[n % 5],
                name=name,
                description="One.",
                created_by=ada,
                created_at=moment(n),
                updated_at=moment(n),
                last_number=SPECIAL.get(name, VERSIONS),
            )
            for n, name in enumerate(names)
        ),
        batch_size=BATCH,
    )
    ModelTag.objects.bulk_create(
        (ModelTag(model=model, key="team", value="risk") for model in models), batch_size=BATCH
    )
    versions = ModelVersion.objects.bulk_create(
        (version for model in models for version in versions_of(model, ada)), batch_size=BATCH
    )
    VersionTag.objects.bulk_create(
        (VersionTag(version=version, key="checked", value="yes") for version in versions),
        batch_size=BATCH,
    )
    Alias.objects.bulk_create(
        (Alias(model=v.model, name="champion", version=v) for v in versions if v.number == 1),
        batch_size=BATCH,
    )
    print("TOKEN" + json.dumps(create_token(ada, name="benchmark", by=ada)[1]))


def versions_of(model: RegisteredModel, by: User) -> Iterator[ModelVersion]:
    for number in range(1, model.last_number + 1):
        mark = hashlib.md5(f"{model.name}{number}".encode(), usedforsecurity=False).hexdigest()
        yield ModelVersion(
            model=model,
            number=number,
            state=VersionState.READY,
            description="A version.",
            source=f"models:/m-{mark}",
            source_run_id=mark,
            logged_model_id=f"m-{mark}",
            artifact_path=f"0/models/m-{mark}",
            experiment_id="0",
            registered_by=by,
            created_at=moment(number),
            updated_at=moment(number),
            artifact_digest=f"sha256:{mark}{mark}",
        )


def moment(number: int) -> datetime:
    return datetime.fromtimestamp((BEGAN + number) / 1000, UTC)
