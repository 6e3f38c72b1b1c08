// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/reading.h"

#include "config/reload.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using namespace siproxd::test;

TEST_CASE("options of the command line go before the file each time that it is read", "[app]") {
    const TemporaryDirectory directory;
    const auto file = directory.file("siproxd.conf");
    const std::string minimal = "if_inbound = a\nif_outbound = b\n";
    TemporaryDirectory::write(file, minimal + "pid_file = /run/file.pid\ndebug_level = 1\n");
    app::Options options;
    CHECK(app::readConfiguration(file, options).settings.log.debugLevel == 1);
    options.pidFile = "/run/#option.pid";
    options.debugLevel = 0x20;
    const auto running = app::readConfiguration(file, options).settings;
    CHECK(running.process.pidFile == "/run/#option.pid");
    CHECK(running.log.debugLevel == 0x20);
    CHECK(running.where("pid_file") == "command line");

    TemporaryDirectory::write(file, minimal + "pid_file = /run/other.pid\ndebug_level = 2\n");
    const auto reloaded = config::reload(running, app::Reading::of(file, options).fresh.settings);
    CHECK(reloaded.needRestart.empty());
    CHECK(reloaded.changed.empty());
    CHECK(reloaded.settings.log.debugLevel == 0x20);
}

TEST_CASE("without a file there is the command line", "[app]") {
    app::Options options;
    options.overrides = {"if_inbound=a", "if_outbound=b"};
    options.debugLevel = 3;
    const auto read = app::readConfiguration("", options);
    CHECK(read.ok());
    CHECK(read.settings.log.debugLevel == 3);
}
