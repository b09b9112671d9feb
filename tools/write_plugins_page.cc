// Writes the tables of docs/plugins.md anew: bazel run //tools:write_plugins_page
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "model/error.h"
#include "tools/plugins_page.h"

int main() {
  using namespace lockstep;
  // Set by `bazel run`.
  const char* checkout = std::getenv("BUILD_WORKSPACE_DIRECTORY");
  const std::string path = fmt::format("{}/{}", checkout ? checkout : ".", tools::kPluginsPage);
  std::ifstream in(path, std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  const auto written = tools::WithTables(page, tools::LossTables());
  if (!written) {
    fmt::print(stderr, "write_plugins_page: {}\n", written.error().message);
    return static_cast<int>(model::ExitCodeOf(written.error()));
  }
  std::ofstream out(path, std::ios::binary);
  out << *written;
  out.close();
  if (out) return 0;
  fmt::print(stderr, "write_plugins_page: cannot write {}\n", path);
  return static_cast<int>(model::ExitCode::kEnvironment);
}
