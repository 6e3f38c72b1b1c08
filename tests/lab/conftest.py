# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: `site` is a set of namespaces (one per test module), `lab` adds a fresh siproxd and
captures on both of its sides for one test, and checks afterwards that the daemon ended well and
that no inside address was seen outside."""

import os
import pathlib
import re
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position
import netns
import topology
from certificates import Authority
from daemon import DIRECT
from lab import Lab

_SKIP = netns.why_not()


def pytest_configure(config):
    config.addinivalue_line("markers", "siproxd(**settings): directives for this test's daemon")
    config.addinivalue_line("markers", "slow: takes more than half a minute")
    config.addinivalue_line("markers", "alone: loads the whole machine, nothing else may run")
    config.addinivalue_line("markers", "needs_daemon: makes no sense without one (LAB_DIRECT)")
    config.addinivalue_line("markers", "memory: measures the daemon's, so freed memory is free at once")
    config.addinivalue_line("markers", "capture(inside=, outside=): tcpdump filters of this test")
    if not _SKIP:
        netns.sweep()


def pytest_collection_modifyitems(items):
    for item in items:
        if _SKIP:
            item.add_marker(pytest.mark.skip(reason=_SKIP))
        elif DIRECT and item.get_closest_marker("needs_daemon"):
            item.add_marker(pytest.mark.skip(reason="LAB_DIRECT: there is no daemon"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    lab = item.funcargs.get("lab") if hasattr(item, "funcargs") else None
    if report.failed and lab is not None:
        lab.keep = True
        report.sections += lab.evidence()


@pytest.fixture(scope="module")
def site():
    """The networks of the guide's 7.2. A module about another scenario has its own `site`."""
    with (topology.Plain if DIRECT else topology.Masquerading)() as networks:
        yield networks


@pytest.fixture(scope="session")
def authority():
    """Who signs the lab's certificates; siproxd trusts it where `tls_settings` are used."""
    with tempfile.TemporaryDirectory(prefix=f"siplab-{os.getpid()}-authority-") as path:
        os.chmod(path, 0o755)
        yield Authority(path)


@pytest.fixture(scope="session")
def identity(authority):
    """A certificate for every agent and server of the lab, under all their names."""
    return authority.issue(
        "peers", [*topology.NAMES, *topology.NAMES6, *topology.DOMAINS, *topology.FAILOVER],
        [topology.PROVIDER, topology.PROVIDER6, topology.REMOTE, topology.REMOTE6, topology.PHONE,
         topology.PHONE6])


@pytest.fixture(scope="session")
def tls_settings(authority):
    """The directives that give siproxd a certificate."""
    own = authority.issue("siproxd", ["proxy.example.test"],
                          [topology.GATEWAY, topology.GATEWAY6, topology.PUBLIC, topology.PUBLIC6])
    return {"tls_certificate": own.certificate, "tls_private_key": own.key,
            "tls_ca": own.authority, "hosts_allow_reg": "10.0.0.0/24,fd10::/32"}


@pytest.fixture
def directory(request):
    """A directory of this test that any user may write to; kept when the test fails."""
    name = re.sub(r"\W+", "-", request.node.name)[:80]
    path = tempfile.mkdtemp(prefix=f"siplab-{os.getpid()}-{name}-")
    os.chmod(path, 0o777)
    yield path
    if not getattr(request.node, "keep_directory", False) and "LAB_KEEP" not in os.environ:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def idle_lab(request, site, directory):
    """A `lab` whose daemon the test starts by itself."""
    marker = request.node.get_closest_marker("siproxd")
    filters = request.node.get_closest_marker("capture")
    laboratory = Lab(site, directory, marker.kwargs if marker else {},
                     filters.kwargs if filters else {})
    laboratory.daemon.keeps_freed_memory = not request.node.get_closest_marker("memory")
    request.node.funcargs["lab"] = laboratory
    try:
        yield laboratory
        laboratory.end()
    except BaseException:
        laboratory.keep = True
        raise
    finally:
        request.node.keep_directory = laboratory.keep


@pytest.fixture
def secure_lab(idle_lab, tls_settings):
    """The same with TLS on."""
    idle_lab.daemon.settings = {**tls_settings, **idle_lab.daemon.settings,
                                "hosts_allow_reg": tls_settings["hosts_allow_reg"]}
    idle_lab.daemon.start()
    return idle_lab


@pytest.fixture
def lab(idle_lab):
    """The laboratory with siproxd running in it."""
    idle_lab.daemon.start()
    return idle_lab
