// Runs the rules of tests/tidy over every file of the checkout, tracked or not yet.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "tests/tidy/rules.h"

namespace lockstep::tidy {
namespace {

namespace fs = std::filesystem;

// Bazel gives tests a link to //:WORKSPACE; where it leads is the checkout.
fs::path Checkout() { return fs::canonical("WORKSPACE").parent_path(); }

// Not ours: hidden folders, Bazel's links, and what npm installs.
bool IsSkipped(const fs::path& folder) {
  const std::string name = folder.filename();
  return name.starts_with('.') || name.starts_with("bazel-") || name == "node_modules";
}

bool IsChecked(const fs::path& file) {
  const std::string extension = file.extension();
  return extension == ".h" || extension == ".cc" || extension == ".BUILD" ||
         file.filename() == "BUILD";
}

std::string ContentOf(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Path from the top -> text.
std::map<std::string, std::string> ReadCheckout() {
  std::map<std::string, std::string> files;
  const fs::path top = Checkout();
  for (auto it = fs::recursive_directory_iterator(top); it != fs::end(it); ++it) {
    if (it->is_directory()) {
      if (IsSkipped(it->path())) it.disable_recursion_pending();
    } else if (it->is_regular_file() && IsChecked(it->path())) {
      files[fs::relative(it->path(), top)] = ContentOf(it->path());
    }
  }
  return files;
}

TEST(TidyTest, EveryFileKeepsTheRules) {
  const auto files = ReadCheckout();
  ASSERT_TRUE(files.contains("model/row.h")) << "the checkout was not found: " << Checkout();
  Paths paths;
  for (const auto& [path, text] : files) paths.insert(path);
  for (const auto& [path, text] : files) {
    for (const Violation& violation : CheckFile(path, text, paths)) {
      ADD_FAILURE() << ToString(violation);
    }
  }
}

}  // namespace
}  // namespace lockstep::tidy
