"""Templates of the page, and plain text in them: nothing that was typed becomes markup."""

import base64
import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_ENVIRONMENT = Environment(
    loader=PackageLoader("autoencoder.report.write", ""),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["base64"] = lambda content: base64.b64encode(content).decode()
# JSON has no NaN, whatever Python's module writes.
_ENVIRONMENT.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}


def rendered(name: str, **values: Any) -> Markup:
    """A piece of HTML by the name of its template; values are escaped, unless they are `Markup`."""
    return Markup(_ENVIRONMENT.get_template(f"{name}.html").render(values))


def plain(text: str) -> str:
    """Plain text in Markdown, in one line: what would be markup, HTML or a formula is escaped."""
    return re.sub(r"([\\`*<\[\]$])", r"\\\1", " ".join(text.split()))
