"""Texts that try to run script or to break the layout, for names, messages, polls and cards."""

SCRIPTS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<a href='javascript:alert(1)' autofocus onfocus=alert(1)>x</a>",
    "<form action='javascript:alert(1)'><button>Send</button></form>",
    "</textarea></title></style><script>alert(1)</script>",
    "'\"-->{{alert(1)}}{@html alert(1)}${alert(1)}",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt&colon;alert(1))",
    "![x](javascript:alert(1))",
    "![x](data:text/html,<script>alert(1)</script>)",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    '[x](https://example.org/"onmouseover=alert(1)//)',
    "{mention-user1} {object} {actor}",
    "__proto__ constructor toString",
)
"""Each calls `alert` if it runs."""

PILED = "Z" + "\u0334\u0310\u0348\u030a" * 6
"""Piled accents, short enough for every name."""

LAYOUTS = (
    PILED,
    "W" * 600,
    "https://example.org/" + "a" * 600,
    "`" + "x" * 600 + "`",
    "```\n" + "y" * 600 + "\n```",
    "| " + " | ".join("column" * 5 for _ in range(30)) + " |\n" + "|---" * 30 + "|",
    "\u202e\u2066right to left\u2069 and more \u202e",
    "Z\u0334\u0310\u0348\u030a" * 40 + "\u0301" * 400,
    "😀👩‍👩‍👧‍👦🏳️‍🌈" * 40,
    "\u200b\u200d\u2060\ufeff" * 50 + "x",
    "\n" * 80 + "bottom",
    "> " * 40 + "deep",
    "- " * 40 + "deep",
    ">" * 20_000 + "deep",
    "\n".join("  " * level + "- deep" for level in range(100)),
    "*a **b " * 200 + "deep" + "** *" * 200,
    "﷽" * 60,
)
"""Long words, wide tables, overrides of the direction, piled accents, and deep nesting."""
