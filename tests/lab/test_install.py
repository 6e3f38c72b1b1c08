# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make install` puts in its place: siproxd with all of its plugins, by their .la and by their .so names."""

import os
import pathlib
import re
import subprocess

import pytest

from daemon import binary

pytestmark = pytest.mark.needs_daemon

BUILD = binary().resolve().parent
IS_STATIC = not (BUILD / ".libs" / "plugin_demo.so").exists()
shared_only = pytest.mark.skipif(IS_STATIC, reason="this build has no modules")

# What a plugin cannot do without.
NEEDED = {"plugin_defaulttarget_target": "sip:alice@10.0.0.10", "plugin_stun_server": "203.0.113.53",
          "plugin_stun_period": 86400}
FILES = {"plugin_capture_file": "capture.pcapng", "plugin_cdr_file": "cdr.csv", "plugin_forward_file": "forwards",
         "plugin_blacklist_dbpath": "blacklist.sqlite", "plugin_stats_filename": "stats"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where the plugins are, in a tree of their own."""
    root = tmp_path_factory.mktemp("root")
    done = subprocess.run(["make", "-s", "install", f"DESTDIR={root}"], cwd=BUILD,
                          capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in [root, *root.rglob("*")]:
        if path.is_dir():
            os.chmod(path, 0o755)
    return root


def found(root, pattern):
    """The one place where that is."""
    paths = [path for path in root.rglob(pattern) if path.is_file()]
    assert len(paths) == 1, f"{pattern}: {paths}"
    return paths[0]


def load_all(lab, modules, directory, suffix):
    """siproxd with these modules; a call goes through all of them."""
    lab.daemon.settings.update(
        NEEDED, plugindir=f"{directory}/", load_plugin=[module + suffix for module in modules],
        **{name: str(pathlib.Path(lab.daemon.directory) / file) for name, file in FILES.items()
           if any(name.startswith(module + "_") for module in modules)})
    lab.daemon.start()
    log = lab.daemon.log()
    assert set(re.findall(r"Plugin '(plugin_\w+)' \[.*\] loaded with success", log)) == set(modules), log
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    call.check_media(10)
    call.hang_up()


@shared_only
@pytest.mark.parametrize("suffix", [".la", ".so", ""])
def test_every_plugin_is_loaded_under_its_names(idle_lab, installed, suffix):
    directory = found(installed, "plugin_demo.la").parent
    modules = sorted(path.stem for path in directory.glob("plugin_*.la"))
    assert {"plugin_demo", "plugin_logcall", "plugin_gateway"} <= set(modules)
    load_all(idle_lab, modules, directory, suffix)


@pytest.mark.skipif(not IS_STATIC, reason="this build has modules")
@pytest.mark.parametrize("suffix", [".la", ".so", ""])
def test_a_static_program_has_every_plugin(idle_lab, suffix):
    modules = sorted(path.stem for path in BUILD.glob("plugin_*.la"))
    assert {"plugin_demo", "plugin_logcall", "plugin_gateway"} <= set(modules)
    load_all(idle_lab, modules, "/nonexistent", suffix)


@shared_only
def test_every_plugin_has_its_chapter_in_the_manual(installed):
    manual = found(installed, "plugins.md").read_text(encoding="utf-8")
    modules = {path.stem for path in found(installed, "plugin_demo.la").parent.glob("plugin_*.la")}
    assert set(re.findall(r"^## (plugin_\w+): ", manual, re.MULTILINE)) >= modules
    headings = re.findall(r"^## (.*)$", manual, re.MULTILINE)
    assert re.findall(r"^\* \[(.*)\]\(#.*\)$", manual, re.MULTILINE) == headings


@shared_only
def test_the_installed_program_says_its_version(installed):
    program = found(installed, "siproxd")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("siproxd")
