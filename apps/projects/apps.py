from apps.core.apps import DomainConfig


class ProjectsConfig(DomainConfig):
    name = "apps.projects"
    label = "projects"
    default = True
