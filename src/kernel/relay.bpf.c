/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The relay in the kernel: a tc classifier on the way in. It forwards RTP of the flows that the process
   has put into the table, from exactly their source, and leaves everything else alone: what it
   does not take goes up the stack to the process's sockets as if this were not here. */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flow_entry.h"

_Static_assert(sizeof(struct siproxd_flow) == 208, "as the process lays it out");

#ifndef AF_INET
#define AF_INET 2
#endif
#ifndef AF_INET6
#define AF_INET6 10
#endif

/* Other filters at the same hook still have their turn. */
#define LEAVE_IT TC_ACT_UNSPEC

#define FRAGMENT_BITS 0x3fff /* offset and "more follow"; "do not fragment" is no fragment */
#define RTP_HEADER 12

/* The range of ports, set before the program is loaded: even RTP ports only. */
const volatile __u16 first_port;
const volatile __u32 pairs; /* entries 0 to pairs - 1 are leg A's, the next as many leg B's */

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 2); /* replaced by 2 * pairs */
    __type(key, __u32);
    __type(value, struct siproxd_flow);
} siproxd_flows SEC(".maps");

struct rtp {
    __u8 first;
    __u8 type;
    __u16 sequence;
    __u32 timestamp;
    __u32 ssrc;
};

/* Where things are in the packet. */
struct place {
    __u32 ip;
    __u32 udp;
};

static __always_inline int is_rtp(const struct rtp *rtp, __u32 payload)
{
    /* RFC 5761 section 4: types 192 to 223 are RTCP's, which is the sockets' affair. */
    return rtp->first >> 6 == 2 && (rtp->type < 192 || rtp->type > 223) &&
           payload >= RTP_HEADER + 4U * (rtp->first & 0x0f);
}

static __always_inline int same(const __u32 *a, const __u32 *b)
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline struct siproxd_flow *flow_at(__u32 index, __u8 family, const __u32 *source,
                                                    __u16 source_port, const __u32 *local)
{
    struct siproxd_flow *flow = bpf_map_lookup_elem(&siproxd_flows, &index);

    if (!flow || *(volatile __u32 *)&flow->state != SIPROXD_FLOW_FORWARDS)
        return 0;
    if (flow->family != family || flow->source_port != source_port ||
        !same(flow->source, source) || !same(flow->local, local))
        return 0;
    return flow;
}

static __always_inline struct siproxd_flow *find(__u8 family, const __u32 *source, const __u32 *local,
                                                 const struct udphdr *udp)
{
    __u32 offset = (__u32)bpf_ntohs(udp->dest) - first_port;
    struct siproxd_flow *flow;

    if (offset & 1 || offset >= 2 * pairs)
        return 0;
    flow = flow_at(offset / 2, family, source, udp->source, local);
    return flow ? flow : flow_at(pairs + offset / 2, family, source, udp->source, local);
}

/* Whether the flow has had its packets of this moment. */
static __always_inline int is_flood(struct siproxd_flow *flow, __u64 now)
{
    __u32 window = now >> SIPROXD_WINDOW_SHIFT;

    if (flow->window != window) {
        flow->window = window;
        flow->in_window = 0;
    }
    ++flow->in_window;
    return flow->packets_a_window && flow->in_window > flow->packets_a_window;
}

static __always_inline __u8 payload_type(const struct rtp *rtp)
{
    return rtp->type & 0x7f;
}

static __always_inline __u32 clock_of(const struct siproxd_flow *flow, __u8 type)
{
    return *(volatile __u32 *)&flow->clocks[type % SIPROXD_CLOCKS];
}

/* Whether it is known how to measure it. */
static __always_inline int knows(const struct siproxd_flow *flow, __u8 type)
{
    return type == flow->reception.type || type == clock_of(flow, type) >> SIPROXD_TYPE_SHIFT;
}

static __always_inline void count(struct siproxd_flow *flow, const struct rtp *rtp, __u32 payload,
                                  __u64 now)
{
    const __u8 type = payload_type(rtp);
    const __u32 clock = clock_of(flow, type);

    if (type != flow->reception.type && type == clock >> SIPROXD_TYPE_SHIFT)
        siproxd_reception_follow(&flow->reception, clock);
    siproxd_reception_receive(&flow->reception, bpf_ntohl(rtp->ssrc), bpf_ntohs(rtp->sequence), type,
                              bpf_ntohl(rtp->timestamp), now);
    flow->heard_ns = now;
    __sync_fetch_and_add(&flow->bytes, payload);
    __sync_fetch_and_add(&flow->packets, 1);
}

/* Two words as in the UDP header. */
struct ports {
    __u16 source;
    __u16 destination;
};

/* The UDP checksum follows what is in it; one that is 0 means that there is none and stays 0. Where the
   card is to complete it, only the addresses are in it yet. `addresses` and `ports` are how they differ. */
static __always_inline int follow_udp(struct __sk_buff *skb, struct place at, __s64 addresses, __s64 ports)
{
    const __u32 checksum = at.udp + offsetof(struct udphdr, check);

    return addresses < 0 || ports < 0 ||
           bpf_l4_csum_replace(skb, checksum, 0, addresses,
                               BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0) ||
           bpf_l4_csum_replace(skb, checksum, 0, ports, BPF_F_MARK_MANGLED_0);
}

static __always_inline __s64 differ(const void *from, const void *to, __u32 size)
{
    return bpf_csum_diff((void *)from, size, (void *)to, size, 0);
}

/* The IPv4 header's checksum after such a difference (RFC 1624, equation 3): one that was wrong stays so. */
static __always_inline __u16 follow_header(__u16 checksum, __s64 difference)
{
    __u64 sum = (__u16)~checksum + (__u64)(__u32)difference;

    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

static __always_inline int rewrite4(struct __sk_buff *skb, struct place at, const struct iphdr *ip,
                                    const struct udphdr *udp, const struct siproxd_flow *flow)
{
    struct {
        struct iphdr ip;
        struct ports ports;
    } to = {.ip = *ip,
            .ports = {.source = flow->new_source_port, .destination = flow->destination_port}};
    __s64 header;

    to.ip.tos = flow->tos;
    to.ip.ttl = flow->ttl;
    to.ip.saddr = flow->new_source[0];
    to.ip.daddr = flow->destination[0];
    header = differ(ip, &to.ip, sizeof to.ip);
    to.ip.check = follow_header(ip->check, header);
    return header < 0 ||
           follow_udp(skb, at, differ(&ip->saddr, &to.ip.saddr, 8),
                      differ(&udp->source, &to.ports, sizeof to.ports)) ||
           bpf_skb_store_bytes(skb, at.ip, &to, sizeof to, 0);
}

static __always_inline int rewrite6(struct __sk_buff *skb, struct place at, const struct ipv6hdr *ip,
                                    const struct udphdr *udp, const struct siproxd_flow *flow)
{
    struct {
        struct ipv6hdr ip;
        struct ports ports;
    } to = {.ip = *ip,
            .ports = {.source = flow->new_source_port, .destination = flow->destination_port}};

    /* The traffic class lies across the first two bytes; neither it nor the hop limit is in a
       checksum. The flow label is the sender's and goes. */
    *(__u32 *)&to.ip = bpf_htonl(6U << 28 | (__u32)flow->tos << 20);
    to.ip.hop_limit = flow->ttl;
    __builtin_memcpy(&to.ip.saddr, flow->new_source, sizeof to.ip.saddr);
    __builtin_memcpy(&to.ip.daddr, flow->destination, sizeof to.ip.daddr);
    return follow_udp(skb, at, differ(&ip->saddr, &to.ip.saddr, 32),
                      differ(&udp->source, &to.ports, sizeof to.ports)) ||
           bpf_skb_store_bytes(skb, at.ip, &to, sizeof to, 0);
}

/* What has no Ethernet header when it comes (tun, ppp) must have one before it is sent on. */
static __always_inline int add_ethernet(struct __sk_buff *skb)
{
    const __u16 type = skb->protocol;

    return bpf_skb_change_head(skb, ETH_HLEN, 0) ||
           bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof type, 0);
}

static __always_inline int send_on(struct __sk_buff *skb, __u32 link, __u32 out)
{
    if (link == 0 && add_ethernet(skb))
        return TC_ACT_SHOT;
    /* The next hop is looked up for each packet: a route may change from one to the next. */
    return bpf_redirect_neigh(out, 0, 0, 0);
}

/* Whether it is to be forwarded, not left to the socket. */
static __always_inline int takes(const struct siproxd_flow *flow, const struct rtp *rtp, __u32 payload,
                                 __u32 length)
{
    return is_rtp(rtp, payload) && length <= flow->max_length && knows(flow, payload_type(rtp));
}

static __always_inline int relay4(struct __sk_buff *skb, __u32 link)
{
    struct place at = {.ip = link, .udp = link + sizeof(struct iphdr)};
    __u32 source[4] = {}, local[4] = {};
    struct siproxd_flow *flow;
    struct {
        struct iphdr ip;
        struct udphdr udp;
        struct rtp rtp;
    } is;
    __u32 payload;
    __u64 now;

    if (bpf_skb_load_bytes(skb, at.ip, &is, sizeof is))
        return LEAVE_IT;
    /* Options, fragments and what would have died on the way are the stack's affair. */
    if (*(__u8 *)&is.ip != 0x45 || is.ip.protocol != IPPROTO_UDP ||
        is.ip.frag_off & bpf_htons(FRAGMENT_BITS) || is.ip.ttl < 2 ||
        bpf_ntohs(is.ip.tot_len) != sizeof is.ip + bpf_ntohs(is.udp.len) ||
        bpf_ntohs(is.ip.tot_len) + link > skb->len)
        return LEAVE_IT;
    source[0] = is.ip.saddr;
    local[0] = is.ip.daddr;
    flow = find(AF_INET, source, local, &is.udp);
    payload = bpf_ntohs(is.udp.len) - (__u32)sizeof is.udp;
    if (!flow || !takes(flow, &is.rtp, payload, bpf_ntohs(is.ip.tot_len)))
        return LEAVE_IT;
    now = bpf_ktime_get_ns();
    if (is_flood(flow, now)) {
        __sync_fetch_and_add(&flow->floods, 1);
        return TC_ACT_SHOT;
    }
    count(flow, &is.rtp, payload, now);
    if (rewrite4(skb, at, &is.ip, &is.udp, flow))
        return TC_ACT_SHOT;
    return send_on(skb, link, flow->out_interface);
}

static __always_inline int relay6(struct __sk_buff *skb, __u32 link)
{
    struct place at = {.ip = link, .udp = link + sizeof(struct ipv6hdr)};
    struct siproxd_flow *flow;
    struct {
        struct ipv6hdr ip;
        struct udphdr udp;
        struct rtp rtp;
    } is;
    __u32 payload;
    __u64 now;

    if (bpf_skb_load_bytes(skb, at.ip, &is, sizeof is))
        return LEAVE_IT;
    if (is.ip.version != 6 || is.ip.nexthdr != IPPROTO_UDP || is.ip.hop_limit < 2 ||
        is.ip.payload_len != is.udp.len || bpf_ntohs(is.udp.len) + at.udp > skb->len)
        return LEAVE_IT;
    flow = find(AF_INET6, is.ip.saddr.s6_addr32, is.ip.daddr.s6_addr32, &is.udp);
    payload = bpf_ntohs(is.udp.len) - (__u32)sizeof is.udp;
    if (!flow || !takes(flow, &is.rtp, payload, sizeof is.ip + bpf_ntohs(is.udp.len)))
        return LEAVE_IT;
    now = bpf_ktime_get_ns();
    if (is_flood(flow, now)) {
        __sync_fetch_and_add(&flow->floods, 1);
        return TC_ACT_SHOT;
    }
    count(flow, &is.rtp, payload, now);
    if (rewrite6(skb, at, &is.ip, &is.udp, flow))
        return TC_ACT_SHOT;
    return send_on(skb, link, flow->out_interface);
}

static __always_inline int relay(struct __sk_buff *skb, __u32 link)
{
    /* What the card or the driver has put together from several datagrams is taken apart again on
       its way to the socket. */
    if (skb->gso_size)
        return LEAVE_IT;
    if (skb->protocol == bpf_htons(ETH_P_IP))
        return relay4(skb, link);
    if (skb->protocol == bpf_htons(ETH_P_IPV6))
        return relay6(skb, link);
    return LEAVE_IT;
}

SEC("tc")
int siproxd_ethernet(struct __sk_buff *skb)
{
    return relay(skb, ETH_HLEN);
}

/* Interfaces without link-layer headers: tun, ppp, wireguard. */
SEC("tc")
int siproxd_l3(struct __sk_buff *skb)
{
    return relay(skb, 0);
}

const char siproxd_license[] SEC("license") = "GPL";
