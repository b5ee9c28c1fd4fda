"""A headless Chromium that opens a page and tells what a person would see, hear and wait for."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip

#: contrast of every text with what lies behind it, drawn layer by layer: [ratio, size in px, is bold, text]
_CONTRASTS = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const paint = (layers) => {
  canvas.clearRect(0, 0, 1, 1);
  for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const luminance = (rgb) => rgb.map((part) => part / 255)
  .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const text = walker.currentNode.textContent.trim();
  if (!text || ["SCRIPT", "STYLE", "NOSCRIPT", "OPTION"].includes(element.tagName) || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const layers = [];
  for (let each = element; each; each = each.parentElement) layers.unshift(getComputedStyle(each).backgroundColor);
  const behind = paint(["white", ...layers]);
  const before = paint(["white", ...layers, element.namespaceURI.endsWith("svg") ? style.fill : style.color]);
  const [light, dark] = [luminance(behind), luminance(before)].sort((one, other) => other - one);
  found.push([(light + 0.05) / (dark + 0.05), parseFloat(style.fontSize), Number(style.fontWeight) >= 700, text]);
}
return found;
"""


class Browser:
    """One tab. `figures` and `rows` are read from what is shown, never from the page's own data."""

    def __init__(self, folder: Path) -> None:
        found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
        if None in found.values():
            pytest.skip("Chromium and its driver are not installed: make system-deps")
        options = Options()
        options.binary_location = str(found["chromium"])
        for flag in (*_FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(str(found["chromedriver"])))

    def close(self) -> None:
        self.driver.quit()

    def show(self, width: int = 1280, *, scheme: str = "light", media: str = "screen") -> None:
        """The next page is shown so wide, in the light or the dark scheme, on a screen or in print."""
        self._command(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        self._command(
            "Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def open(self, page: Path | str) -> None:
        """Opens a file or an address and fails unless the page has drawn itself, without a word on the console."""
        self.driver.get(page if isinstance(page, str) else page.resolve().as_uri())
        assert not self.complaints()
        assert self.run("return document.documentElement.dataset.drawn") == "yes"

    def complaints(self) -> list[str]:
        """What the console has said since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since this was asked last."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element("css selector", selector)

    def choose(self, **filters: str) -> None:
        """Sets filters by the text of their options, after a reset."""
        self.find("#filters button").click()
        # the form's own reset comes after the click
        assert self.driver.execute_async_script("setTimeout(arguments[0], 20, true)")
        for name, text in filters.items():
            chosen = self.run(
                """
                const select = document.querySelector(`#filters select[name="${arguments[0]}"]`);
                const option = [...select.options].find((each) => each.text === arguments[1]);
                if (!option) return null;
                select.value = option.value;
                select.dispatchEvent(new Event("change", { bubbles: true }));
                return option.text;
                """,
                name,
                text,
            )
            assert chosen == text, f"the filter {name} has no {text!r}"

    def slide(self, name: str, value: float) -> None:
        """Moves a slider as a hand would."""
        self.run(
            """
            const slider = document.querySelector(`input[name="${arguments[0]}"]`);
            slider.value = arguments[1];
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            """,
            name,
            value,
        )

    def rows(self, part: str, table: int = 0) -> dict[str, list[str]]:
        """The rows of a part's table by their names: the texts of their cells, the first one the row's heading."""
        listed = self.run(
            """
            const table = document.querySelectorAll(`#${arguments[0]} table`)[arguments[1]];
            return [...table.tBodies[0].rows].map((row) => [row.dataset.row, [...row.cells].map((cell) => cell.innerText)]);
            """,
            part,
            table,
        )
        assert len({name for name, _ in listed}) == len(listed)
        return dict(listed)

    def tile(self, part: str, name: str) -> str:
        return self.find(f'#{part} [data-tile="{name}"] strong').text

    def notes(self, part: str) -> str:
        return " ".join(
            self.run(
                "return [...document.querySelectorAll(`#${arguments[0]} .note`)].map((note) => note.innerText)", part
            )
        )

    def contrasts(self) -> list[tuple[float, float, bool, str]]:
        return [tuple(found) for found in self.run(_CONTRASTS)]

    def press(self, key: str) -> None:
        self.driver.switch_to.active_element.send_keys(getattr(Keys, key))

    def printed(self) -> bytes:
        """The page as a PDF."""
        return base64.b64decode(self._command("Page.printToPDF", printBackground=True)["data"])

    def _command(self, name: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, arguments)


def figure(text: str) -> float | None:
    """The first number of a cell as people read it; None where a reason stands instead."""
    line = (
        text.split("\n", maxsplit=1)[0]
        .replace("\N{MINUS SIGN}", "-")
        .replace(",", "")
        .replace("€", "")
        .replace("+", "")
    )
    number = line.split(" ")[0].removesuffix("%")
    try:
        return float(number)
    except ValueError:
        return None
