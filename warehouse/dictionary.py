"""The data dictionary: dbt's documentation of every table and column as one HTML file that asks nothing of any other place."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from extractors.core.errors import WatertightError
from extractors.core.settings import Settings
from warehouse.build import parsed_project
from warehouse.database import plain_errors

#: what dbt's page would load from elsewhere (its tracker, icon and fonts), and what stands there instead
_OUTSIDE = (
    (re.compile(r"//[a-z0-9]+\.cloudfront\.net/[\w./-]+"), "data:,"),
    (re.compile(r'<link rel="(?:canonical|shortcut icon)"[^>]*>'), ""),
    # what stands in the braces is put in later, and the browser would ask for the braces first
    (re.compile(r'(?<= )xlink:href=(?="\{\{)'), "ng-attr-xlink:href="),
    (re.compile(r'url\(\\?"\.\./[^)]*\)'), 'url(\\"data:,\\")'),
)
#: and should it try all the same, the browser refuses
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval';"
    " style-src 'unsafe-inline'; img-src data:; font-src data:\"/>"
)
#: of the project only what explains tables: nobody looks up a test or a macro in a dictionary
_EXPLAINED = ("model", "seed", "snapshot")


def write_dictionary(settings: Settings) -> Path:
    """Writes `published/dictionary.html` and returns its path. Reads the project, not the warehouse: a night may run meanwhile.

    Raises WatertightError when dbt cannot read the project or the file cannot be written.
    """
    with plain_errors(settings.build_dir):
        settings.build_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="dictionary-", dir=settings.build_dir) as folder:
            manifest = _explained(parsed_project(settings, Path(folder)))
        text = _page(manifest)
        settings.published_dir.mkdir(parents=True, exist_ok=True)
        path = settings.published_dir / "dictionary.html"
        unfinished = path.with_name(f".{path.name}.unfinished")
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    return path


def _explained(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest without tests, macros and whatever names this machine."""
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in _EXPLAINED}
    kept = nodes.keys() | manifest["sources"].keys() | manifest["exposures"].keys()
    for node in nodes.values():
        node["description"] = _told(node["description"], node["config"].pop("meta", {}))
        node["meta"] = {}
        node.pop("root_path", None)
    return manifest | {
        "metadata": {"project_name": manifest["metadata"]["project_name"], "send_anonymous_usage_stats": False},
        "nodes": nodes,
        "macros": {},
        "unit_tests": {},
        "disabled": {},
        "parent_map": _among(kept, manifest["parent_map"]),
        "child_map": _among(kept, manifest["child_map"]),
    }


def _told(description: str, meta: dict[str, Any]) -> str:
    """The description of a table with what else its YAML says of it, as Markdown: the page would show that as one long line of code."""
    parts = [description]
    if meta.get("questions"):
        parts.append("\n".join(["**It answers**", "", *(f"- {question}" for question in meta["questions"])]))
    for name, title in (("formula", "Formula"), ("drill_down", "Behind it")):
        if meta.get(name):
            parts.append(f"**{title}:** {meta[name]}")
    if meta.get("metrics"):
        names = [name for entry in meta["metrics"] for name in entry["names"]]
        parts.append(f"**Metrics:** {', '.join(f'`{name}`' for name in names)} (docs/metrics.md)")
    return "\n\n".join(parts)


def _among(kept: set[str], edges: dict[str, list[str]]) -> dict[str, list[str]]:
    return {key: [other for other in others if other in kept] for key, others in edges.items() if key in kept}


def _catalog(manifest: dict[str, Any]) -> dict[str, Any]:
    """What dbt would ask the database for: the columns' types, which the contracts have already."""
    tables = {
        key: {
            "unique_id": key,
            "metadata": {
                "type": "table", "database": node["database"], "schema": node["schema"], "name": node["name"],
                "comment": node["description"], "owner": "",
            },
            "columns": {
                name: {"type": column["data_type"] or "", "index": place, "name": name, "comment": column["description"]}
                for place, (name, column) in enumerate(node["columns"].items(), 1)
            },
            "stats": {},
        }
        for key, node in manifest["nodes"].items()
    }  # fmt: skip
    return {"metadata": {}, "nodes": tables, "sources": {}, "errors": None}


def _page(manifest: dict[str, Any]) -> str:
    """dbt's own page with both documents inside. Raises WatertightError when this version of it has no room for them."""
    from dbt.task.docs import DOCS_INDEX_FILE_PATH

    text = Path(DOCS_INDEX_FILE_PATH).read_text(encoding="utf-8")
    for pattern, instead in _OUTSIDE:
        text = pattern.sub(instead, text)
    text = text.replace("<head>", f"<head>{_POLICY}", 1)
    for place, content in (("MANIFEST", manifest), ("CATALOG", _catalog(manifest))):
        gap = f'"{place}.JSON INLINE DATA"'
        if gap not in text:
            raise WatertightError(
                f"dbt's documentation page has no place for {place.lower()}.json.",
                "Install the locked version of dbt-core: make nightly.",
            )
        # a description may not end the script that it stands in
        text = text.replace(gap, json.dumps(content, default=str).replace("</", "<\\/"))
    return text
