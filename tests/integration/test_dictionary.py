"""The data dictionary is one file, explains every published column, and asks nothing of any other place."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from extractors.core.settings import Settings
from tests.e2e.browser import Browser
from warehouse.as_of import published_tables
from warehouse.dictionary import write_dictionary

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("dictionary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Settings.model_config, "env_file", None)
        path = write_dictionary(Settings(home_dir=home, files_dir=home))
    assert [each.name for each in path.parent.iterdir()] == ["dictionary.html"]
    return path.read_text(encoding="utf-8")


def test_in_the_browser_it_opens_at_a_table_and_asks_for_nothing(text: str, tmp_path: Path) -> None:
    page = tmp_path / "dictionary.html"
    page.write_text(text, encoding="utf-8")
    browser = Browser(tmp_path / "chromium")
    try:
        browser.requests()
        browser.driver.get(f"{page.as_uri()}#!/model/model.watertight.mart_sales__pipeline_board")
        deadline = time.monotonic() + 60
        while "open_rank" not in (shown := str(browser.run("return document.body.innerText"))):
            assert time.monotonic() < deadline, shown[-2000:]
            time.sleep(0.2)
        assert "One row per" in shown
        # the browser's own empty tab came before
        asked = {address.partition("#")[0] for address in browser.requests() if not address.startswith("chrome:")}
        assert {address for address in asked if not address.startswith(("data:", "blob:"))} == {page.as_uri()}
        assert browser.complaints() == []
    finally:
        browser.close()


def inside(text: str, name: str) -> dict[str, Any]:
    """One of the two documents that the page carries."""
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text, text.index(f'{name}:{{"') + len(name) + 1)[0]
    return found


def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    page = text.replace(json.dumps(inside(text, "manifest")).replace("</", "<\\/"), "")
    assert "cloudfront" not in page
    assert not re.findall(r'<[a-z]+ [^<>]*(?:src|href)="(?:https?:)?//[^"]+', page)
    assert not re.findall(r'url\(\\?"?(?!data:|\$)[^)"]*[./][^)"]*\.(?:woff|ttf|svg|png|css)', page)
    assert not re.findall(r'<link [^>]*href="(?!data:)', page)
    assert "default-src 'none'" in text[:1000]


def test_every_published_table_stands_in_it_with_every_column(text: str) -> None:
    nodes = {node["name"]: node for node in inside(text, "manifest")["nodes"].values()}
    types = {node["metadata"]["name"]: node["columns"] for node in inside(text, "catalog")["nodes"].values()}
    details = {name for name in nodes if name.startswith("dim_") and name.endswith("_details")}
    assert details
    for table in {*published_tables(), *details}:
        assert nodes[table]["description"].startswith("One row per "), table
        assert not table.startswith("mart_") or "**It answers**" in nodes[table]["description"], table
        assert nodes[table]["columns"], table
        for name, column in nodes[table]["columns"].items():
            assert column["description"], f"{table}.{name}"
            assert types[table][name]["type"], f"{table}.{name}"


def test_it_says_who_reads_what(text: str) -> None:
    found = inside(text, "manifest")
    readers = {each["name"]: each["depends_on"]["nodes"] for each in found["exposures"].values()}
    assert readers.keys() == {"dashboard", "metric_table", "postgresql"}
    assert sorted(readers["postgresql"]) == [f"model.watertight.{table}" for table in published_tables()]
    assert "model.watertight.mart_metrics__values" in readers["metric_table"]


def test_it_names_no_place_of_this_machine(text: str) -> None:
    assert str(Path(__file__).parents[2]) not in text
