"""What happens in mlgov, as MLflow's own webhooks tell it.

Tags and descriptions are those of the moment in which it is heard, which is seconds later.
"""

from datetime import datetime
from typing import Any

from apps.registry import validation
from apps.registry.models import ModelVersion, RegisteredModel
from apps.webhooks.dialects import Occasion
from apps.webhooks.models import MlflowEvent

PROMPT_TEXT = "mlflow.prompt.text"
# What tells a prompt from a model, and is said by the name of the event.
OF_PROMPTS = {validation.IS_PROMPT, "_mlflow_prompt_type"}
E = MlflowEvent


def of_model(model: RegisteredModel) -> Occasion:
    return Occasion(
        events=(E.PROMPT_CREATED if model.is_prompt else E.MODEL_CREATED,),
        model=model,
        key=f"model-{model.pk}",
        at=model.created_at,
        facts={
            "name": model.name,
            "tags": _without_marks({tag.key: tag.value for tag in model.tags.all()}, model),
            "description": model.description,
        },
    )


def of_version(version: ModelVersion) -> Occasion:
    model = version.model
    tags = {tag.key: tag.value for tag in version.tags.all()}
    facts: dict[str, Any] = {"name": model.name, "version": str(version.number)}
    if model.is_prompt:
        facts["template"] = tags.pop(PROMPT_TEXT, None)
    else:
        facts |= {"source": version.source, "run_id": version.source_run_id or None}
    return Occasion(
        events=(E.PROMPT_VERSION_CREATED if model.is_prompt else E.VERSION_CREATED,),
        model=model,
        key=f"version-{version.pk}",
        at=version.created_at,
        facts={
            **facts,
            "tags": _without_marks(tags, model),
            "description": version.description or None,
        },
    )


def of_version_tag(version: ModelVersion, payload: dict[str, Any]) -> Occasion:
    """Set, where the payload has a value."""
    is_set, is_prompt = "value" in payload, version.model.is_prompt
    event = {
        (True, False): E.VERSION_TAG_SET,
        (False, False): E.VERSION_TAG_DELETED,
        (True, True): E.PROMPT_VERSION_TAG_SET,
        (False, True): E.PROMPT_VERSION_TAG_DELETED,
    }[is_set, is_prompt]
    return _at(
        payload,
        event,
        version.model,
        key=f"tag-{version.pk}",
        facts={"version": str(version.number), **_tag(payload)},
    )


def of_prompt_tag(model: RegisteredModel, payload: dict[str, Any]) -> Occasion:
    event = E.PROMPT_TAG_SET if "value" in payload else E.PROMPT_TAG_DELETED
    return _at(payload, event, model, key=f"tag-{model.pk}", facts=_tag(payload))


def of_alias_set(version: ModelVersion, payload: dict[str, Any]) -> Occasion:
    model = version.model
    return _at(
        payload,
        E.PROMPT_ALIAS_CREATED if model.is_prompt else E.ALIAS_CREATED,
        model,
        key=f"alias-{model.pk}",
        facts={"alias": payload["alias"], "version": str(version.number)},
    )


def of_alias_deleted(model: RegisteredModel, payload: dict[str, Any]) -> Occasion:
    return _at(
        payload,
        E.PROMPT_ALIAS_DELETED if model.is_prompt else E.ALIAS_DELETED,
        model,
        key=f"alias-{model.pk}",
        facts={"alias": payload["alias"]},
    )


def _at(
    payload: dict[str, Any], event: str, model: RegisteredModel, *, key: str, facts: dict[str, Any]
) -> Occasion:
    return Occasion(
        events=(event,),
        model=model,
        key=f"{key}-{payload['at']}",
        at=datetime.fromisoformat(payload["at"]),
        facts={"name": model.name, **facts},
    )


def _tag(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: payload[name] for name in ("key", "value") if name in payload}


def _without_marks(tags: dict[str, str], model: RegisteredModel) -> dict[str, str]:
    if not model.is_prompt:
        return tags
    return {key: value for key, value in tags.items() if key not in OF_PROMPTS}
