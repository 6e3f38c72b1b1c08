// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fixes.h"
#include "known_devices.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;
using workaround::Field;
using workaround::Record;

constexpr std::size_t kLongestDevice = 200;
constexpr const char* kMethods = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, INFO, NOTIFY, REFER, SUBSCRIBE, UPDATE, PRACK";

/// Mends what some devices do wrong, and spares others what they cannot bear.
class Workaround {
public:
    static constexpr const char* kDescription = "Works around the errors of some devices";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages =
        stages(Stage::Validate, Stage::DetermineTarget, Stage::PreProxy, Stage::PostProxy);
    static constexpr Option kOptions[] = {
        listOption("name", "Begins a record: what the devices are called in the log"),
        listOption("match", "Masks of User-Agent or Server, with ; between them"),
        listOption("addresses", "Where the devices are"),
        listOption("strip", "Header[: value] that is taken out of what they send"),
        listOption("set", "Header: value that all they send has"),
        listOption("replace", "Header: value that takes the place of another one"),
        listOption("strip_to", "As strip, in what they are sent"),
        listOption("set_to", "As set, in what they are sent"),
        listOption("replace_to", "As replace, in what they are sent"),
        listOption("unsupported", "Option tags that they do not support, whatever they say: 100rel;timer"),
        listOption("no_methods", "Methods that they do not allow, whatever they say"),
        listOption("ignore_rport", "1: answers go where Via says, not where the request came from"),
        listOption("force_rport", "1: answers go where the request came from"),
        listOption("force_connection", "1: their media is where their messages come from"),
        listOption("answer_options", "1: their OPTIONS are answered here"),
    };

    static std::unique_ptr<Workaround> create(Host host) {
        auto records = workaround::readRecords(host);
        if (!records) {
            return nullptr;
        }
        if (records->empty()) {
            host.warning("plugin_workaround has nothing to do: it needs plugin_workaround_name");
            host.restrictStages(0);
        }
        return std::make_unique<Workaround>(host, std::move(*records));
    }

    Workaround(Host host, std::vector<Record> records)
        : host_(host), records_(std::move(records)), knowsDevices_(std::ranges::any_of(records_, [](const Record& r) {
              return !r.devices.empty() && changesWhatIsSent(r);
          })) {
        std::string names;
        for (const auto& record : records_) {
            names.append(names.empty() ? "" : ", ").append(record.name);
        }
        if (!names.empty()) {
            host_.info("plugin_workaround: " + names);
        }
    }

    Verdict process(Stage stage, Message& message) {
        switch (stage) {
            case Stage::Validate: mendVia(message); break;
            case Stage::DetermineTarget: return answer(message);
            case Stage::PreProxy: mendSender(message); break;
            case Stage::PostProxy: spareReceiver(message); break;
            default: break;
        }
        return Verdict::Continue;
    }

private:
    static bool changesWhatIsSent(const Record& record) {
        return !record.stripTo.empty() || !record.setTo.empty() || !record.replaceTo.empty() ||
               !record.unsupported.empty() || !record.noMethods.empty();
    }

    /// What the sender says that it is.
    static std::string_view deviceOf(const Message& message) {
        const auto name = message.isRequest() ? message.header("User-Agent") : message.header("Server");
        return name.value_or(orEmpty(message.header("User-Agent"))).substr(0, kLongestDevice);
    }

    template <class Fix>
    void forSender(const Message& message, const Fix& fix) const {
        const std::string device(deviceOf(message));
        const std::string ip(message.sourceIp());
        for (const auto& record : records_) {
            if (record.isFor(device, ip)) {
                fix(record);
            }
        }
    }

    /// Where the answers to a request go.
    void mendVia(Message& message) const {
        if (!message.isRequest()) {
            return;
        }
        forSender(message, [&message](const Record& record) {
            if (record.ignoresRport) {
                message.removeVia(ViaPart::Rport);
            } else if (record.forcesRport && !message.via(ViaPart::Rport)) {
                message.setVia(ViaPart::Rport, "");
            }
        });
    }

    Verdict answer(Message& message) const {
        bool isAnswered = false;
        if (message.method() == "OPTIONS" && !message.param(At::To, "tag")) {
            forSender(message, [&isAnswered](const Record& record) {
                isAnswered = isAnswered || record.answersOptions;
            });
        }
        auto reply = isAnswered ? message.reply(200) : std::nullopt;
        if (!reply) {
            return Verdict::Continue;
        }
        reply->addHeader("Allow", kMethods);
        reply->addHeader("Accept", "application/sdp");
        reply->addHeader("Supported", "path");
        return Verdict::Answered;
    }

    void mendSender(Message& message) {
        if (knowsDevices_) {
            const std::string device(deviceOf(message));
            devices_.note(message.sourceIp(), device);
            // Who is outside does not say what is at addresses inside.
            if (message.direction() == Direction::RequestOutgoing) {
                devices_.note(orEmpty(message.uri(At::Contact, Part::Host)), device);
            }
        }
        forSender(message, [&](const Record& record) {
            change(message, record.strip, record.set, record.replace);
            forgetFeatures(message, record);
            if (record.forcesConnection && message.contentType() == "application/sdp") {
                if (const auto mended = workaround::connectedTo(message.body(), message.sourceIp())) {
                    message.setBody(*mended);
                }
            }
        });
    }

    void spareReceiver(Message& message) const {
        std::string ip;
        if (message.isRequest()) {
            ip = orEmpty(message.uri(At::RequestUri, Part::Host));
        } else {
            ip = message.via(ViaPart::Received).value_or(orEmpty(message.via(ViaPart::Host)));
        }
        const std::string device(devices_.at(ip));
        for (const auto& record : records_) {
            if (changesWhatIsSent(record) && record.isFor(device, ip)) {
                change(message, record.stripTo, record.setTo, record.replaceTo);
                forgetFeatures(message, record);
            }
        }
    }

    static void change(Message& message, const std::vector<Field>& strip, const std::vector<Field>& set,
                       const std::vector<Field>& replace) {
        for (const auto& [name, value] : strip) {
            if (value.empty()) {
                message.removeHeader(name.c_str());
            } else {
                message.removeHeader(name.c_str(), value);
            }
        }
        for (const auto& [name, value] : replace) {
            if (message.headerCount(name.c_str()) > 0) {
                message.setHeader(name.c_str(), value);
            }
        }
        for (const auto& [name, value] : set) {
            message.setHeader(name.c_str(), value);
        }
    }

    /// What the other one is not to count on. What a request requires stays: without it, it is another request.
    static void forgetFeatures(Message& message, const Record& record) {
        takeOut(message, "Supported", record.unsupported);
        takeOut(message, "Allow", record.noMethods);
        static const std::vector<std::string> kTimer{"timer"};
        if (std::ranges::find(record.unsupported, "timer") != record.unsupported.end() &&
            !workaround::without(allOf(message, "Require"), kTimer)) {
            message.removeHeader("Session-Expires");
            message.removeHeader("Min-SE");
        }
    }

    static std::string allOf(const Message& message, const char* header) {
        std::string all;
        for (std::size_t i = 0; i < message.headerCount(header); ++i) {
            all.append(all.empty() ? "" : ", ").append(orEmpty(message.header(header, i)));
        }
        return all;
    }

    static void takeOut(Message& message, const char* header, const std::vector<std::string>& words) {
        if (words.empty() || message.headerCount(header) == 0) {
            return;
        }
        const auto kept = workaround::without(allOf(message, header), words);
        if (!kept) {
            return;
        }
        if (kept->empty()) {
            message.removeHeader(header);
        } else {
            message.setHeader(header, *kept);
        }
    }

    Host host_;
    const std::vector<Record> records_;
    const bool knowsDevices_;
    workaround::KnownDevices devices_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_workaround, Workaround)
