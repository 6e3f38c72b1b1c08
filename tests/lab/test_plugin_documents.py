# SPDX-License-Identifier: GPL-2.0-or-later
"""The example file and the manual page have the options of every plugin, and no other."""

import re
import subprocess
from pathlib import Path

import pytest

from daemon import binary, plugin_directory

pytestmark = pytest.mark.needs_daemon

ROOT = Path(__file__).resolve().parents[2]


def modules():
    """The plugins that are built here: folders with a README, which are the chapters of the manual."""
    built = [path.stem for path in Path(plugin_directory()).glob("plugin_*.la")]
    known = {f"plugin_{path.parent.name}" for path in ROOT.glob("plugins/*/README.md")}
    return sorted(known.intersection(built))


def options(module):
    checked = subprocess.run([binary(), "--check-plugin", f"{plugin_directory()}/{module}.la"],
                             capture_output=True, text=True, check=True, timeout=60)
    return set(re.findall(rf"^  ({module}_\w+) \(", checked.stdout, re.MULTILINE))


@pytest.mark.parametrize("module", modules())
def test_all_options_are_in_the_documents(module):
    having = options(module)
    example = (ROOT / "siproxd.conf.example").read_text(encoding="utf-8")
    page = (ROOT / "doc" / "siproxd.conf.5").read_text(encoding="utf-8")
    readme = (ROOT / "plugins" / module.removeprefix("plugin_") / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^#? ?load_plugin *= *{module}\.la$", example, re.MULTILINE)
    in_example = set(re.findall(rf"^#?({module}_\w+) *=", example, re.MULTILINE))
    others = {name for name in in_example
              for other in modules() if other != module and other.startswith(module + "_")
              and name.startswith(other + "_")}
    assert in_example - others == having
    for name in having:
        assert re.search(rf"(?<!\w){name}(?!\w)", page), f"{name} is not in the manual page"
        assert name in readme or name.removeprefix(module + "_") in readme, f"{name} is not in the README"
    assert re.search(rf"^\.SS {module}$", page, re.MULTILINE)
