# SPDX-License-Identifier: GPL-2.0-or-later
"""Configurations with every plugin of a build."""

import pathlib

# What they cannot do without. The captures are switched off, as they are where nobody looks for an error.
NEEDED = {
    "blacklist": ["dbpath = {directory}/blacklist.sqlite"],
    "capture": ["file = {directory}/capture.pcapng", "switch = {directory}/capture"],
    "cdr": ["file = {directory}/cdr.csv"],
    "defaulttarget": ["target = sip:nobody@198.18.1.99"],
    "stun": ["server = 198.18.2.98", "period = 3600"],
}

# Something to look at in each call of the benchmark, and nothing that leads it elsewhere.
RECORDS = {
    "blacklist": ["dbpath = {directory}/blacklist.sqlite"],
    "capture": ["file = {directory}/capture.pcapng", "files = 2"],
    "cdr": ["file = {directory}/cdr.csv"],
    "codecfilter": ["blacklist = G729", "blacklist = GSM"],
    "defaulttarget": ["target = sip:nobody@198.18.1.99"],
    "demo": ["string = hello"],
    "enum": ["country = 44"],
    "fix_DTAG": ["networks = 198.18.3.0/24"],
    "fix_bogus_via": ["networks = 198.18.3.0/24"],
    "fix_fbox_anoncall": ["networks = 198.18.1.0/24"],
    "forward": [line for i in range(10) for line in (f"number = user{i}@home.example;+11{i}%", f"to = 1{i}")]
               + ["away = *151", "reset = *150", "redial = *66"],
    "gateway": [line for i in range(5) for line in (f"title = g{i}", "server = 198.18.2.99", "ping = 0",
                                                    f"prefix = 0099{i}")],
    "limit": ["user = *", "calls = 100000", "rate = 1000000", "duration = 7200", "forbid = 0900;+44900",
              "total = 100000"],
    "regex": [line for i in range(5) for line in (f"desc = r{i}", f"pattern = ^sip:0{i}[0-9]+x@", r"replace = sip:1@")],
    "regex_body": ["desc = annexb", "pattern = a=fmtp:18 annexb=[a-z]+", "replace = a=fmtp:18 annexb=no"],
    "shortdial": ["akey = *00", "entry = 17474743246"],
    "siptrunk": ["name = t", "account = sip:pbx@trunk.example", "numbers_regex = ^555[0-9]+$"],
    "stripheader": ["remove = X-Nothing", "remove = Allow:NOTHING"],
    "stun": ["server = 198.18.2.98", "period = 3600"],
    "workaround": ["match = Nobody*", "strip = X-Nothing"],
}


def directives(siproxd, directory, chosen=(), are_busy=False):
    """Lines of siproxd.conf for all modules beside that program, or for those that are chosen."""
    records = RECORDS if are_busy else NEEDED
    build = pathlib.Path(siproxd).resolve().parent
    modules = chosen or sorted(path.stem.removeprefix("plugin_") for path in build.glob("plugin_*.la"))
    lines = [f"plugindir = {build}/"]
    lines += [f"load_plugin = plugin_{module}.la" for module in modules]
    lines += [f"plugin_{module}_{line}".format(directory=directory)
              for module in modules for line in records.get(module, ())]
    return lines, len(modules)
