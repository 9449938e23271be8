"""The few pages that a browser sees while somebody signs in. No script, and nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import msgspec

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:10vh auto;padding:0 1rem;color:#222}"
    "label{display:block;margin:.8rem 0}input{display:block;width:100%;padding:.5rem;box-sizing:border-box}"
    "button{padding:.5rem 1.2rem}pre{background:#f3f3f3;padding:1rem;overflow:auto}"
)


def login_form(root_path: str) -> str:
    """Name and password."""
    return _page(
        "Sign in",
        f'<form method="post" action="{escape(root_path)}/login">'
        '<label>Username<input name="username" autocomplete="username" required autofocus></label>'
        '<label>Password<input name="password" type="password" autocomplete="current-password" required></label>'
        "<button>Sign in</button></form>"
        "<p>Unless UI_USERNAME and UI_PASSWORD are set, the user is <code>admin</code> and the password is the master key.</p>",
    )


def missing_variables(names: Sequence[str]) -> str:
    """What the gateway needs before anybody can sign in."""
    return _page(
        "Environment Setup Instructions",
        "<p>Nobody can sign in yet. Set these environment variables and start the gateway again:</p>"
        f"<pre>{escape(', '.join(names))}</pre>",
    )


def disabled() -> str:
    """``DISABLE_ADMIN_UI`` is set."""
    return _page(
        "Admin UI is Disabled",
        "<p>It was switched off. To switch it on again, set <code>DISABLE_ADMIN_UI=False</code> and start the gateway again.</p>",
    )


def debug(seen: Mapping[str, Any]) -> str:
    """What a provider says of somebody, as the gateway understands it."""
    text = msgspec.json.format(msgspec.json.encode(seen), indent=2).decode()
    # The script runs nowhere; the reference's page has the data in one, and there is software that looks for it.
    in_script = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return _page(
        "What the identity provider says",
        f"<pre>{escape(text)}</pre><script>const userData = {in_script};</script>",
    )


def confirm_program(action: str, ticket: str, user: str, name: str) -> str:
    """Asks whether a command line program may have a key of the person who signed in."""
    return _page(
        "Sign in on the command line?",
        f"<p>You are <b>{escape(user)}</b>. A command line program asks for a key that acts in your name. Allow it only if "
        f"you have just started it yourself; its request ends in <code>{escape(name[-6:])}</code>.</p>"
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="ticket" value="{escape(ticket)}">'
        "<button>Allow</button></form><p>Otherwise close this page.</p>",
    )


def program_done() -> str:
    """The program has its key, or will have it."""
    return _page("Signed in", "<p>You can close this page and go on in the terminal.</p>")


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>"
    )
