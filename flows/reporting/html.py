"""Fill page templates safely, whatever a model wrote.

Models' words reach a page as JSON alone, which scripts show as text; and the page's own policy lets no other script
run and nothing be fetched.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from flows.store.jsonio import dumps


def fill(template: Path, styles: Iterable[Path], scripts: Iterable[Path], **values: Any) -> Iterator[str]:
    """Fill a template that takes `style`, `script` and the digests of both, besides the values; yields its pieces."""
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(template.parent), undefined=StrictUndefined, autoescape=True
    )
    style, script = ("\n".join(path.read_text(encoding="utf-8") for path in files) for files in (styles, scripts))
    return environment.get_template(template.name).generate(
        style=Markup(style),
        style_digest=_digest(style),
        script=Markup(script),
        script_digest=_digest(script),
        **values,
    )


def embedded(value: Any) -> Markup:
    """Encode for a script element: without `<`, nothing in it can end the element or open a comment."""
    return Markup(dumps(value).decode().replace("<", "\\u003c"))


def _digest(source: str) -> Markup:
    """Name a script or style in a content security policy."""
    return Markup(f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'")
