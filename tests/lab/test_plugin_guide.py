# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin of the user guide (5.1): compiled from its listings by hand, checked, loaded, and seen in the
log."""

import os
import subprocess

import pytest

from daemon import ROOT, binary

pytestmark = pytest.mark.needs_daemon


def compiled(directory, name, *options):
    """The module, made as whoever has read the guide would make it."""
    source = next((ROOT / "tests/guide_plugins").glob(f"{name}.c*"))
    compiler = os.environ.get("CXX", "c++") if source.suffix == ".cpp" else \
        os.environ.get("CC", "cc")
    module = f"{directory}/{name}.so"
    subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *options,
                    f"-I{ROOT}/include/siproxd", "-o", module, source], check=True)
    return module


def test_the_guides_plugin_is_seen_in_the_log(idle_lab):
    lab = idle_lab
    compiled(lab.directory, "plugin_myplugin")
    lab.daemon.settings.update(plugindir=f"{lab.directory}/", load_plugin="plugin_myplugin.la")
    lab.daemon.start()
    lab.daemon.wait_log(r"INFO:\S+ Plugin 'plugin_demo' \[This is just a demo plugin without any "
                        r"purpose\] loaded with success, exemask=0x60$")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
    for stage in (32, 64):
        lab.daemon.wait_log(rf"INFO:plugin_myplugin\.c:\d+ guide: stage {stage}, INVITE$")
    lab.daemon.stop()
    assert "failed at" not in lab.daemon.log() and "threw at" not in lab.daemon.log()


def test_a_plugin_with_options_and_answers(idle_lab):
    lab = idle_lab
    compiled(lab.directory, "plugin_ticket")
    lab.daemon.settings.update(plugindir=f"{lab.directory}/", load_plugin="plugin_ticket",
                               plugin_ticket_greeting="good day",
                               plugin_ticket_word=["one", "two"])
    lab.daemon.start()
    lab.daemon.wait_log(r"ticket: good day, bye, 7, 2\.0, 2 words, last two$")
    phone, provider, _ = lab.pair()
    phone.request("SUBSCRIBE", f"sip:bob@{phone.domain}", headers=[("Event", "presence")])
    phone.expect((489, "SUBSCRIBE"))
    assert provider.count("SUBSCRIBE") == 0
    lab.daemon.wait_log("ticket: timer$", 15)
    lab.daemon.stop()
    assert "ticket: the end" in lab.daemon.log()


@pytest.mark.parametrize("options", [(), ("-std=c99", "-D_GNU_SOURCE", "-pedantic"), ("-O2",)])
def test_the_guides_plugin_is_what_siproxd_takes(directory, options):
    module = compiled(directory, "plugin_myplugin", *options)
    told = subprocess.run([binary(), "--check-plugin", module], check=True, capture_output=True,
                          text=True).stdout
    assert told.startswith("plugin_myplugin 1: written for the API of the user guide\n"), told
