from apps.core.apps import DomainConfig


class EvaluationsConfig(DomainConfig):
    name = "apps.evaluations"
    label = "evaluations"
    default = True
