from apps.core.doors import Author, Login, Rate, declare, everybody, may, methods, view

declare(
    Login.SESSION,
    {
        "cards:search": methods(GET=everybody()),
        "cards:compare": methods(GET=view("model")),
        "cards:section_rules": methods(
            GET=view("project"),
            POST=may("manage_project", "project", "section_rule.create", "section_rule.edit"),
        ),
        "cards:section_rule_remove": methods(
            POST=may("manage_project", "section rule", "section_rule.delete")
        ),
        "cards:compare_cards": methods(GET=view("version")),
        "cards:edit": methods(GET=may("edit_card", "version", rate=Rate.READ)),
        "cards:section": methods(
            GET=may("edit_card", "version", rate=Rate.READ),
            POST=may("edit_card", "version", "card.edit"),
        ),
        "cards:draft": methods(POST=may("edit_card", "version")),
        "cards:values": methods(POST=may("edit_card", "version", "card.edit")),
        "cards:fill": methods(
            POST=may(
                "edit_card", "version", "card.fill", rate=Rate.EXPENSIVE, asks="tracking server"
            )
        ),
        "cards:exports": methods(GET=view("version")),
        "cards:export": methods(
            GET=view("version", rate=Rate.EXPENSIVE), POST=may("view", "version")
        ),
        "cards:import": methods(POST=may("edit_card", "version", "card.edit")),
        "cards:reports": methods(
            GET=may("edit_card", "version", rate=Rate.EXPENSIVE),
            POST=may("edit_card", "version", "card.edit", rate=Rate.EXPENSIVE),
        ),
        "cards:report": methods(
            GET=view("report"), POST=may("view", "report", rate=Rate.EXPENSIVE)
        ),
        "cards:report_content": methods(GET=view("report")),
        "cards:carry_over": methods(POST=may("edit_card", "version", "card.edit")),
        "cards:comments": methods(
            GET=view("version"), POST=may("comment", "version", "version.comment")
        ),
        "cards:comment": methods(
            GET=may("comment", "comment", author=Author.ONLY, rate=Rate.READ),
            POST=may("comment", "comment", "version.edit_comment", author=Author.ONLY),
        ),
        "cards:comment_delete": methods(
            POST=may("manage_project", "comment", "version.delete_comment", author=Author.TOO)
        ),
        "cards:revisions": methods(GET=view("version")),
        "cards:revision": methods(GET=view("revision")),
    },
)
