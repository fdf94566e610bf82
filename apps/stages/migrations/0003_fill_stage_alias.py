import re

from django.db import migrations

RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)


def fill_alias(apps, schema_editor):
    """Give each stage its short name; the stages of all projects choose first."""
    Stage = apps.get_model("stages", "Stage")
    known = list(Stage.objects.exclude(alias="").values_list("project", "alias"))
    stages = Stage.objects.filter(alias="").order_by("pk")
    for stage in sorted(stages, key=lambda stage: (stage.project_id is not None, stage.pk)):
        taken = {
            alias.casefold()
            for project, alias in known
            if None in (project, stage.project_id) or project == stage.project_id
        }
        wanted = f"stage-{stage.slug}" if RESERVED.fullmatch(stage.slug) else stage.slug
        candidate, number = wanted, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{wanted}-{number}"
        stage.alias = candidate
        stage.save(update_fields=["alias"])
        known.append((stage.project_id, candidate))


class Migration(migrations.Migration):
    dependencies = [("stages", "0002_stage_alias")]

    operations = [migrations.RunPython(fill_alias, migrations.RunPython.noop)]
