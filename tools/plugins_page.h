// The tables of docs/plugins.md that are made from code: what each output plugin cannot show
// (model/output_plugin.h). The test of this file holds the page against them.
#ifndef LOCKSTEP_TOOLS_PLUGINS_PAGE_H_
#define LOCKSTEP_TOOLS_PLUGINS_PAGE_H_

#include <string>
#include <string_view>

#include "model/error.h"

namespace lockstep::tools {

// The page, from the top of the checkout, and the command that writes its tables anew.
inline constexpr std::string_view kPluginsPage = "docs/plugins.md";
inline constexpr std::string_view kWritePluginsPage = "bazel run //tools:write_plugins_page";

// The lines between which the tables stand on the page.
inline constexpr std::string_view kTablesBegin =
    "<!-- made by `bazel run //tools:write_plugins_page` -->";
inline constexpr std::string_view kTablesEnd = "<!-- end of what is made -->";

// Markdown, with a newline at the end: by loss and plugin which versions lose it, and what each
// loss means.
std::string LossTables();

// What stands between the two lines of `page`, and `page` with `tables` there instead. kMalformed
// when it does not have both, in their order.
model::Result<std::string> TablesOf(std::string_view page);
model::Result<std::string> WithTables(std::string_view page, std::string_view tables);

}  // namespace lockstep::tools

#endif  // LOCKSTEP_TOOLS_PLUGINS_PAGE_H_
