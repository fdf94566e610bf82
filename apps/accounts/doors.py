from apps.core.doors import Login, declare, methods, own, own_list

declare(
    Login.SESSION,
    {
        "accounts:profile": methods(
            GET=own_list("account"), POST=own_list("account", "user.rename")
        ),
        "accounts:sessions": methods(GET=own_list("sessions")),
        "accounts:sessions_end": methods(POST=own_list("sessions", "session.end")),
        "accounts:session_end": methods(POST=own("session", "session.end")),
        "accounts:token_revoke": methods(POST=own("token", "token.revoke")),
    },
)
