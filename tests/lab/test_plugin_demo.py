# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_demo: what a skeleton shows of the messages that pass."""

import re

import pytest

from daemon import plugin_directory

pytestmark = pytest.mark.needs_daemon


@pytest.mark.siproxd(plugindir=plugin_directory(), load_plugin="plugin_demo.la",
                     plugin_demo_string="This_is_a_string_passed_to_the_demo_plugin")
def test_it_says_which_stages_it_sees(lab):
    lab.daemon.wait_log(r"INFO:\S+ plugin_demo: the string is \[This_is_a_string_passed_to_the_demo_plugin\]$")
    lab.daemon.wait_log(r"INFO:\S+ Plugin 'plugin_demo' \[This is just a demo plugin without any purpose\] loaded with "
                        r"success, exemask=0x60$")
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    call.check_media()
    call.hang_up()
    lab.daemon.stop()
    stages = re.findall(r"plugin_demo: processing - stage (\d+)$", lab.daemon.log(), re.MULTILINE)
    # REGISTER, INVITE and BYE pass both; ACK and what is answered pass the second.
    assert stages.count("32") == 3 and stages.count("64") > 4
    assert set(stages) == {"32", "64"}
