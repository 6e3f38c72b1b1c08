// SPDX-License-Identifier: GPL-2.0-or-later
/// The plug-in API of the user guide (5.1), for plug-ins that are written as it says: three
/// functions, PLUGIN_INIT, PLUGIN_PROCESS and PLUGIN_END, in one source file that names itself
/// first:
///
///     #define PLUGIN_NAME plugin_myplugin
///     #include "plugins.h"
///
/// It is a layer over plugin.h, which is what siproxd itself knows, and what new plug-ins should
/// use. What the C program had and this has not: its internal tables and functions, and libosip2's
/// structures. A message is read and changed by the functions of plugin.h:
/// ticket->host->msg_uri_part(ticket->sipmsg, ...). C11 or C++.
#ifndef SIPROXD_PLUGINS_H
#define SIPROXD_PLUGINS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin.h"

#ifndef PLUGIN_NAME
#error "#define PLUGIN_NAME plugin_something, then include plugins.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// To be put into plugin_def_t.api_version.
#define SIPROXD_API_VERSION 0x0102

/// What functions return. On STS_FAILURE the message is dropped at PLUGIN_PROCESS_RAW and
/// PLUGIN_VALIDATE; at other stages it goes on, and the failure is counted and logged.
#define STS_SUCCESS 0
#define STS_TRUE 0
#define STS_FAILURE 1
#define STS_FALSE 1
#define STS_NEED_AUTH 1001
#define STS_SIP_SENT 2001  ///< the plug-in has answered (sip_gen_response()), or nobody shall

/// Stages: bits of plugin_def_t.exe_mask, and the `stage` of PLUGIN_PROCESS.
#define PLUGIN_NOOP 0x00000000
#define PLUGIN_TIMER SIPROXD_STAGE_TIMER      ///< about every 5 s; the ticket is NULL
#define PLUGIN_PROCESS_RAW SIPROXD_STAGE_RAW  ///< bytes; sipmsg is NULL
#define PLUGIN_VALIDATE SIPROXD_STAGE_VALIDATE
#define PLUGIN_DETERMINE_TARGET SIPROXD_STAGE_DETERMINE_TARGET
#define PLUGIN_PRE_PROXY SIPROXD_STAGE_PRE_PROXY
#define PLUGIN_PROXY_UNK SIPROXD_STAGE_PROXY_UNKNOWN
#define PLUGIN_POST_PROXY SIPROXD_STAGE_POST_PROXY

/// For DEBUGC(): classes of the directive debug_level.
#define DBCLASS_BABBLE SIPROXD_DEBUG_BABBLE
#define DBCLASS_NET SIPROXD_DEBUG_NET
#define DBCLASS_SIP SIPROXD_DEBUG_SIP
#define DBCLASS_REG SIPROXD_DEBUG_REGISTER
#define DBCLASS_NOSPEC SIPROXD_DEBUG_OTHER
#define DBCLASS_PROXY SIPROXD_DEBUG_PROXY
#define DBCLASS_DNS SIPROXD_DEBUG_DNS
#define DBCLASS_NETTRAF SIPROXD_DEBUG_TRAFFIC
#define DBCLASS_CONFIG SIPROXD_DEBUG_CONFIG
#define DBCLASS_RTP SIPROXD_DEBUG_RTP
#define DBCLASS_ACCESS SIPROXD_DEBUG_ACCESS
#define DBCLASS_AUTH SIPROXD_DEBUG_AUTH
#define DBCLASS_PLUGIN SIPROXD_DEBUG_PLUGIN
#define DBCLASS_RTPBABL SIPROXD_DEBUG_RTP_BABBLE
#define DBCLASS_ALL 0xFFFFFFFFu

/// sip_ticket_t.protocol
#define PROTO_UNKN (-1)
#define PROTO_UDP 1
#define PROTO_TCP 2  ///< with or without TLS

/// sip_ticket_t.direction
#define REQTYP_INCOMING 1
#define REQTYP_OUTGOING 2
#define RESTYP_INCOMING 3
#define RESTYP_OUTGOING 4

/// The plug-in, as it describes itself in PLUGIN_INIT: api_version, name, desc and exe_mask. The
/// strings are its own; the other members are not used.
typedef struct plugin_def {
    void* next;
    int api_version;
    char* name;
    char* desc;
    int exe_mask;
    void* plugin_process;
    void* plugin_end;
    void* dlhandle;
} plugin_def_t;

/// A message at a stage. Valid until PLUGIN_PROCESS returns.
typedef struct sip_ticket {
    char* raw_buffer;  ///< PLUGIN_PROCESS_RAW: the bytes, which may be changed in place; else NULL
    size_t raw_buffer_len;    ///< may be changed, too, up to raw_buffer_size
    siproxd_message* sipmsg;  ///< for the functions of plugin.h; NULL at PLUGIN_PROCESS_RAW
    struct sockaddr_in from;  ///< the sender, if it has an IPv4 address; else all zero
    time_t timestamp;
    int protocol;
    int direction;  ///< 0: not known
    /// When set, the message goes there. The port is in the order of this machine.
    struct sockaddr_in next_hop;
    const siproxd_host* host;  ///< the functions of plugin.h
    size_t raw_buffer_size;    ///< room at raw_buffer
    siproxd_message* raw;      ///< the message at PLUGIN_PROCESS_RAW, for msg_source() and the like
} sip_ticket_t;

/// How the values of a directive are read.
enum { TYP_INT4 = 1, TYP_STRING = 2, TYP_FLOAT = 3, TYP_STRINGA = 4 };

#define CFG_STRARR_SIZE 128

/// For TYP_STRINGA: a directive that may be given several times. More than CFG_STRARR_SIZE are left
/// out.
typedef struct {
    int used;
    char* string[CFG_STRARR_SIZE];
} stringa_t;

/// Directives of a plug-in; the last one has a NULL keyword.
typedef struct {
    const char* keyword;  ///< plugin_NAME_something
    int type;
    /// An int, char*, double or stringa_t. Its strings live as long as the plug-in.
    void* dest;
    struct {
        int number;
        const char* string;
    } defval;  ///< when the configuration says nothing
} cfgopts_t;

/// What read_config() is told by those who are used to it; siproxd has read its configuration
/// already.
static struct {
    char* configfile;
    int config_search;
} configuration __attribute__((unused));

// --- the plug-in's functions

#define SIPROXD_PLUGINS_PASTE_(a, b) a##b
#define SIPROXD_PLUGINS_PASTE(a, b) SIPROXD_PLUGINS_PASTE_(a, b)
#define SIPROXD_PLUGINS_TEXT_(a) #a
#define SIPROXD_PLUGINS_TEXT(a) SIPROXD_PLUGINS_TEXT_(a)

#define PLUGIN_INIT SIPROXD_PLUGINS_PASTE(PLUGIN_NAME, _LTX_plugin_init)
#define PLUGIN_PROCESS SIPROXD_PLUGINS_PASTE(PLUGIN_NAME, _LTX_plugin_process)
#define PLUGIN_END SIPROXD_PLUGINS_PASTE(PLUGIN_NAME, _LTX_plugin_end)

/// Called when it is loaded. STS_SUCCESS, or it stays out.
int PLUGIN_INIT(plugin_def_t* plugin_def);
/// Called at the stages of exe_mask.
int PLUGIN_PROCESS(int stage, sip_ticket_t* ticket);
/// Called before it is unloaded.
int PLUGIN_END(plugin_def_t* plugin_def);

// --- what is between those and siproxd

/// There is one plug-in of a kind.
static struct {
    const siproxd_host* host;
    siproxd_self* self;
    plugin_def_t definition;
    char** texts;  ///< copies of values
    size_t text_count;
} siproxd_plugins_state __attribute__((unused));

static inline void siproxd_plugins_log(int level, uint32_t debug_class, const char* file,
                                       unsigned line, const char* format, ...)
    __attribute__((format(printf, 5, 6), unused));

static inline void siproxd_plugins_log(int level, uint32_t debug_class, const char* file,
                                       unsigned line, const char* format, ...) {
    char text[1024];
    va_list arguments;
    if (siproxd_plugins_state.host == NULL ||
        !siproxd_plugins_state.host->log_wanted(siproxd_plugins_state.self, level, debug_class)) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    siproxd_plugins_state.host->log(siproxd_plugins_state.self, level, debug_class, file, line,
                                    text);
}

#define SIPROXD_PLUGINS_LOG(level, debug_class, ...)                                               \
    siproxd_plugins_log(level, debug_class, __FILE__, __LINE__, __VA_ARGS__)
#ifndef INFO
#define INFO(...) SIPROXD_PLUGINS_LOG(SIPROXD_LOG_INFO, SIPROXD_DEBUG_PLUGIN, __VA_ARGS__)
#endif
#ifndef WARN
#define WARN(...) SIPROXD_PLUGINS_LOG(SIPROXD_LOG_WARNING, SIPROXD_DEBUG_PLUGIN, __VA_ARGS__)
#endif
#ifndef ERROR
#define ERROR(...) SIPROXD_PLUGINS_LOG(SIPROXD_LOG_ERROR, SIPROXD_DEBUG_PLUGIN, __VA_ARGS__)
#endif
#ifndef DEBUG
#define DEBUG(...) SIPROXD_PLUGINS_LOG(SIPROXD_LOG_DEBUG, SIPROXD_DEBUG_PLUGIN, __VA_ARGS__)
#endif
/// `debug_class`: DBCLASS_…
#ifndef DEBUGC
#define DEBUGC(debug_class, ...) SIPROXD_PLUGINS_LOG(SIPROXD_LOG_DEBUG, debug_class, __VA_ARGS__)
#endif

/// A copy that lives as long as the plug-in; NULL of NULL, and for want of memory.
static inline char* siproxd_plugins_keep(const char* text) {
    char* copy = text == NULL ? NULL : strdup(text);
    char** texts = copy == NULL
                       ? NULL
                       : (char**)realloc(siproxd_plugins_state.texts,
                                         (siproxd_plugins_state.text_count + 1) * sizeof(char*));
    if (texts == NULL) {
        free(copy);
        return NULL;
    }
    siproxd_plugins_state.texts = texts;
    texts[siproxd_plugins_state.text_count++] = copy;
    return copy;
}

static inline int siproxd_plugins_read(const cfgopts_t* option, const char* name) {
    const siproxd_host* host = siproxd_plugins_state.host;
    siproxd_self* self = siproxd_plugins_state.self;
    const size_t count = host->option_count(self, name);
    const char* text = host->option_string(self, name);
    switch (option->type) {
        case TYP_STRING:
            *(char**)option->dest =
                siproxd_plugins_keep(text != NULL ? text : option->defval.string);
            return STS_SUCCESS;
        case TYP_INT4: {
            int64_t number = option->defval.number;
            if (text != NULL && (!host->option_integer(self, name, &number) || number < INT32_MIN ||
                                 number > INT32_MAX)) {
                host->option_error(self, name, count - 1, "an integer is needed");
                return STS_FAILURE;
            }
            *(int*)option->dest = (int)number;
            return STS_SUCCESS;
        }
        case TYP_FLOAT: {
            char* end = NULL;
            const double number = text != NULL ? strtod(text, &end) : option->defval.number;
            if (text != NULL && (end == text || *end != '\0')) {
                host->option_error(self, name, count - 1, "a number is needed");
                return STS_FAILURE;
            }
            *(double*)option->dest = number;
            return STS_SUCCESS;
        }
        case TYP_STRINGA: {
            stringa_t* list = (stringa_t*)option->dest;
            list->used = 0;
            for (size_t i = 0; i < count && list->used < CFG_STRARR_SIZE; ++i) {
                list->string[list->used++] =
                    siproxd_plugins_keep(host->option_value(self, name, i));
            }
            if (count > CFG_STRARR_SIZE) {
                host->option_error(self, name, CFG_STRARR_SIZE,
                                   "there are too many of them, it is left out");
            }
            return STS_SUCCESS;
        }
    }
    return STS_FAILURE;
}

/// In PLUGIN_INIT: reads the plug-in's directives. `file` and `search` are there for those who are
/// used to them. `filter`: the name of the plug-in, by which all keywords begin. STS_FAILURE: a
/// value is wrong, which has been logged with its place, or a keyword is not one of this plug-in.
static inline int read_config(char* file, int search, cfgopts_t* options, const char* filter)
    __attribute__((unused));

static inline int read_config(char* file, int search, cfgopts_t* options, const char* filter) {
    static const char kPrefix[] = SIPROXD_PLUGINS_TEXT(PLUGIN_NAME) "_";
    int status = STS_SUCCESS;
    (void)file;
    (void)search;
    (void)filter;
    for (; options->keyword != NULL; ++options) {
        if (strncmp(options->keyword, kPrefix, sizeof kPrefix - 1) != 0) {
            ERROR("%s does not begin with %s", options->keyword, kPrefix);
            status = STS_FAILURE;
        } else if (siproxd_plugins_read(options, options->keyword + sizeof kPrefix - 1) !=
                   STS_SUCCESS) {
            status = STS_FAILURE;
        }
    }
    return status;
}

/// Answers a request with this status. To be followed by `return STS_SIP_SENT`.
static inline int sip_gen_response(sip_ticket_t* ticket, int code) __attribute__((unused));

static inline int sip_gen_response(sip_ticket_t* ticket, int code) {
    return ticket->sipmsg != NULL && ticket->host->reply(ticket->sipmsg, code, NULL) != NULL
               ? STS_SUCCESS
               : STS_FAILURE;
}

/// Gives back what this layer holds; the plug-in has ended, or has never begun.
static inline void siproxd_plugins_clear(void) {
    while (siproxd_plugins_state.text_count > 0) {
        free(siproxd_plugins_state.texts[--siproxd_plugins_state.text_count]);
    }
    free(siproxd_plugins_state.texts);
    memset(&siproxd_plugins_state, 0, sizeof siproxd_plugins_state);
}

static inline void siproxd_plugins_destroy(void* state) {
    (void)state;
    PLUGIN_END(&siproxd_plugins_state.definition);
    siproxd_plugins_clear();
}

static inline int siproxd_plugins_create(const siproxd_host* host, siproxd_self* self,
                                         void** state) {
    plugin_def_t* definition = &siproxd_plugins_state.definition;
    siproxd_plugins_state.host = host;
    siproxd_plugins_state.self = self;
    *state = &siproxd_plugins_state;
    if (PLUGIN_INIT(definition) != STS_SUCCESS) {
        siproxd_plugins_clear();
        return SIPROXD_NOT_CREATED;
    }
    if (definition->api_version != SIPROXD_API_VERSION) {
        siproxd_plugins_destroy(NULL);
        return SIPROXD_WRONG_VERSION;
    }
    host->describe(self, definition->name, definition->desc);
    host->restrict_stages(self, (uint32_t)definition->exe_mask & SIPROXD_ALL_STAGES);
    return SIPROXD_CREATED;
}

static inline int siproxd_plugins_verdict(uint32_t stage, int status) {
    switch (status) {
        case STS_SUCCESS: return SIPROXD_CONTINUE;
        case STS_SIP_SENT:
            // Bytes are nothing that could be answered here.
            return stage == SIPROXD_STAGE_RAW ? SIPROXD_DROP : SIPROXD_ANSWERED;
        default:
            return stage == SIPROXD_STAGE_RAW || stage == SIPROXD_STAGE_VALIDATE ? SIPROXD_DROP
                                                                                 : SIPROXD_FAILED;
    }
}

static inline void siproxd_plugins_fill(sip_ticket_t* ticket, siproxd_message* message) {
    const siproxd_host* host = siproxd_plugins_state.host;
    const int protocol = host->msg_protocol(message);
    memset(ticket, 0, sizeof *ticket);
    if (inet_pton(AF_INET, host->msg_source_ip(message), &ticket->from.sin_addr) == 1) {
        ticket->from.sin_family = AF_INET;
        ticket->from.sin_port = htons((uint16_t)host->msg_source_port(message));
    }
    ticket->timestamp = (time_t)host->wall_time(siproxd_plugins_state.self);
    ticket->protocol = protocol == SIPROXD_PROTOCOL_UDP   ? PROTO_UDP
                       : protocol == SIPROXD_PROTOCOL_TCP ? PROTO_TCP
                       : protocol == SIPROXD_PROTOCOL_TLS ? PROTO_TCP
                                                          : PROTO_UNKN;
    ticket->direction = host->msg_direction(message);
    ticket->host = host;
    ticket->raw = message;
}

/// Where the plug-in has said that it shall go.
static inline void siproxd_plugins_send(const sip_ticket_t* ticket) {
    char address[INET_ADDRSTRLEN];
    char uri[INET_ADDRSTRLEN + 16];
    if (ticket->next_hop.sin_addr.s_addr == 0 ||
        inet_ntop(AF_INET, &ticket->next_hop.sin_addr, address, sizeof address) == NULL) {
        return;
    }
    snprintf(uri, sizeof uri, "sip:%s:%u", address,
             ticket->next_hop.sin_port == 0 ? 5060U : (unsigned)ticket->next_hop.sin_port);
    ticket->host->set_next_hop(ticket->sipmsg, uri);
}

static inline int siproxd_plugins_process_raw(siproxd_message* message) {
    static const char kName[] = SIPROXD_PLUGINS_TEXT(PLUGIN_NAME);
    const siproxd_host* host = siproxd_plugins_state.host;
    enum { kRoom = 4096 };
    sip_ticket_t ticket;
    size_t size = 0;
    const char* bytes = host->msg_raw(message, &size);
    siproxd_plugins_fill(&ticket, message);
    ticket.raw_buffer_size = size + kRoom;
    ticket.raw_buffer = (char*)calloc(1, ticket.raw_buffer_size + 1);
    if (ticket.raw_buffer == NULL) {
        return SIPROXD_FAILED;
    }
    memcpy(ticket.raw_buffer, bytes, size);
    ticket.raw_buffer_len = size;
    char* const buffer = ticket.raw_buffer;
    const int verdict =
        siproxd_plugins_verdict(SIPROXD_STAGE_RAW, PLUGIN_PROCESS(PLUGIN_PROCESS_RAW, &ticket));
    if (ticket.raw_buffer != buffer || ticket.raw_buffer_len > size + kRoom) {
        ERROR("%s has changed the raw buffer to what it cannot be", kName);
    } else if (ticket.raw_buffer_len != size || memcmp(buffer, bytes, size) != 0) {
        host->msg_set_raw(message, buffer, ticket.raw_buffer_len);
    }
    free(buffer);
    return verdict;
}

static inline int siproxd_plugins_process(void* state, uint32_t stage, siproxd_message* message) {
    sip_ticket_t ticket;
    (void)state;
    if (stage == SIPROXD_STAGE_RAW) {
        return siproxd_plugins_process_raw(message);
    }
    siproxd_plugins_fill(&ticket, message);
    ticket.sipmsg = message;
    const int verdict = siproxd_plugins_verdict(stage, PLUGIN_PROCESS((int)stage, &ticket));
    if (verdict == SIPROXD_CONTINUE) {
        siproxd_plugins_send(&ticket);
    }
    return verdict;
}

static inline void siproxd_plugins_tick(void* state) {
    (void)state;
    PLUGIN_PROCESS(PLUGIN_TIMER, NULL);
}

/// What siproxd finds: all stages, of which PLUGIN_INIT chooses.
extern SIPROXD_PLUGIN_EXPORT const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(PLUGIN_NAME);
const siproxd_plugin SIPROXD_PLUGIN_SYMBOL(PLUGIN_NAME) = {
    SIPROXD_PLUGIN_HEADER,
    SIPROXD_ALL_STAGES,
    SIPROXD_PLUGINS_TEXT(PLUGIN_NAME),
    "written for the API of the user guide",
    "1",
    NULL,
    0,
    (uint32_t)sizeof(siproxd_option),
    siproxd_plugins_create,
    siproxd_plugins_destroy,
    siproxd_plugins_process,
    siproxd_plugins_tick,
    NULL,
    NULL,
    NULL,
    NULL,
};

#ifdef __cplusplus
}
#endif

#endif
