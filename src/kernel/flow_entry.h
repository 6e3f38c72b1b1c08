/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the relay in the kernel (relay.bpf.c) and the process share: the layout of one entry of the
   table of flows. Plain C, for the kernel's program is C. Addresses and ports are in network order;
   an IPv4 address is in the first word, the other three are 0. */

#include <linux/types.h>

#include "reception_math.h"

/* State of an entry. Only the process changes it, and of its part nothing else but `clocks` while it is
   Forwards. */
enum siproxd_flow_state {
    SIPROXD_FLOW_EMPTY = 0,
    SIPROXD_FLOW_FORWARDS = 1,
};

/* Packets are counted in windows of 2^27 ns, about an eighth of a second, to find floods. */
enum { SIPROXD_WINDOW_SHIFT = 27 };

/* How many payload types an entry has the clocks of. */
enum { SIPROXD_CLOCKS = 4, SIPROXD_CLOCK_EMPTY = 0xffffffff };

/* One direction of one stream: RTP that comes to one of our ports. */
struct siproxd_flow {
    /* Written by the process. */
    __u32 state;
    __u32 out_interface;  /* index of the interface it leaves by */
    __u32 max_length;     /* longest IP packet that interface takes; longer ones go to the socket */
    __u32 packets_a_window;  /* more than that in one window are dropped; 0: no limit */
    __u8 family;          /* AF_INET or AF_INET6, on both sides */
    __u8 tos;             /* of what is sent: DSCP and ECN */
    __u8 ttl;             /* of what is sent */
    __u8 reserved[3];
    __u16 source_port;       /* it has to come from here */
    __u16 new_source_port;   /* what is sent comes from here */
    __u16 destination_port;  /* and goes there */
    __u32 source[4];
    __u32 local[4];  /* our address that it has to be sent to; our port is the index of the entry */
    __u32 new_source[4];
    __u32 destination[4];
    /* The clock of a payload type is at the type modulo SIPROXD_CLOCKS, see SIPROXD_TYPE_SHIFT. A packet of
       a type that is neither there nor measured right now goes to the socket: the process knows it. */
    __u32 clocks[SIPROXD_CLOCKS];

    /* As the process has left it, then written by the kernel's program, and by the process for what
       came to the socket all the same. */
    struct siproxd_reception reception;

    /* Written by the kernel's program. */
    __u64 packets;   /* forwarded */
    __u64 bytes;     /* of their UDP payload */
    __u64 floods;    /* dropped for packets_a_window */
    __u64 heard_ns;  /* when the last one came, CLOCK_MONOTONIC */
    __u32 window;    /* number of the window that is counted */
    __u32 in_window; /* packets in it so far */
};
