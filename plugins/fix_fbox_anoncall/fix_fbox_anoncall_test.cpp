// SPDX-License-Identifier: GPL-2.0-or-later
#include <vector>

#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using test::option;

extern "C" const siproxd_plugin plugin_fix_fbox_anoncall_LTX_siproxd_plugin;

namespace {

/// Registrations of a box with two numbers, and of one that is not asked for.
struct Directory final : plugin::Services {
    void bindings(plugin::BindingQuery query, std::string_view text,
                  const std::function<bool(const plugin::BindingView&)>& each) override {
        CHECK(query == plugin::BindingQuery::OfContactHost);
        for (const auto& [aor, contact] : known) {
            plugin::BindingView view;
            view.aor = aor;
            view.contact = contact;
            if (contact.find("@" + std::string(text)) != std::string::npos && !each(view)) {
                return;
            }
        }
    }
    std::uint64_t send(plugin::OwnRequest) override { return 0; }
    void forget(std::uint64_t) override {}
    void calls(const std::function<bool(const plugin::CallView&)>&) override {}
    bool endCall(std::uint64_t, int, std::string_view) override { return false; }

    std::vector<std::pair<std::string, std::string>> known = {
        {"sip:4989@example.net", "sip:4989@192.168.1.10;uniq=AAA"},
        {"sip:4930@example.net", "sip:box@192.168.1.10;uniq=BBB"},
        {"sip:4940@example.net", "sip:4940@192.168.1.99;uniq=CCC"}};
};

struct Fixture {
    explicit Fixture(const std::string& networks = "192.168.1.10/32") {
        REQUIRE(chain.add(plugin_fix_fbox_anoncall_LTX_siproxd_plugin,
                          {option("plugin_fix_fbox_anoncall_networks", networks)}));
        chain.setServices(&directory);
    }
    ~Fixture() { chain.setServices(nullptr); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    /// The Contact behind the plugin.
    std::string contactOf(const std::string& contact, Direction direction = Direction::RequestOutgoing,
                          std::string_view to = "<sip:bob@example.net>", std::string_view method = "INVITE") {
        test::Shown shown(test::request(method, "sip:bob@example.net", to), direction);
        const auto parsed = *sip::NameAddr::parse("<" + contact + ">");
        shown.message.setContacts(std::span(&parsed, 1));
        CHECK(chain.run(plugin::Stage::PreProxy, shown.context).goesOn());
        return shown.message.contacts().front().uri.toString();
    }

    test::FakeLoop loop;
    Directory directory;
    plugin::Chain chain{loop};
};

}  // namespace

TEST_CASE("an anonymous Contact gets its user back by the box's own mark", "[plugin_fix_fbox_anoncall]") {
    Fixture f;
    CHECK(f.contactOf("sip:anonymous@192.168.1.10;uniq=BBB") == "sip:box@192.168.1.10;uniq=BBB");
    CHECK(f.contactOf("sip:192.168.1.10;uniq=AAA") == "sip:4989@192.168.1.10;uniq=AAA");
    CHECK(f.contactOf("sip:anonymous@192.168.1.10;uniq=BBB", Direction::ResponseOutgoing) ==
          "sip:box@192.168.1.10;uniq=BBB");
}

TEST_CASE("or by whom the call is for", "[plugin_fix_fbox_anoncall]") {
    Fixture f;
    CHECK(f.contactOf("sip:anonymous@192.168.1.10", Direction::ResponseOutgoing,
                      "<sip:4930@example.net>") == "sip:box@192.168.1.10");
    CHECK(f.contactOf("sip:anonymous@192.168.1.10;uniq=XXX", Direction::ResponseOutgoing,
                      "<sip:box@example.net>") == "sip:box@192.168.1.10;uniq=XXX");
    // A mark that two have tells nothing.
    f.directory.known[0].second = "sip:4989@192.168.1.10;uniq=BBB";
    CHECK(f.contactOf("sip:anonymous@192.168.1.10;uniq=BBB", Direction::ResponseOutgoing,
                      "<sip:4989@example.net>") == "sip:4989@192.168.1.10;uniq=BBB");
}

TEST_CASE("what is known, or of somebody else, stays as it is", "[plugin_fix_fbox_anoncall]") {
    Fixture f;
    for (const std::string contact : {"sip:4989@192.168.1.10;uniq=BBB", "sip:box@192.168.1.10",
                                      "sip:anonymous@192.168.1.10;uniq=CCC", "sip:anonymous@192.168.1.77"}) {
        CHECK(f.contactOf(contact) == contact);
    }
    const std::string anonymous = "sip:anonymous@192.168.1.10;uniq=BBB";
    CHECK(f.contactOf(anonymous, Direction::RequestIncoming) == anonymous);
    CHECK(f.contactOf(anonymous, Direction::Unknown) == anonymous);
    CHECK(f.contactOf(anonymous, Direction::RequestOutgoing, "<sip:bob@example.net>", "REGISTER") == anonymous);
    Fixture elsewhere("10.0.0.0/8");
    CHECK(elsewhere.contactOf(anonymous) == anonymous);
}

TEST_CASE("fix_fbox_anoncall without networks says so and does nothing", "[plugin_fix_fbox_anoncall]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK(chain.add(plugin_fix_fbox_anoncall_LTX_siproxd_plugin));
    CHECK(spy.has("plugin_fix_fbox_anoncall has nothing to do"));
}
