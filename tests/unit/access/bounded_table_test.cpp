// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/bounded_table.h"

#include <algorithm>
#include <list>
#include <string>

#include "support/catch.h"
#include "support/fake_random.h"

using namespace siproxd;

namespace {

struct BadHash {
    std::size_t operator()(int key) const { return static_cast<std::size_t>(key) % 4; }
};
using Table = access::BoundedTable<int, std::string, BadHash>;

std::string keys(const Table& table) {
    std::string out;
    table.forEach([&](int key, const std::string&) { out += std::to_string(key) + " "; });
    return out;
}

}  // namespace

TEST_CASE("A full bounded table loses what has not been used for longest", "[access]") {
    Table table(3, {});
    CHECK_FALSE(table.oldest());
    for (int i = 1; i <= 3; ++i) {
        table.add(i, std::to_string(i));
    }
    CHECK(table.full());
    CHECK(*table.use(1) == "1");
    CHECK(*table.find(2) == "2");
    table.add(4, "4");
    CHECK(table.find(2) == nullptr);
    CHECK(table.size() == 3);
    CHECK(keys(table) == "3 1 4 ");
    CHECK(table.oldest()->first == 3);
}

TEST_CASE("Erased places of a bounded table are used again", "[access]") {
    Table table(2, {});
    table.add(1, "a");
    table.add(5, "b");
    CHECK(table.erase(1));
    CHECK_FALSE(table.erase(1));
    CHECK(table.use(1) == nullptr);
    table.add(9, "c");
    CHECK(*table.find(5) == "b");
    CHECK(*table.find(9) == "c");
    CHECK(table.erase(9));
    CHECK(table.erase(5));
    CHECK(table.size() == 0);
    CHECK(keys(table).empty());
}

TEST_CASE("A bounded table agrees with a plain list over many random steps", "[access]") {
    test::FakeRandom random;
    Table table(50, {});
    std::list<int> model;  // from the oldest to the newest
    for (int step = 0; step < 20'000; ++step) {
        const int key = static_cast<int>(random.below(100));
        const auto known = std::find(model.begin(), model.end(), key);
        switch (random.below(3)) {
            case 0:
                CHECK(table.erase(key) == (known != model.end()));
                model.remove(key);
                break;
            default:
                CHECK((table.use(key) != nullptr) == (known != model.end()));
                if (known != model.end()) {
                    model.splice(model.end(), model, known);
                } else {
                    table.add(key, std::to_string(key));
                    model.push_back(key);
                    if (model.size() > 50) {
                        model.pop_front();
                    }
                }
        }
    }
    std::string expected;
    for (const int key : model) {
        expected += std::to_string(key) + " ";
        CHECK(*table.find(key) == std::to_string(key));
    }
    CHECK(keys(table) == expected);
}
