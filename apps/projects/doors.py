from apps.core.doors import Login, Rate, declare, everybody, may, methods, view

declare(
    Login.SESSION,
    {
        "projects:new": methods(GET=everybody(), POST=everybody("project.create")),
        "projects:members": methods(
            GET=view("project"),
            POST=may("manage_members", "project", "member.add", "member.edit"),
        ),
        "projects:member": methods(
            GET=may("manage_members", "member", rate=Rate.READ),
            POST=may("manage_members", "member", "member.edit"),
        ),
        "projects:member_remove": methods(POST=may("manage_members", "member", "member.remove")),
    },
)
