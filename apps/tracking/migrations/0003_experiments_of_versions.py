"""Give experiments to the projects whose versions come from them, where there is one such project.

What an administrator gave to a project stays as it is; what nobody's version comes from is assigned
with `manage.py assign_experiments`.
"""

from collections import defaultdict

from django.db import migrations

# Clients write to it who name no experiment, whatever their project.
CLIENTS_DEFAULT = "0"


def assign(apps, schema_editor):
    Experiment = apps.get_model("tracking", "Experiment")
    ModelVersion = apps.get_model("registry", "ModelVersion")
    Project = apps.get_model("projects", "Project")
    projects = defaultdict(set)
    # Ids of other servers say nothing about ours.
    found = (
        ModelVersion.objects.filter(tracking_server=None, imported_from="")
        .exclude(experiment_id="")
        .order_by()
        .values_list("experiment_id", "model__project")
        .distinct()
    )
    for experiment_id, project in found:
        projects[experiment_id].add(project)
    if Project.objects.count() > 1:
        projects.pop(CLIENTS_DEFAULT, None)
    known = set(Experiment.objects.values_list("experiment_id", flat=True))
    Experiment.objects.bulk_create(
        Experiment(
            experiment_id=experiment_id,
            project_id=next(iter(owners)),
            # Where there is one project, its people go on in what they logged to so far.
            is_default=experiment_id == CLIENTS_DEFAULT,
        )
        for experiment_id, owners in sorted(projects.items())
        if len(owners) == 1 and experiment_id not in known
    )


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0002_artifact_stores"),
        ("registry", "0004_version_sources"),
        ("projects", "0001_initial"),
    ]

    operations = [migrations.RunPython(assign, migrations.RunPython.noop)]
