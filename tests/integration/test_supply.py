"""What is installed is what was locked, and the bill of materials says the same."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
UV = ROOT / ".venv" / "bin" / "uv"


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_every_locked_package_has_its_hashes_and_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,_-]+\])?==[^ ]+ ", package.replace("\\\n", " ") + " "), package
        assert "--hash=sha256:" in package, package.splitlines()[0]
    assert not re.search(r"https?://|--index-url|--find-links|--trusted-host", text)


def test_every_install_requires_the_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for line in re.findall(r"^.*pip (?:install|sync).*$", makefile, re.MULTILINE):
        assert "--require-hashes" in line or "--no-index" in line, line


@pytest.mark.parametrize("is_tampered", [False, True])
def test_a_wheel_that_was_tampered_with_is_refused(tmp_path: Path, is_tampered: bool) -> None:
    wheel = tmp_path / "wheels" / "watertight_canary-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    _write_wheel(wheel, "print('as published')")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "canary.lock").write_text(f"watertight-canary==1.0 \\\n    --hash=sha256:{digest}\n")
    if is_tampered:
        _write_wheel(wheel, "print('tampered with')")
    installed = subprocess.run(
        [str(UV), "pip", "install", "--quiet", "--no-index", "--find-links", str(wheel.parent), "--require-hashes", "--no-cache", "--no-deps",
         "--target", str(tmp_path / "target"), "-r", str(tmp_path / "canary.lock")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (installed.returncode == 0) is not is_tampered, installed.stderr
    assert (tmp_path / "target" / "watertight_canary.py").exists() is not is_tampered
    if is_tampered:
        assert "Hash mismatch" in installed.stderr


def _write_wheel(path: Path, code: str) -> None:
    about = "watertight_canary-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("watertight_canary.py", code)
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: watertight-canary\nVersion: 1.0\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "watertight_canary.py,,\n")


def test_the_bill_of_materials_is_the_lock(tmp_path: Path) -> None:
    subprocess.run(["make", "-s", "sbom", f"SBOM={tmp_path / 'sbom.json'}"], cwd=ROOT, check=True, capture_output=True)
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    locked = re.findall(
        r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^ ;\n]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    listed = [(component["name"], component["version"]) for component in bill["components"]]
    assert sorted(listed) == sorted(locked)
    assert len(listed) > 100
    hashes = {
        each["content"]
        for component in bill["components"]
        for reference in component["externalReferences"]
        for each in reference["hashes"]
    }
    assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", (ROOT / "requirements.lock").read_text()))
