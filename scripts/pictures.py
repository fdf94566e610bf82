"""Pictures of the documentation, as SVG that reads well on light and dark pages."""

from collections.abc import Mapping, Sequence
from html import escape

FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
# A background of its own, because a page may be dark where the reader's system is light.
STYLE = f"""\
  <style>
    .page {{ fill: #ffffff; stroke: #d5d9e0; }}
    .box {{ fill: #eef3fb; stroke: #7d93b8; }}
    .person {{ fill: #fdf3e3; stroke: #b98a3a; }}
    .end {{ fill: #e9f6ee; stroke: #5a9a72; }}
    .line {{ stroke: #5b6577; fill: none; stroke-width: 1.5; }}
    .head {{ fill: #5b6577; }}
    .name {{ fill: #16202e; font: 600 15px {FONT}; }}
    .note {{ fill: #4a5565; font: 400 12px {FONT}; }}
    @media (prefers-color-scheme: dark) {{
      .page {{ fill: #14181f; stroke: #343c49; }}
      .box {{ fill: #1e2a3d; stroke: #6f8ab5; }}
      .person {{ fill: #352a17; stroke: #b98a3a; }}
      .end {{ fill: #173023; stroke: #5a9a72; }}
      .line {{ stroke: #97a3b6; }}
      .head {{ fill: #97a3b6; }}
      .name {{ fill: #eef2f8; }}
      .note {{ fill: #b3bdcc; }}
    }}
  </style>
  <defs>
    <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"
            orient="auto-start-reverse"><path class="head" d="M0 0 L8 4 L0 8 Z"/></marker>
  </defs>
"""

WIDTH, MARGIN, GAP, ROW = 860, 90, 12, 50


def layers(rows: Sequence[Sequence[str]], notes: Mapping[str, str]) -> str:
    """The apps as a wall: each may use what lies below it, and nothing beside or above."""
    height = 40 + len(rows) * (ROW + GAP) + 10
    parts = [_page(WIDTH, height, "The layers of mlgov: imports point down")]
    room = WIDTH - 2 * MARGIN
    for number, apps in enumerate(rows):
        y = 30 + number * (ROW + GAP)
        width = (room - GAP * (len(apps) - 1)) / len(apps)
        for place, app in enumerate(apps):
            x = MARGIN + place * (width + GAP)
            parts.append(_box(x, y, width, ROW, app, [notes[app]]))
    bottom = height - 30
    parts += [
        _line(f"M45 40 L45 {bottom}"),
        _sideways(30, height / 2, "calls and imports point down"),
        _line(f"M{WIDTH - 45} {bottom} L{WIDTH - 45} 40"),
        _sideways(WIDTH - 22, height / 2, "events are heard above"),
        "</svg>\n",
    ]
    return "".join(parts)


STEPS = [
    (30, 40, 180, "box", "Register", "the stock mlflow client", "logs and registers"),
    (250, 40, 180, "box", "Model card", "files copied and hashed,", "lineage read"),
    (470, 40, 180, "box", "Request a review", "for a stage, with a note;", "a mail goes out"),
    (690, 40, 140, "person", "Approve", "verdicts are bound", "to what was read"),
    (690, 190, 140, "end", "Stage", "entered with the", "last approval"),
    (470, 190, 180, "box", "Build", "a worker makes the image", "from the same bytes"),
    (250, 190, 180, "box", "Roll out", "start, health, trial,", "switch the traffic"),
    (30, 190, 180, "end", "Predict", "one stable URL,", "API key or session"),
]
ARROWS = [
    "M210 73 L246 73",
    "M430 73 L466 73",
    "M650 73 L686 73",
    "M760 106 L760 186",
    "M690 223 L654 223",
    "M470 223 L434 223",
    "M250 223 L214 223",
    "M760 40 C760 8 340 8 340 36",
]


def loop() -> str:
    """The way of a version, from the client that registers it to the prediction."""
    parts = [_page(WIDTH, 320, "From registration to prediction")]
    parts += [_box(x, y, width, 66, name, notes, kind) for x, y, width, kind, name, *notes in STEPS]
    parts += [_line(path) for path in ARROWS]
    parts += [
        _note(550, 32, "changes requested"),
        _note(
            WIDTH / 2, 296, "Every step is in the audit trail: who, what, when, why, from where."
        ),
        "</svg>\n",
    ]
    return "".join(parts)


def _page(width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{escape(title)}">\n'
        f"  <title>{escape(title)}</title>\n{STYLE}"
        f'  <rect class="page" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" '
        'rx="10"/>\n'
    )


def _box(
    x: float,
    y: float,
    width: float,
    height: float,
    name: str,
    notes: Sequence[str],
    kind: str = "box",
) -> str:
    middle = x + width / 2
    top = y + height / 2 - 8 * len(notes) + 4
    lines = [
        f'  <rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        'rx="6"/>\n',
        f'  <text class="name" x="{middle:g}" y="{top:g}" text-anchor="middle">'
        f"{escape(name)}</text>\n",
        *(_note(middle, top + 16 * number, note) for number, note in enumerate(notes, start=1)),
    ]
    return "".join(lines)


def _note(x: float, y: float, text: str) -> str:
    return f'  <text class="note" x="{x:g}" y="{y:g}" text-anchor="middle">{escape(text)}</text>\n'


def _line(path: str) -> str:
    return f'  <path class="line" d="{path}" marker-end="url(#arrow)"/>\n'


def _sideways(x: float, y: float, text: str) -> str:
    return (
        f'  <text class="note" x="{x:g}" y="{y:g}" text-anchor="middle" '
        f'transform="rotate(-90 {x:g} {y:g})">{escape(text)}</text>\n'
    )
