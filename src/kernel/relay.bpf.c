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

/* The UDP checksum follows a field; one that is 0 means that there is none and stays 0. */
#define UDP_CHECKSUM(place) ((place).udp + offsetof(struct udphdr, check))

static __always_inline int set_port(struct __sk_buff *skb, struct place at, __u32 field, __u16 from,
                                    __u16 to)
{
    return bpf_l4_csum_replace(skb, UDP_CHECKSUM(at), from, to,
                               BPF_F_MARK_MANGLED_0 | sizeof to) ||
           bpf_skb_store_bytes(skb, at.udp + field, &to, sizeof to, 0);
}

static __always_inline int set_ports(struct __sk_buff *skb, struct place at,
                                     const struct udphdr *udp, const struct siproxd_flow *flow)
{
    return set_port(skb, at, offsetof(struct udphdr, source), udp->source,
                    flow->new_source_port) ||
           set_port(skb, at, offsetof(struct udphdr, dest), udp->dest, flow->destination_port);
}

static __always_inline int set_address4(struct __sk_buff *skb, struct place at, __u32 field,
                                        __u32 from, __u32 to)
{
    return bpf_l4_csum_replace(skb, UDP_CHECKSUM(at), from, to,
                               BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | sizeof to) ||
           bpf_l3_csum_replace(skb, at.ip + offsetof(struct iphdr, check), from, to, sizeof to) ||
           bpf_skb_store_bytes(skb, at.ip + field, &to, sizeof to, 0);
}

/* `field` is that of one byte of an aligned pair of bytes in the IPv4 header: the first or second. */
static __always_inline int set_pair4(struct __sk_buff *skb, struct place at, __u32 field,
                                     __u16 from, __u16 to)
{
    return bpf_l3_csum_replace(skb, at.ip + offsetof(struct iphdr, check), from, to, sizeof to) ||
           bpf_skb_store_bytes(skb, at.ip + field, &to, sizeof to, 0);
}

static __always_inline int rewrite4(struct __sk_buff *skb, struct place at, const struct iphdr *ip,
                                    const struct udphdr *udp, const struct siproxd_flow *flow)
{
    const __u8 *bytes = (const __u8 *)ip;
    const __u16 tos_was = bpf_htons((__u16)bytes[0] << 8 | ip->tos);
    const __u16 tos = bpf_htons((__u16)bytes[0] << 8 | flow->tos);
    const __u16 ttl_was = bpf_htons((__u16)ip->ttl << 8 | ip->protocol);
    const __u16 ttl = bpf_htons((__u16)flow->ttl << 8 | ip->protocol);

    return set_ports(skb, at, udp, flow) ||
           set_address4(skb, at, offsetof(struct iphdr, saddr), ip->saddr, flow->new_source[0]) ||
           set_address4(skb, at, offsetof(struct iphdr, daddr), ip->daddr, flow->destination[0]) ||
           set_pair4(skb, at, 0, tos_was, tos) ||
           set_pair4(skb, at, offsetof(struct iphdr, ttl), ttl_was, ttl);
}

static __always_inline int set_address6(struct __sk_buff *skb, struct place at, __u32 field,
                                        __u32 *from, __u32 *to)
{
    const __s64 difference = bpf_csum_diff(from, 16, to, 16, 0);

    return difference < 0 ||
           bpf_l4_csum_replace(skb, UDP_CHECKSUM(at), 0, difference,
                               BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0) ||
           bpf_skb_store_bytes(skb, at.ip + field, to, 16, 0);
}

static __always_inline int rewrite6(struct __sk_buff *skb, struct place at, struct ipv6hdr *ip,
                                    const struct udphdr *udp, struct siproxd_flow *flow)
{
    /* The traffic class lies across the first two bytes; neither it nor the hop limit is in a
       checksum. The flow label is the sender's and goes. */
    const __u32 first = bpf_htonl(6U << 28 | (__u32)flow->tos << 20);
    const __u8 hops = flow->ttl;

    return set_ports(skb, at, udp, flow) ||
           set_address6(skb, at, offsetof(struct ipv6hdr, saddr), ip->saddr.s6_addr32,
                        flow->new_source) ||
           set_address6(skb, at, offsetof(struct ipv6hdr, daddr), ip->daddr.s6_addr32,
                        flow->destination) ||
           bpf_skb_store_bytes(skb, at.ip, &first, sizeof first, 0) ||
           bpf_skb_store_bytes(skb, at.ip + offsetof(struct ipv6hdr, hop_limit), &hops, 1, 0);
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
    struct iphdr ip;
    struct udphdr udp;
    struct rtp rtp;
    __u32 payload;
    __u64 now;

    if (bpf_skb_load_bytes(skb, at.ip, &ip, sizeof ip) ||
        bpf_skb_load_bytes(skb, at.udp, &udp, sizeof udp) ||
        bpf_skb_load_bytes(skb, at.udp + sizeof udp, &rtp, sizeof rtp))
        return LEAVE_IT;
    /* Options, fragments and what would have died on the way are the stack's affair. */
    if (*(__u8 *)&ip != 0x45 || ip.protocol != IPPROTO_UDP ||
        ip.frag_off & bpf_htons(FRAGMENT_BITS) || ip.ttl < 2 ||
        bpf_ntohs(ip.tot_len) != sizeof ip + bpf_ntohs(udp.len) ||
        bpf_ntohs(ip.tot_len) + link > skb->len)
        return LEAVE_IT;
    source[0] = ip.saddr;
    local[0] = ip.daddr;
    flow = find(AF_INET, source, local, &udp);
    payload = bpf_ntohs(udp.len) - (__u32)sizeof udp;
    if (!flow || !takes(flow, &rtp, payload, bpf_ntohs(ip.tot_len)))
        return LEAVE_IT;
    now = bpf_ktime_get_ns();
    if (is_flood(flow, now)) {
        __sync_fetch_and_add(&flow->floods, 1);
        return TC_ACT_SHOT;
    }
    count(flow, &rtp, payload, now);
    if (rewrite4(skb, at, &ip, &udp, flow))
        return TC_ACT_SHOT;
    return send_on(skb, link, flow->out_interface);
}

static __always_inline int relay6(struct __sk_buff *skb, __u32 link)
{
    struct place at = {.ip = link, .udp = link + sizeof(struct ipv6hdr)};
    struct siproxd_flow *flow;
    struct ipv6hdr ip;
    struct udphdr udp;
    struct rtp rtp;
    __u32 payload;
    __u64 now;

    if (bpf_skb_load_bytes(skb, at.ip, &ip, sizeof ip) ||
        bpf_skb_load_bytes(skb, at.udp, &udp, sizeof udp) ||
        bpf_skb_load_bytes(skb, at.udp + sizeof udp, &rtp, sizeof rtp))
        return LEAVE_IT;
    if (ip.version != 6 || ip.nexthdr != IPPROTO_UDP || ip.hop_limit < 2 ||
        ip.payload_len != udp.len || bpf_ntohs(udp.len) + at.udp > skb->len)
        return LEAVE_IT;
    flow = find(AF_INET6, ip.saddr.s6_addr32, ip.daddr.s6_addr32, &udp);
    payload = bpf_ntohs(udp.len) - (__u32)sizeof udp;
    if (!flow || !takes(flow, &rtp, payload, sizeof ip + bpf_ntohs(udp.len)))
        return LEAVE_IT;
    now = bpf_ktime_get_ns();
    if (is_flood(flow, now)) {
        __sync_fetch_and_add(&flow->floods, 1);
        return TC_ACT_SHOT;
    }
    count(flow, &rtp, payload, now);
    if (rewrite6(skb, at, &ip, &udp, flow))
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
