from apps.core.doors import Login, Rate, anybody, declare, group, methods
from apps.projects.roles import AUDITORS

declare(
    Login.NONE,
    {
        "ops:healthz": methods(GET=anybody(rate=Rate.NONE)),
        "ops:readyz": methods(GET=anybody(rate=Rate.NONE, asks="every part of mlgov")),
    },
)
declare(
    Login.TOKEN,
    {"ops:metrics": methods(GET=group(AUDITORS, "metrics", rate=Rate.NONE))},
)
