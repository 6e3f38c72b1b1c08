// SPDX-License-Identifier: GPL-2.0-or-later
// What the guide's API can do besides: options, tickets, answers, raw bytes. In C++, as plug-ins
// may be.

#define PLUGIN_NAME plugin_ticket
#include "plugins.h"

static char name[] = "plugin_ticket";
static char description[] = "Shows its tickets";

static struct {
    char* greeting;
    char* farewell;
    int number;
    double share;
    stringa_t words;
} options;

static cfgopts_t keywords[] = {
    {"plugin_ticket_greeting", TYP_STRING, &options.greeting, {0, nullptr}},
    {"plugin_ticket_farewell", TYP_STRING, &options.farewell, {0, "bye"}},
    {"plugin_ticket_number", TYP_INT4, &options.number, {7, nullptr}},
    {"plugin_ticket_share", TYP_FLOAT, &options.share, {2, nullptr}},
    {"plugin_ticket_word", TYP_STRINGA, &options.words, {0, nullptr}},
    {nullptr, 0, nullptr, {0, nullptr}},
};

static cfgopts_t misnamed[] = {
    {"plugin_other_word", TYP_STRING, &options.greeting, {0, nullptr}},
    {nullptr, 0, nullptr, {0, nullptr}},
};

int PLUGIN_INIT(plugin_def_t* plugin) {
    plugin->name = name;
    plugin->desc = description;
    plugin->exe_mask = PLUGIN_TIMER | PLUGIN_PROCESS_RAW | PLUGIN_VALIDATE |
                       PLUGIN_DETERMINE_TARGET | PLUGIN_PRE_PROXY;
    if (read_config(configuration.configfile, configuration.config_search, keywords, name) ==
        STS_FAILURE) {
        return STS_FAILURE;
    }
    if (options.number == 14) {
        return read_config(nullptr, 0, misnamed, name);
    }
    // 13 is for a plug-in that was written for something else.
    plugin->api_version = options.number == 13 ? 0x0101 : SIPROXD_API_VERSION;
    INFO("ticket: %s, %s, %d, %.1f, %d words%s%s",
         options.greeting != nullptr ? options.greeting : "nothing", options.farewell,
         options.number, options.share, options.words.used, options.words.used > 0 ? ", last " : "",
         options.words.used > 0 ? options.words.string[options.words.used - 1] : "");
    return STS_SUCCESS;
}

static int processRaw(sip_ticket_t* ticket) {
    if (strncmp(ticket->raw_buffer, "DROP", 4) == 0) {
        return STS_FAILURE;
    }
    if (strncmp(ticket->raw_buffer, "invite", 6) == 0) {
        memcpy(ticket->raw_buffer, "INVITE", 6);
        const char more[] = "more";
        memcpy(ticket->raw_buffer + ticket->raw_buffer_len, more, sizeof more - 1);
        ticket->raw_buffer_len += sizeof more - 1;
    } else if (strncmp(ticket->raw_buffer, "cut", 3) == 0) {
        ticket->raw_buffer_len = 3;
    } else if (strncmp(ticket->raw_buffer, "long", 4) == 0) {
        ticket->raw_buffer_len = ticket->raw_buffer_size + 1;
    } else if (strncmp(ticket->raw_buffer, "move", 4) == 0) {
        ticket->raw_buffer = name;
    }
    return strncmp(ticket->raw_buffer, "sent", 4) == 0 ? STS_SIP_SENT : STS_SUCCESS;
}

int PLUGIN_PROCESS(int stage, sip_ticket_t* ticket) {
    if (stage == PLUGIN_TIMER) {
        INFO("ticket: timer%s", ticket == nullptr ? "" : " with a ticket");
        return STS_SUCCESS;
    }
    if (stage == PLUGIN_PROCESS_RAW) {
        return processRaw(ticket);
    }
    char from[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &ticket->from.sin_addr, from, sizeof from);
    const char* method = ticket->host->msg_method(ticket->sipmsg);
    DEBUGC(SIPROXD_DEBUG_PLUGIN, "ticket: stage 0x%x, %s, %s:%d, protocol %d, direction %d", stage,
           method, from, ntohs(ticket->from.sin_port), ticket->protocol, ticket->direction);
    if (strcmp(method, "OPTIONS") == 0) {
        return stage == PLUGIN_VALIDATE || stage == PLUGIN_PRE_PROXY ? STS_FAILURE : STS_SUCCESS;
    }
    if (strcmp(method, "SUBSCRIBE") == 0 && stage == PLUGIN_DETERMINE_TARGET) {
        return sip_gen_response(ticket, 489) == STS_SUCCESS ? STS_SIP_SENT : STS_FAILURE;
    }
    if (strcmp(method, "MESSAGE") == 0 && stage == PLUGIN_PRE_PROXY) {
        ticket->next_hop.sin_family = AF_INET;
        ticket->next_hop.sin_port = 5070;
        inet_pton(AF_INET, "192.0.2.77", &ticket->next_hop.sin_addr);
    }
    return STS_SUCCESS;
}

int PLUGIN_END(plugin_def_t*) {
    INFO("ticket: the end");
    return STS_SUCCESS;
}
