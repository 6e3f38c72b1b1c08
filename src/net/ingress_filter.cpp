// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/ingress_filter.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/unique_fd.h"

namespace siproxd::net {

namespace {

constexpr std::uint32_t kIngress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
constexpr std::uint32_t kEgress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
constexpr unsigned short kRawIp = 519;  // ARPHRD_RAWIP of Linux: modems
constexpr std::size_t kLongestName = 255;  // CLS_BPF_NAME_LEN without its end

/// What libmnl says to an answer that belongs to an earlier question, which is passed over.
constexpr int kOtherQuestion = EPROTO;

std::unexpected<base::Error> refused() {
    return base::fail(std::string("traffic control: ") + std::strerror(errno));
}

/// The attributes of one level, as far as we know them: those of TCA_* and of TCA_BPF_*.
using Attributes = std::array<const nlattr*, 16>;

int keep(const nlattr* attribute, void* data) {
    auto& attributes = *static_cast<Attributes*>(data);
    const auto type = mnl_attr_get_type(attribute);
    if (type < attributes.size()) {
        attributes[type] = attribute;
    }
    return MNL_CB_OK;
}

bool isText(const nlattr* attribute) {
    return attribute != nullptr && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0;
}

std::string nameOf(const nlattr* options) {
    Attributes inner{};
    if (options != nullptr && mnl_attr_parse_nested(options, keep, &inner) >= 0 &&
        isText(inner[TCA_BPF_NAME])) {
        return mnl_attr_get_str(inner[TCA_BPF_NAME]);
    }
    return {};
}

}  // namespace

LinkHeader linkHeaderOf(unsigned interface) {
    ifreq request{};
    const base::UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!any || ::if_indextoname(interface, request.ifr_name) == nullptr ||
        ::ioctl(any.get(), SIOCGIFHWADDR, &request) != 0) {
        return LinkHeader::Other;
    }
    switch (request.ifr_hwaddr.sa_family) {
        case ARPHRD_ETHER:
        case ARPHRD_LOOPBACK: return LinkHeader::Ethernet;
        case ARPHRD_NONE:
        case ARPHRD_PPP:
        case kRawIp:
        case ARPHRD_TUNNEL:
        case ARPHRD_TUNNEL6:
        case ARPHRD_SIT:
        case ARPHRD_IPGRE: return LinkHeader::None;
        default: return LinkHeader::Other;
    }
}

/// A message with the header of traffic control.
struct IngressFilters::Request {
    Request(std::uint16_t type, std::uint16_t flags, unsigned interface, std::uint32_t parent)
        : message(mnl_nlmsg_put_header(buffer.data())),
          traffic(static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(tcmsg)))) {
        message->nlmsg_type = type;
        message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
        traffic->tcm_family = AF_UNSPEC;
        traffic->tcm_ifindex = static_cast<int>(interface);
        traffic->tcm_parent = parent;
    }

    void identify(const IngressFilter& filter) const {
        traffic->tcm_handle = filter.handle;
        traffic->tcm_info = TC_H_MAKE(std::uint32_t{filter.priority} << 16, htons(ETH_P_ALL));
        mnl_attr_put_strz(message, TCA_KIND, "bpf");
    }

    alignas(nlmsghdr) std::array<char, 1024> buffer{};
    nlmsghdr* message;
    tcmsg* traffic;
};

base::Result<IngressFilters> IngressFilters::open() {
    auto socket = RouteSocket::forQuestions();
    if (!socket) {
        return std::unexpected(std::move(socket.error()));
    }
    return IngressFilters(std::move(*socket));
}

base::Result<void> IngressFilters::attach(unsigned interface, const IngressFilter& filter,
                                          int program) {
    Request discipline(RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, interface, TC_H_CLSACT);
    discipline.traffic->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    mnl_attr_put_strz(discipline.message, TCA_KIND, "clsact");
    if (auto made = order(discipline, EEXIST); !made) {
        return made;
    }
    Request classifier(RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, interface, kIngress);
    classifier.identify(filter);
    auto* options = mnl_attr_nest_start(classifier.message, TCA_OPTIONS);
    mnl_attr_put_u32(classifier.message, TCA_BPF_FD, static_cast<std::uint32_t>(program));
    mnl_attr_put_strz(classifier.message, TCA_BPF_NAME, filter.name.substr(0, kLongestName).c_str());
    mnl_attr_put_u32(classifier.message, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    mnl_attr_nest_end(classifier.message, options);
    return order(classifier, 0);
}

base::Result<std::vector<IngressFilter>> IngressFilters::list(unsigned interface) {
    auto found = look(interface, kIngress);
    if (!found) {
        return std::unexpected(std::move(found.error()));
    }
    std::ranges::stable_sort(found->filters, {}, &IngressFilter::priority);
    return std::move(found->filters);
}

base::Result<void> IngressFilters::remove(unsigned interface, const IngressFilter& filter) {
    Request classifier(RTM_DELTFILTER, NLM_F_ACK, interface, kIngress);
    classifier.identify(filter);
    if (auto gone = order(classifier, ENOENT); !gone) {
        return gone;
    }
    for (const auto hook : {kIngress, kEgress}) {
        const auto others = look(interface, hook);
        if (!others || others->any) {
            return {};
        }
    }
    Request discipline(RTM_DELQDISC, NLM_F_ACK, interface, TC_H_CLSACT);
    discipline.traffic->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    return order(discipline, ENOENT);
}

base::Result<void> IngressFilters::order(Request& request, int harmless) {
    request.message->nlmsg_seq = ++sequence_;
    if (auto sent = socket_.send({request.buffer.data(), request.message->nlmsg_len}); !sent) {
        return sent;
    }
    std::array<char, 4096> answer{};
    for (;;) {
        const auto received = socket_.receive(answer);
        if (received.status != RouteSocket::Status::Datagram) {
            return base::fail("no answer about traffic control");
        }
        if (mnl_cb_run(answer.data(), received.length, sequence_, 0, nullptr, nullptr) >= 0 ||
            errno == harmless) {
            return {};
        }
        if (errno != kOtherQuestion) {
            return refused();
        }
    }
}

base::Result<IngressFilters::Found> IngressFilters::look(unsigned interface, std::uint32_t hook) {
    Request request(RTM_GETTFILTER, NLM_F_DUMP, interface, hook);
    request.message->nlmsg_seq = ++sequence_;
    if (auto sent = socket_.send({request.buffer.data(), request.message->nlmsg_len}); !sent) {
        return std::unexpected(std::move(sent.error()));
    }
    Found found;
    const auto take = [](const nlmsghdr* message, void* data) {
        auto& into = *static_cast<Found*>(data);
        const auto* traffic = static_cast<const tcmsg*>(mnl_nlmsg_get_payload(message));
        Attributes attributes{};
        if (message->nlmsg_type != RTM_NEWTFILTER ||
            mnl_attr_parse(message, sizeof(tcmsg), keep, &attributes) < 0) {
            return MNL_CB_OK;
        }
        // A filter's chain is told once without a handle.
        into.any = true;
        if (traffic->tcm_handle != 0 && isText(attributes[TCA_KIND]) &&
            std::string_view(mnl_attr_get_str(attributes[TCA_KIND])) == "bpf") {
            into.filters.push_back({static_cast<std::uint16_t>(traffic->tcm_info >> 16),
                                    traffic->tcm_handle, nameOf(attributes[TCA_OPTIONS])});
        }
        return MNL_CB_OK;
    };
    std::array<char, 32768> answer{};
    for (;;) {
        const auto received = socket_.receive(answer);
        if (received.status != RouteSocket::Status::Datagram) {
            return base::fail("no answer about traffic control");
        }
        const int status = mnl_cb_run(answer.data(), received.length, sequence_, 0, take, &found);
        // EINVAL, ENOENT: there is no clsact discipline, so there are no filters.
        if (status == MNL_CB_STOP || (status < 0 && (errno == EINVAL || errno == ENOENT))) {
            return found;
        }
        if (status < 0 && errno != kOtherQuestion) {
            return refused();
        }
    }
}

}  // namespace siproxd::net
