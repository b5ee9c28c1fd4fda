"""One HTML file that asks nobody for anything: the content, the style and the script, each allowed by its hash."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from pathlib import Path

import msgspec

from dashboard.content import read_content

_FOLDER = Path(__file__).parent / "page"

#: the modules of the script; each may import from those before it
MODULES = (
    "content.js",
    "format.js",
    "elements.js",
    "charts.js",
    "filters.js",
    "quality.js",
    "funnel.js",
    "leakage.js",
    "waterfall.js",
    "cohorts.js",
    "stages.js",
    "trends.js",
    "targets.js",
    "board.js",
    "headline.js",
    "owners.js",
    "leads.js",
    "scorecard.js",
    "what_if.js",
    "recovery.js",
    "hygiene.js",
    "main.js",
)

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./[a-z_]+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|const|let|class)", re.MULTILINE)

#: what could end the element that holds the content, or a line of an older parser, is written as its number
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}

_json = msgspec.json.Encoder(decimal_format="number").encode


def make_page(marts: Path) -> str:
    """The page of one publication. Raises WatertightError when the marts lack what it shows."""
    content = _json(read_content(marts)).decode().translate(_ESCAPES)
    script, style = join_modules(), (_FOLDER / "page.css").read_text(encoding="utf-8")
    policy = "; ".join((
        "default-src 'none'",
        f"script-src '{_digest(script)}'",
        f"style-src '{_digest(style)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ))  # fmt: skip
    page = (_FOLDER / "page.html").read_text(encoding="utf-8")
    parts = {"policy": policy, "style": style, "content": content, "script": script}
    return re.sub(r"\{\{ (\w+) \}\}", lambda found: parts[found[1]], page)


def join_modules() -> str:
    """The modules as one script of one scope: a page that asks nobody cannot import. A name that two of them use is an error in the browser."""
    texts = [(_FOLDER / name).read_text(encoding="utf-8") for name in MODULES]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def _digest(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode()
