// SPDX-License-Identifier: GPL-2.0-or-later
/// The contract between siproxd and its plugins, in C11. C++ plugins include plugin.hpp instead.
///
/// A plugin is a module plugin_NAME.so (or .la, or part of a static siproxd) that exports one
/// thing: a constant of type siproxd_plugin under the name SIPROXD_PLUGIN_SYMBOL(plugin_NAME). The
/// host reads it and refuses what does not fit before any function of the plugin is called.
///
/// Rules for both sides
/// - Everything but siproxd_host.resume is called in the signalling thread, and must not block: a
///   call that takes over 500 ms is logged, the third one ends the plugin. What takes longer is
///   done elsewhere, with the message suspended meanwhile.
/// - Messages, URIs and the host are opaque; their handles are valid for the call that got them
///   unless it says otherwise. Nothing of the plugin may be thrown across this interface.
/// - Strings are UTF-8 or whatever the wire had, and end with NUL. A NULL string given back means
///   that there is none. Strings from a message are borrowed: they live until the message is
///   changed through any function here, or the callback returns.
/// - Structures grow at the end only and carry their size; a plugin built for minor version N of
///   the interface runs in every siproxd of the same major version and minor version N or later.
#ifndef SIPROXD_PLUGIN_H
#define SIPROXD_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SIPROXD_PLUGIN_MAGIC 0x53505850u /* "SPXP" */
#define SIPROXD_ABI_MAJOR 1
#define SIPROXD_ABI_MINOR 1

/// Where a message is on its way (bits of siproxd_plugin.stages), in the order of the calls.
enum {
    SIPROXD_STAGE_TIMER = 0x001,     ///< about every 5 s; siproxd_plugin.tick is called
    SIPROXD_STAGE_RAW = 0x008,       ///< bytes from the network, not parsed: only msg_raw,
                                     ///< msg_set_raw and where they came from; may drop
    SIPROXD_STAGE_VALIDATE = 0x010,  ///< parsed; before Max-Forwards and loops are looked at
    SIPROXD_STAGE_DETERMINE_TARGET = 0x020,  ///< requests: direction known, target open
    SIPROXD_STAGE_PRE_PROXY = 0x040,         ///< before the message is rewritten
    SIPROXD_STAGE_PROXY_UNKNOWN = 0x080,     ///< the direction is still unknown: 408 or drop follow
    SIPROXD_STAGE_POST_PROXY = 0x100         ///< rewritten, before it is sent
};
#define SIPROXD_ALL_STAGES 0x1F9u

/// What process() returns. Everything but CONTINUE and FAILED ends the chain for this message.
enum {
    SIPROXD_CONTINUE = 0,  ///< the next plugin, then the proxy, go on with the message
    SIPROXD_ANSWERED = 1,  ///< the answer made by reply() goes out; without one: nothing does
    SIPROXD_DROP = 2,      ///< the message is forgotten, nobody hears of it
    SIPROXD_REJECT = 3,    ///< what reject() returns; bare: 403
    SIPROXD_REDIRECT = 4,  ///< what redirect() returns
    SIPROXD_RETARGET = 5,  ///< what retarget() returns
    SIPROXD_SUSPEND = 6,   ///< after suspend(): the message waits for resume() or its deadline
    SIPROXD_FAILED = 7     ///< the plugin could not do its work: counted, the message goes on
};

/// What create() returns.
enum {
    SIPROXD_CREATED = 0,
    SIPROXD_NOT_CREATED = 1,   ///< the plugin has logged why
    SIPROXD_WRONG_VERSION = 2  ///< the plugin was written for another interface
};

enum {
    SIPROXD_DIRECTION_UNKNOWN = 0,
    SIPROXD_REQUEST_INCOMING = 1,  ///< from the outside to a phone behind the proxy
    SIPROXD_REQUEST_OUTGOING = 2,
    SIPROXD_RESPONSE_INCOMING = 3,
    SIPROXD_RESPONSE_OUTGOING = 4
};

enum { SIPROXD_PROTOCOL_UDP = 1, SIPROXD_PROTOCOL_TCP = 2, SIPROXD_PROTOCOL_TLS = 3 };

enum {
    SIPROXD_LOG_DEBUG = 0,
    SIPROXD_LOG_INFO = 1,
    SIPROXD_LOG_WARNING = 2,
    SIPROXD_LOG_ERROR = 3
};

/// Debug classes of the directive debug_level; plugins mostly use PLUGIN.
enum {
    SIPROXD_DEBUG_BABBLE = 0x1,
    SIPROXD_DEBUG_NET = 0x2,
    SIPROXD_DEBUG_SIP = 0x4,
    SIPROXD_DEBUG_REGISTER = 0x8,
    SIPROXD_DEBUG_OTHER = 0x10,
    SIPROXD_DEBUG_PROXY = 0x20,
    SIPROXD_DEBUG_DNS = 0x40,
    SIPROXD_DEBUG_TRAFFIC = 0x80,
    SIPROXD_DEBUG_CONFIG = 0x100,
    SIPROXD_DEBUG_RTP = 0x200,
    SIPROXD_DEBUG_ACCESS = 0x400,
    SIPROXD_DEBUG_AUTH = 0x800,
    SIPROXD_DEBUG_PLUGIN = 0x1000,
    SIPROXD_DEBUG_RTP_BABBLE = 0x2000
};

/// Which address of a message is meant. Contact, Route and Record-Route have several.
enum {
    SIPROXD_AT_REQUEST_URI = 0,  ///< has a URI, but no display name and no header parameters
    SIPROXD_AT_FROM = 1,
    SIPROXD_AT_TO = 2,
    SIPROXD_AT_CONTACT = 3,
    SIPROXD_AT_ROUTE = 4,
    SIPROXD_AT_RECORD_ROUTE = 5
};

/// Which part of a URI is meant. Parts that are not there are NULL.
enum {
    SIPROXD_URI_TEXT = 0,  ///< all of it
    SIPROXD_URI_SCHEME = 1,
    SIPROXD_URI_USER = 2,        ///< as it came, escapes kept
    SIPROXD_URI_USER_PLAIN = 3,  ///< with escapes resolved (but %00); escaped when set
    SIPROXD_URI_PASSWORD = 4,
    SIPROXD_URI_HOST = 5,   ///< IPv6 without brackets
    SIPROXD_URI_PORT = 6,   ///< decimal
    SIPROXD_URI_OPAQUE = 7  ///< of a URI that is neither sip nor sips: all behind the colon
};

/// Which part of a Via is meant.
enum {
    SIPROXD_VIA_TEXT = 0,  ///< all of it; read only
    SIPROXD_VIA_TRANSPORT = 1,
    SIPROXD_VIA_HOST = 2,
    SIPROXD_VIA_PORT = 3,
    SIPROXD_VIA_BRANCH = 4,
    SIPROXD_VIA_RECEIVED = 5,
    SIPROXD_VIA_RPORT = 6  ///< empty when the parameter has no value
};

enum {
    SIPROXD_OPTION_STRING = 0,   ///< the last line of the configuration counts
    SIPROXD_OPTION_INTEGER = 1,  ///< the last line counts; decimal or 0x…; range checked
    SIPROXD_OPTION_LIST = 2      ///< every line counts, in their order
};

/// When a target of siproxd_target.rank above the lowest is tried: what has become of those before it.
enum {
    SIPROXD_AFTER_BUSY = 0x1,       ///< 486 or 600
    SIPROXD_AFTER_NO_ANSWER = 0x2,  ///< 408 or 480, or siproxd_target.ring has passed
    SIPROXD_AFTER_FAILURE = 0x4,    ///< could not be reached, 5xx, or no response at all
    SIPROXD_AFTER_REFUSAL = 0x8     ///< any other final response but 2xx
};
#define SIPROXD_AFTER_ANY 0xFu

/// Which registrations host->bindings() shows.
enum {
    SIPROXD_BINDINGS_ALL = 0,
    SIPROXD_BINDINGS_OF_AOR = 1,          ///< `text` is the address-of-record, a URI
    SIPROXD_BINDINGS_OF_CONTACT_HOST = 2,  ///< `text` is the host in the phones' own Contacts
    SIPROXD_BINDINGS_OF_SHOWN = 3  ///< `text` is the Contact that stands for the phone outside, a URI
};

/// What siproxd_plugin.call hears of.
enum {
    SIPROXD_CALL_STARTED = 1,  ///< its first INVITE has come; a status from 300 to 699 refuses it
    /// A target with a label is about to be tried (siproxd_call.label); anything but 0 skips it, which
    /// counts as SIPROXD_AFTER_FAILURE.
    SIPROXD_CALL_TRYING = 2,
    /// That target has refused, could not be reached, or was skipped by another plugin; who has skipped it itself does
    /// not hear of it.
    SIPROXD_CALL_LEFT = 3,
    SIPROXD_CALL_ANSWERED = 4,  ///< the first 2xx has come
    SIPROXD_CALL_ENDED = 5      ///< the last time that it is heard of, with what its media was like
};

/// What siproxd_plugin.notice hears of.
enum {
    SIPROXD_NOTICE_ADDRESSES = 1,  ///< siproxd's own addresses have changed: registrations elsewhere name old ones
    SIPROXD_NOTICE_STATISTICS = 2  ///< somebody wants to know how it goes (SIGUSR1)
};

/// Who has ended a call (siproxd_call.ended_by).
enum {
    SIPROXD_END_NOT_YET = 0,
    SIPROXD_END_CALLER = 1,  ///< BYE, or CANCEL
    SIPROXD_END_CALLEE = 2,  ///< BYE, or a final response that refuses
    SIPROXD_END_PROXY = 3    ///< siproxd: siproxd_call.reason says why
};

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

/// What siproxd does for plugins. One table for all; it lives as long as the process.
typedef struct siproxd_host {
    uint32_t size;  ///< sizeof(siproxd_host) of the host
    uint16_t abi_major;
    uint16_t abi_minor;
    const char* version;  ///< of siproxd

    // --- the plugin itself

    /// Writes one line to the log. `debug_class` counts at level DEBUG only. `file` and `line` say
    /// where it comes from; control characters in `text` are made harmless.
    void (*log)(siproxd_self* self, int level, uint32_t debug_class, const char* file,
                uint32_t line, const char* text);
    /// Whether such a line would be read by anybody: asks before a text is put together.
    int (*log_wanted)(siproxd_self* self, int level, uint32_t debug_class);
    /// Seconds since 1970-01-01 UTC.
    int64_t (*wall_time)(siproxd_self* self);
    /// Milliseconds from some moment on, never set back.
    int64_t (*steady_time)(siproxd_self* self);
    /// During create() only: the plugin wants fewer stages than siproxd_plugin.stages says.
    void (*restrict_stages)(siproxd_self* self, uint32_t stages);
    /// During create() only: how the plugin is called in log lines. The strings are copied.
    void (*describe)(siproxd_self* self, const char* name, const char* description);

    // --- its configuration; strings live as long as the plugin

    /// How many lines give the option; defaults do not count.
    size_t (*option_count)(siproxd_self* self, const char* name);
    /// The value of one of them, in file order from 0.
    const char* (*option_value)(siproxd_self* self, const char* name, size_t index);
    /// The value of the last one, or the default.
    const char* (*option_string)(siproxd_self* self, const char* name);
    /// The same as a number in `*value`; 1 when there is one.
    int (*option_integer)(siproxd_self* self, const char* name, int64_t* value);
    /// `file:line` of one of them.
    const char* (*option_where)(siproxd_self* self, const char* name, size_t index);
    /// Logs that one of them is wrong, with its file and line. create() then usually fails.
    void (*option_error)(siproxd_self* self, const char* name, size_t index, const char* text);

    // --- a message: where it came from

    const char* (*msg_source)(siproxd_message* message);     ///< 192.0.2.1:5060, [2001:db8::1]:5060
    const char* (*msg_source_ip)(siproxd_message* message);  ///< without brackets
    uint32_t (*msg_source_port)(siproxd_message* message);
    const char* (*msg_local_ip)(siproxd_message* message);  ///< our address that it came to
    uint32_t (*msg_local_port)(siproxd_message* message);
    int (*msg_protocol)(siproxd_message* message);
    int (*msg_direction)(siproxd_message* message);
    /// Says which way the message goes, where the proxy could not tell (or would err). 0: done.
    int (*msg_set_direction)(siproxd_message* message, int direction);

    // --- a message: the bytes (RAW only)

    const char* (*msg_raw)(siproxd_message* message, size_t* size);
    /// Replaces them; they are copied. 0: done.
    int (*msg_set_raw)(siproxd_message* message, const char* data, size_t size);

    // --- a message: first line and identity

    const char* (*msg_method)(siproxd_message* message);  ///< of a response: the one in CSeq
    int (*msg_status)(siproxd_message* message);          ///< 0: it is a request
    const char* (*msg_reason)(siproxd_message* message);  ///< of a response
    const char* (*msg_call_id)(siproxd_message* message);
    uint32_t (*msg_cseq)(siproxd_message* message);

    // --- a message: addresses. Those that change something return 0 when done.

    /// How many there are (a Contact of `*` is none).
    size_t (*msg_address_count)(siproxd_message* message, int at);
    /// Part of the URI of one of them (SIPROXD_URI_…).
    const char* (*msg_uri_part)(siproxd_message* message, int at, size_t index, int part);
    const char* (*msg_uri_param)(siproxd_message* message, int at, size_t index, const char* name);
    int (*msg_set_uri)(siproxd_message* message, int at, size_t index, const char* uri);
    int (*msg_set_uri_part)(siproxd_message* message, int at, size_t index, int part,
                            const char* value);
    /// `"Display" <uri>;params`.
    const char* (*msg_address)(siproxd_message* message, int at, size_t index);
    /// Of Contact, Route and Record-Route a NULL text removes one, and an index behind the last
    /// adds one.
    int (*msg_set_address)(siproxd_message* message, int at, size_t index, const char* text);
    /// A header parameter such as tag or expires: empty when it has no value, NULL when missing.
    const char* (*msg_address_param)(siproxd_message* message, int at, size_t index,
                                     const char* name);

    // --- a message: Via; index 0 is the topmost

    size_t (*msg_via_count)(siproxd_message* message);
    const char* (*msg_via_part)(siproxd_message* message, size_t index, int part);
    /// A NULL value removes port, received or rport.
    int (*msg_set_via_part)(siproxd_message* message, size_t index, int part, const char* value);
    int (*msg_push_via)(siproxd_message* message, const char* transport, const char* host,
                        uint32_t port, const char* branch);
    int (*msg_pop_via)(siproxd_message* message);

    // --- a message: any header by name, without regard to case. Those that a message must have
    // cannot be removed, nor be set to what is not well-formed; Content-Length and CSeq not at all.

    size_t (*msg_header_count)(siproxd_message* message, const char* name);
    const char* (*msg_header)(siproxd_message* message, const char* name, size_t index);
    /// Replaces all header fields of that name by one.
    int (*msg_set_header)(siproxd_message* message, const char* name, const char* value);
    int (*msg_add_header)(siproxd_message* message, const char* name, const char* value);
    /// Removes those with that value (without regard to case), or all when `value` is NULL. How
    /// many.
    size_t (*msg_remove_header)(siproxd_message* message, const char* name, const char* value);

    // --- a message: the body, byte for byte

    const char* (*msg_body)(siproxd_message* message, size_t* size);
    const char* (*msg_content_type)(siproxd_message* message);  ///< lower case, no parameters
    /// Replaces it; a NULL type leaves Content-Type as it is. Content-Length follows by itself.
    int (*msg_set_body)(siproxd_message* message, const char* type, const char* data, size_t size);

    // --- decisions about a message; each returns what process() shall return

    /// An error answer; a NULL reason means the usual phrase.
    int (*reject)(siproxd_message* message, int status, const char* reason);
    /// 302 with a Contact (a URI or `"Display" <uri>;params`); one more call, one more Contact.
    int (*redirect)(siproxd_message* message, const char* contact);
    /// The request goes to `uri` instead, by way of `next_hop` (a SIP URI) unless that is NULL. One
    /// more call, one more target: those of equal rank are tried at once, lower ranks before.
    int (*retarget)(siproxd_message* message, const char* uri, const char* next_hop, uint32_t rank);
    /// With CONTINUE: the host (a SIP URI) that the message is sent to. 0: done.
    int (*set_next_hop)(siproxd_message* message, const char* uri);
    /// An answer to the request, with Via, From, To, Call-ID and CSeq; to be filled through this
    /// table and sent by returning ANSWERED. NULL when there can be none (responses, ACK).
    siproxd_message* (*reply)(siproxd_message* message, int status, const char* reason);
    /// Lets the message wait: return SUSPEND, keep the token. At resume() process() is called again
    /// with the same message, msg_token() being the token. If that does not happen within
    /// `deadline` milliseconds (at most 60,000) the message is rejected with `status_at_deadline`,
    /// or goes on when that is 0. The token 0 means that the message cannot wait: only requests
    /// (not ACK, not CANCEL) can, at the stages DETERMINE_TARGET and PRE_PROXY.
    uint64_t (*suspend)(siproxd_message* message, uint32_t deadline, int status_at_deadline);
    /// 0 on the first call of process() for a message.
    uint64_t (*msg_token)(siproxd_message* message);
    /// May be called by any thread while the plugin lives. Tokens that are over do no harm.
    void (*resume)(siproxd_self* self, uint64_t token);

    // --- URIs apart from messages

    /// NULL when the text is no URI. To be freed.
    siproxd_uri* (*uri_parse)(siproxd_self* self, const char* text);
    void (*uri_free)(siproxd_uri* uri);
    /// Borrowed until the URI is changed or freed.
    const char* (*uri_part)(siproxd_uri* uri, int part);
    int (*uri_set_part)(siproxd_uri* uri, int part, const char* value);
    /// Empty when the parameter has no value, NULL when it is missing.
    const char* (*uri_param)(siproxd_uri* uri, const char* name);
    /// A NULL value adds the parameter without one.
    int (*uri_set_param)(siproxd_uri* uri, const char* name, const char* value);
    /// 1 when there was one.
    int (*uri_remove_param)(siproxd_uri* uri, const char* name);

    // --- since 1.1

    /// One of all lines of the plugin, in file order from 0: the option's name, and in `*value` and `*index` its
    /// value and which of the lines with that name it is. NULL: there are not so many. Records of several options
    /// begin with one that names them.
    const char* (*option_line)(siproxd_self* self, size_t position, const char** value, size_t* index);
    /// As retarget(). FAILED when a URI cannot be parsed.
    int (*retarget_to)(siproxd_message* message, const siproxd_target* target);
    /// Calls `each` for every registration that is meant and in force, until it returns 0. How often.
    /// With SIPROXD_BINDINGS_ALL that is linear.
    size_t (*bindings)(siproxd_self* self, int which, const char* text,
                       int (*each)(void* context, const siproxd_binding* binding), void* context);
    /// user@domain of the user of siproxd's own (local_domains) that the URI means, whichever of its domains and
    /// addresses it has; NULL: it is of somebody else. Lent until this is called again.
    const char* (*own_user)(siproxd_self* self, const char* uri);
    /// Calls `due` once, in `delay` milliseconds and never before create() has returned. The id of
    /// the timer, never 0 and never used again.
    uint64_t (*timer_start)(siproxd_self* self, uint32_t delay, void (*due)(void* context),
                            void* context);
    /// `due` will not be called any more. Ids that are over do no harm.
    void (*timer_cancel)(siproxd_self* self, uint64_t timer);

    /// What the sender is called, or the request URI that it has been told: the label of a target or
    /// request; NULL: none. Requests only, from DETERMINE_TARGET on.
    const char* (*msg_label)(siproxd_message* message);
    /// Who has authenticated with a password of ours; NULL: nobody was asked. DETERMINE_TARGET and
    /// PRE_PROXY only.
    const char* (*msg_user)(siproxd_message* message);
    /// Of a copy that a target with `dial` has led to: the request URIs that have been dialled before in its place, from
    /// 0, that of the request itself first. NULL: there are no more. Who finds an address in it that it is about to
    /// send the call to has found a loop; siproxd itself ends it after eight.
    const char* (*msg_history)(siproxd_message* message, size_t index);
    /// Sends a request outside, by the servers of its target (RFC 3263), and answers challenges when there
    /// are credentials. `done` is called once, with the final response or, when there was none, NULL;
    /// never from inside this function. The id of the request; 0: it is not well-formed, or siproxd is
    /// not ready yet.
    uint64_t (*request_send)(siproxd_self* self, const siproxd_request* request,
                             void (*done)(void* context, siproxd_message* response), void* context);
    /// `done` will not be called any more. Ids that are over do no harm.
    void (*request_forget)(siproxd_self* self, uint64_t request);

    /// Calls `each` for every call there is, with its media so far, until it returns 0. How often.
    size_t (*calls)(siproxd_self* self, int (*each)(void* context, const siproxd_call* call),
                    void* context);
    /// Ends a call: BYE to both parties, or the final response `status` to one that is not answered yet.
    /// `reason` is for the log and the Reason header. 0: done; else there is no such call (any more).
    /// Not from inside siproxd_plugin.call.
    int (*call_end)(siproxd_self* self, uint64_t call, int status, const char* reason);

    /// Asks the name servers for the addresses of a host, or for NAPTR records, best first; both by the directives dns_*,
    /// with a cache, and within its 5 s. `done` is called once, never from inside this function; `why` is NULL
    /// when there are any, else it says what is wrong. The id of the question; 0: siproxd is not ready yet.
    uint64_t (*dns_addresses)(siproxd_self* self, const char* name,
                              void (*done)(void* context, const char* const* ips, size_t count, const char* why),
                              void* context);
    uint64_t (*dns_naptr)(siproxd_self* self, const char* name,
                          void (*done)(void* context, const siproxd_naptr* records, size_t count, const char* why),
                          void* context);
    /// `done` will not be called any more. Ids that are over do no harm.
    void (*dns_forget)(siproxd_self* self, uint64_t question);

    /// Sends a datagram from siproxd's SIP socket outside to `address` (as msg_source() has it). What comes from exactly
    /// there within `patience` milliseconds is shown to `came` before anybody else sees it, until that returns 1: it
    /// was the answer. After that time `came` is called with NULL. Without `came` it is only sent. The id of what is
    /// waited for; 0: it could not be sent, or too much is waited for.
    uint64_t (*datagram_send)(siproxd_self* self, const char* address, const void* data, size_t size,
                              uint32_t patience, int (*came)(void* context, const void* data, size_t size),
                              void* context);
    /// `came` will not be called any more. Ids that are over do no harm.
    void (*datagram_forget)(siproxd_self* self, uint64_t id);
    /// The address that siproxd has outside as others see it, as by the directive host_outbound; NULL: its own
    /// again. 0: done.
    int (*announce)(siproxd_self* self, const char* ip);

    /// An address list as the directive hosts_allow_sip has it: networks, ranges, exceptions (`!`) and `file:`, IPv4 and IPv6. Host names only during
    /// create(): they are resolved meanwhile and again and again, and stand for nobody until they
    /// are. NULL when the text is no list; then `*why` says what is wrong with it, until the next
    /// call (`why` may be NULL). To be freed; what is not is freed with the plugin.
    siproxd_list* (*list_parse)(siproxd_self* self, const char* text, const char** why);
    /// Whether the list has that address; text that is no address is in no list, and an empty list
    /// has nobody in it.
    int (*list_contains)(siproxd_list* list, const char* ip);
    void (*list_free)(siproxd_list* list);

    // Minor versions to come add their functions here.
} siproxd_host;

/// The one thing that a plugin exports.
typedef struct siproxd_plugin {
    uint32_t magic;      ///< SIPROXD_PLUGIN_MAGIC
    uint16_t abi_major;  ///< SIPROXD_ABI_MAJOR
    uint16_t abi_minor;  ///< SIPROXD_ABI_MINOR
    uint32_t size;       ///< sizeof(siproxd_plugin)
    uint32_t stages;     ///< when the plugin is to be called: bits of SIPROXD_STAGE_…

    const char* name;         ///< plugin_NAME
    const char* description;  ///< one line
    const char* version;      ///< of the plugin, free text

    const siproxd_option* options;  ///< may be NULL
    uint32_t option_count;
    uint32_t option_size;  ///< sizeof(siproxd_option)

    /// Starts the plugin; `*state` is handed to the other callbacks. Options have been checked.
    /// Returns SIPROXD_CREATED, or else nothing of the plugin is called any more.
    int (*create)(const siproxd_host* host, siproxd_self* self, void** state);
    /// Ends it. Threads of the plugin must be gone when this returns. May be NULL.
    void (*destroy)(void* state);
    /// Called for each message at each stage asked for; returns SIPROXD_CONTINUE and so on. May be
    /// NULL when the TIMER stage is the only one.
    int (*process)(void* state, uint32_t stage, siproxd_message* message);
    /// Called about every 5 seconds; may be NULL without the TIMER stage.
    void (*tick)(void* state);

    // --- since 1.1

    /// Hears of every call (SIPROXD_CALL_…); returns 0, or what the event says. May be NULL.
    int (*call)(void* state, int event, const siproxd_call* call);
    /// Hears what else happens (SIPROXD_NOTICE_…). May be NULL.
    void (*notice)(void* state, int what);
    /// `siproxd --route-test`: what would become of a number that `from` (user@domain) dials, and why; nothing is
    /// sent. `print` takes one line at a time. 1: the plugin decides about it. May be NULL.
    int (*route)(void* state, const char* number, const char* from,
                 void (*print)(void* context, const char* line), void* context);
    /// Sees all SIP on the wire, before access lists and whatever becomes of it. May be NULL.
    void (*traffic)(void* state, const siproxd_packet* packet);

    // Minor versions to come add their callbacks here.
} siproxd_plugin;

/// The name of the exported constant of the module `name`, which libltdl finds in a static siproxd
/// too.
#define SIPROXD_PLUGIN_SYMBOL(name) SIPROXD_PLUGIN_SYMBOL_(name)
#define SIPROXD_PLUGIN_SYMBOL_(name) name##_LTX_siproxd_plugin

#if defined(__GNUC__)
#define SIPROXD_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define SIPROXD_PLUGIN_EXPORT
#endif

/// The first four members of a siproxd_plugin.
#define SIPROXD_PLUGIN_HEADER                                                                      \
    SIPROXD_PLUGIN_MAGIC, SIPROXD_ABI_MAJOR, SIPROXD_ABI_MINOR, (uint32_t)sizeof(siproxd_plugin)

#ifdef __cplusplus
}
#endif

#endif
