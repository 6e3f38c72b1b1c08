// SPDX-License-Identifier: GPL-2.0-or-later
/// What siproxd and its plugins tell each other. See plugin.h.
#ifndef SIPROXD_API_RECORDS_H
#define SIPROXD_API_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct siproxd_self siproxd_self;        ///< this plugin, as the host knows it
typedef struct siproxd_message siproxd_message;  ///< a message on its way
typedef struct siproxd_uri siproxd_uri;          ///< a URI of its own, apart from any message
typedef struct siproxd_list siproxd_list;        ///< an address list

/// One directive of the configuration: plugin_NAME_<name> = value. The host warns about directives
/// of a plugin that it does not declare, and checks the values of those that it does.
typedef struct siproxd_option {
    const char* name;      ///< what follows plugin_NAME_
    uint32_t type;         ///< SIPROXD_OPTION_…
    uint32_t reserved;     ///< 0
    const char* fallback;  ///< value when the configuration has none, as written there; or NULL
    int64_t minimum;       ///< range of integers; both 0: any
    int64_t maximum;
    const char* help;  ///< one line for the manual
} siproxd_option;

/// A phone's registration, here or at a provider. Strings are borrowed for the call.
typedef struct siproxd_binding {
    uint32_t size;        ///< sizeof(siproxd_binding) of the host
    uint32_t is_local;    ///< 1: siproxd itself is the registrar
    const char* aor;      ///< the address-of-record, a URI
    const char* contact;  ///< the phone's Contact as the phone wrote it, a URI
    const char* shown;    ///< the Contact that stands for it outside; NULL with is_local
    const char* source;   ///< where its REGISTER came from, as msg_source(); NULL: not known
    int64_t expires;      ///< seconds since 1970
} siproxd_binding;

/// A target with all that can be said about it; what is not needed is 0.
typedef struct siproxd_target {
    uint32_t size;  ///< sizeof(siproxd_target) of the plugin
    /// Lower ranks are tried first, those of equal rank at once.
    uint32_t rank;
    const char* uri;       ///< the new request URI; may be NULL when `aor` is not
    const char* next_hop;  ///< a SIP URI: where to send it; NULL: by `uri`
    /// The phones of this address-of-record (a URI), all at once, by the way they can be reached. With
    /// `uri` that is what they find in the request; else each finds its own Contact. When nobody is
    /// registered the target counts as SIPROXD_AFTER_FAILURE.
    const char* aor;
    uint32_t after;  ///< bits of SIPROXD_AFTER_…; 0: any
    uint32_t ring;   ///< milliseconds that it may ring before it is given up; 0: as long as the caller waits
    /// What the one who is called there is known as to the readers of logs: a gateway. With it all
    /// requests of the call to the outside go as `from`, `to` and `user` say, and what comes from the
    /// addresses that answer it has msg_label().
    const char* label;
    const char* from;  ///< with `label`: the URI that is shown in From; NULL: the caller's own
    const char* to;    ///< with `label`: the URI that is shown in To; NULL: as it was dialled
    /// With `label`: to answer challenges with (Digest, MD5 or SHA-256), if they come from where the
    /// target has led to. They are never passed on then.
    const char* user;
    const char* password;
    const char* realm;  ///< the only realm that is answered; NULL: the first one that asks
    /// 1: as if it had been dialled. When its turn comes all plugins are asked (DETERMINE_TARGET) about a copy of the
    /// request with `uri` (or `aor`) as request URI and To, and what they say takes the place of this target: other
    /// targets of any rank, a refusal. What they leave alone goes where it would go anyway. With `aor` the copy is a
    /// call for that user (REQUEST_INCOMING), else one that `on_behalf` makes (REQUEST_OUTGOING).
    uint32_t dial;
    /// 1: somebody outside has named it (a name server, a redirection), and so it must lead neither to addresses inside
    /// nor to this machine, phones that are registered excepted.
    uint32_t foreign;
    const char* on_behalf;   ///< with `dial`: msg_user() of the copy, and as user@host its From, too; NULL: nobody
    const char* headers;     ///< further header fields there, lines that end with \r\n; NULL: none
} siproxd_target;

/// A request of siproxd's own. What is not needed is 0.
typedef struct siproxd_request {
    uint32_t size;       ///< sizeof(siproxd_request) of the plugin
    uint32_t cseq;       ///< 0: 1
    const char* method;  ///< neither INVITE, ACK nor CANCEL
    const char* uri;
    const char* next_hop;  ///< a SIP URI; NULL: by `uri`
    const char* from;      ///< `"Display" <uri>` or a URI; a tag is added
    const char* to;        ///< likewise; NULL: as `from`
    const char* call_id;   ///< NULL: a new one
    /// The user part of a Contact of ours. Who is sent there has msg_label(), whatever address he
    /// comes from, as nobody can guess it. NULL: no Contact.
    const char* contact_user;
    const char* headers;  ///< further header fields, lines that end with \r\n; NULL: none
    const char* label;    ///< as of siproxd_target
    const char* user;
    const char* password;
    const char* realm;
} siproxd_request;

/// What one party of a call has sent on one stream, as it arrived here.
typedef struct siproxd_stream_side {
    const char* local_ip;  ///< our address on this party's side; NULL: not known
    const char* remote;    ///< where it comes from (or, when nothing has come, was announced), as
                           ///< msg_source(); NULL: not known
    const char* codec;     ///< as in a=rtpmap: PCMA; NULL: not known
    uint64_t packets;      ///< RTP, RTCP and other, from the right source
    uint64_t bytes;
    uint64_t rejected;  ///< from others, or no RTP
    uint32_t expected;  ///< RTP packets that were sent, by their sequence numbers
    uint32_t lost;      ///< of those
    uint32_t jitter;    ///< RFC 3550 §6.4.1, in microseconds
    uint32_t mos;       ///< as siproxd estimates it (E-model), in hundredths; 0: not known
} siproxd_stream_side;

/// A media stream of a call that is or was relayed.
typedef struct siproxd_stream {
    uint32_t size;    ///< sizeof(siproxd_stream) of the host
    uint32_t index;   ///< of its m= line, from 0
    uint32_t port;    ///< our RTP port on the caller's side
    uint32_t direct;  ///< 1: the parties send to each other
    siproxd_stream_side caller;
    siproxd_stream_side callee;
} siproxd_stream;

/// A call. Strings are borrowed for the call of the function.
typedef struct siproxd_call {
    uint32_t size;  ///< sizeof(siproxd_call) of the host
    int direction;  ///< of its first INVITE: SIPROXD_REQUEST_…
    uint64_t id;    ///< unique as long as siproxd runs
    const char* call_id;
    const char* caller;     ///< From, a URI; NULL: not known
    const char* callee;     ///< To, a URI; NULL: not known
    const char* dialled;    ///< request URI of the first INVITE; NULL: not known
    const char* source_ip;  ///< that the first INVITE came from
    const char* user;       ///< who has authenticated here; NULL: nobody was asked
    const char* label;      ///< of the target that is tried or has answered; NULL: it has none
    int64_t started;        ///< seconds since 1970
    int64_t answered;       ///< likewise; 0: not yet, or never
    int64_t ended;          ///< likewise; 0: not yet
    uint64_t talked;        ///< milliseconds from the answer to now or the end
    int status;             ///< of the final response to the first INVITE; 0: none yet
    int ended_by;           ///< SIPROXD_END_…
    const char* reason;     ///< why siproxd has ended it; NULL
    const siproxd_stream* streams;
    uint32_t stream_count;
    uint32_t stream_size;  ///< sizeof(siproxd_stream) of the host
} siproxd_call;

/// A NAPTR record (RFC 3403). Strings are borrowed for the call, and never NULL.
typedef struct siproxd_naptr {
    uint32_t size;  ///< sizeof(siproxd_naptr) of the host
    uint32_t order;
    uint32_t preference;
    const char* flags;
    const char* service;
    const char* regexp;       ///< as it stands: !pattern!replacement!flags; empty: there is none
    const char* replacement;  ///< a host name; empty with `regexp`
} siproxd_naptr;

/// SIP as it was received, or is sent: of every transport, decrypted, one message (or what was no message) each. Strings
/// are borrowed for the call.
typedef struct siproxd_packet {
    uint32_t size;      ///< sizeof(siproxd_packet) of the host
    uint32_t is_sent;   ///< 1: by siproxd
    int protocol;       ///< SIPROXD_PROTOCOL_…
    uint32_t reserved;
    const char* local_ip;
    const char* remote_ip;
    uint32_t local_port;
    uint32_t remote_port;
    uint64_t connection;  ///< of TCP and TLS: a number that is not used again; 0: UDP
    const char* data;
    size_t length;
} siproxd_packet;

#ifdef __cplusplus
}
#endif

#endif
