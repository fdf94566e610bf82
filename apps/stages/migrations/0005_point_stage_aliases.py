from django.db import migrations


def point_aliases(apps, schema_editor):
    """Let the alias of each stage say what stands there, whatever people pointed it at before."""
    Stage = apps.get_model("stages", "Stage")
    Placement = apps.get_model("stages", "Placement")
    Alias = apps.get_model("registry", "Alias")
    for stage in Stage.objects.all():
        rows = Alias.objects.filter(name__iexact=stage.alias)
        if stage.project_id is not None:
            rows = rows.filter(model__project=stage.project_id)
        rows.delete()
        standing = {}
        placements = Placement.objects.filter(
            stage=stage, version__deleted_at=None, version__model__deleted_at=None
        )
        for placement in placements.order_by("since", "version_id").select_related("version"):
            standing[placement.version.model_id] = placement.version_id
        Alias.objects.bulk_create(
            [
                Alias(model_id=model, name=stage.alias, version_id=version)
                for model, version in standing.items()
            ],
            batch_size=500,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("stages", "0004_one_stage_per_alias"),
        ("registry", "0001_initial"),
    ]

    operations = [migrations.RunPython(point_aliases, migrations.RunPython.noop)]
