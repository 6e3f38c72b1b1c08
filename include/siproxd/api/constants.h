// SPDX-License-Identifier: GPL-2.0-or-later
/// The numbers of the interface. See plugin.h.
#ifndef SIPROXD_API_CONSTANTS_H
#define SIPROXD_API_CONSTANTS_H

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
    /// That target has refused, could not be reached, has rung for too long or is not wanted any more while the call goes on, or
    /// was skipped by another plugin; who has skipped it itself does not hear of it. So each TRYING that was not refused is
    /// followed by LEFT, by ANSWERED (of this target or another one) or by ENDED.
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

#endif
