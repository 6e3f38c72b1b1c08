// SPDX-License-Identifier: GPL-2.0-or-later
#include "saver.h"

#include <sys/stat.h>

#include <optional>
#include <string>

#include "content.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using siproxd::disk::contentOf;
using siproxd::disk::Saver;

TEST_CASE("the file is whole at any time", "[disk]") {
    siproxd::test::TemporaryDirectory directory;
    const auto path = directory.path() + "/rules";
    std::string why;
    CHECK_FALSE(contentOf(path, why));
    CHECK(why.empty());
    {
        Saver saver(path, 0640, true);
        for (int i = 0; i < 100; ++i) {
            saver.save("text " + std::to_string(i));
        }
    }
    CHECK(contentOf(path, why) == "text 99");
    CHECK_FALSE(contentOf(path + ".new", why));
    struct ::stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0640);
    SECTION("and what cannot be written is told") {
        Saver saver(directory.path() + "/missing/rules", 0640, false);
        saver.save("x");
        std::optional<std::string> failure;
        while (!failure) {
            failure = saver.takeOutcome();
        }
        CHECK(failure->find("missing/rules") != std::string::npos);
        CHECK_FALSE(saver.takeOutcome());
    }
}
