/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listings of the user guide (5.1), word for word; only their functions' beginnings and ends, and a line of
   log to see them by, are added. */

#define PLUGIN_NAME plugin_myplugin
#include "plugins.h"

int PLUGIN_INIT(plugin_def_t *plugin_def);
int PLUGIN_PROCESS(int stage, sip_ticket_t *ticket);
int PLUGIN_END(plugin_def_t *plugin_def);

/* clang-format off */
int PLUGIN_INIT(plugin_def_t *plugin_def) {
/* API version number of siproxd that this plug-in is built against.

* This constant will change whenever changes to the API are made

* that require adaptions in the plug-in. */
plugin_def->api_version=SIPROXD_API_VERSION;

/* Name and descriptive text of the plug-in. Those item MUST NOT be
on the stack but either allocated via malloc (and then freed
of course) or a static string in the plug-in. */

plugin_def->name=strdup("plugin_demo");
plugin_def->desc=strdup("This is just a demo plugin without any purpose");

/* Execution mask - during what stages of SIP processing shall

* the plug-in be called. */
plugin_def->exe_mask=PLUGIN_DETERMINE_TARGET|PLUGIN_PRE_PROXY;
return STS_SUCCESS;
}

int PLUGIN_PROCESS(int stage, sip_ticket_t *ticket) {
INFO("guide: stage %i, %s", stage, ticket->host->msg_method(ticket->sipmsg));
return STS_SUCCESS;
}

int PLUGIN_END(plugin_def_t *plugin_def){
/* free my allocated rescources (if allocated via malloc only) */
if (plugin_def->name) {free(plugin_def->name); plugin_def->name=NULL;}
if (plugin_def->desc) {free(plugin_def->desc); plugin_def->desc=NULL;}
return STS_SUCCESS;

}
