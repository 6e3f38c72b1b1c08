// SPDX-License-Identifier: GPL-2.0-or-later
/// The functions that plugins call. See plugin.h.
#ifndef SIPROXD_API_HOST_H
#define SIPROXD_API_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "records.h"

#ifdef __cplusplus
extern "C" {
#endif

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

    /// What siproxd_plugin.call hears of from now on: bits 1 << SIPROXD_CALL_…; at first everything. What a call is like has
    /// to be put together for who hears of it.
    void (*hear_calls)(siproxd_self* self, uint32_t events);
    /// Whether siproxd_plugin.traffic sees anything from now on; at first it does.
    void (*see_traffic)(siproxd_self* self, int is_wanted);

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

#ifdef __cplusplus
}
#endif

#endif
